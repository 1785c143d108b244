package longreach.lm.rpc;

import io.grpc.BindableService;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import longreach.lm.backend.ModelBackend;
import longreach.lm.embed.SentenceEncoder;
import longreach.lm.engine.EngineMetrics;
import longreach.lm.engine.ModelCatalogue;
import longreach.lm.engine.ModelLoader;
import longreach.lm.engine.ServedModel;
import longreach.lm.openai.OpenAiBackend;
import longreach.store.api.ContextStore;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelCache;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.grpc.server.autoconfigure.GrpcServerExecutorProvider;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Kernels, model, engine and service as beans. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(LmCoreProperties.class)
public class LmCoreConfiguration {
    private static final String NATIVE = "native";
    /** Whose records are the deployment's own: no tenant has a name with a slash. */
    private static final String DEPLOYMENT = "/deployment";

    @Bean
    Kernels kernels(LmCoreProperties properties) {
        return properties.threads() == 0 ? KernelSelector.select() : KernelSelector.select(properties.threads());
    }

    @Bean(destroyMethod = "close")
    ComputePool computePool(Kernels kernels) {
        return kernels.pool();
    }

    /** Closed before the store and the pool that it uses: Spring destroys dependants first. */
    @Bean(destroyMethod = "close")
    @ConditionalOnProperty(name = "lm-core.engine", havingValue = NATIVE, matchIfMissing = true)
    ServedModel servedModel(
            LmCoreProperties properties,
            Kernels kernels,
            ComputePool pool,
            ContextStore store,
            SentenceEncoder encoder,
            ObjectProvider<MeterRegistry> registry) {
        KernelSelector.remember(kernels, new StoredChoice(store, store.tenant(DEPLOYMENT), KernelSelector.processor()));
        var catalogue = new ModelCatalogue(ModelCache.ofEnvironment());
        ServedModel served = ModelLoader.serve(
                catalogue.find(properties.model()),
                properties.draftModel().isEmpty() ? null : catalogue.find(properties.draftModel()),
                kernels,
                properties.precisionValue(),
                store,
                properties.engineSettings(),
                new EngineMetrics(registry.getIfAvailable(SimpleMeterRegistry::new)),
                encoder);
        served.engine().auditing(properties.auditShare());
        return served;
    }

    @Bean
    @ConditionalOnProperty(name = "lm-core.engine", havingValue = NATIVE, matchIfMissing = true)
    ModelBackend engineBackend(ServedModel model) {
        return new EngineBackend(model);
    }

    @Bean(destroyMethod = "close")
    @ConditionalOnProperty(name = "lm-core.engine", havingValue = "openai")
    OpenAiBackend openAiBackend(LmCoreProperties properties) {
        return new OpenAiBackend(properties.openai().settings());
    }

    /** Handlers and writers wait for callers. */
    @Bean(destroyMethod = "shutdown")
    ExecutorService rpcExecutor() {
        return Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("lm-core-rpc-", 0).factory());
    }

    @Bean
    GrpcServerExecutorProvider grpcServerExecutorProvider(ExecutorService rpcExecutor) {
        return () -> rpcExecutor;
    }

    @Bean
    BindableService lmCoreService(ModelBackend model, ExecutorService rpcExecutor) {
        return new LmCoreService(List.of(model), rpcExecutor);
    }

    @Bean(destroyMethod = "close")
    SentenceEncoder sentenceEncoder() {
        return new SentenceEncoder();
    }

    @Bean
    BindableService embedderService(SentenceEncoder encoder) {
        return new EmbedderService(encoder);
    }
}
