package longreach.store.rpc;

import io.grpc.BindableService;
import java.util.concurrent.Executors;
import longreach.store.api.ContextStore;
import longreach.store.config.StoreProperties;
import org.springframework.boot.grpc.server.autoconfigure.GrpcServerExecutorProvider;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The gRPC side as beans. */
@Configuration(proxyBeanMethods = false)
public class RpcConfiguration {
    @Bean
    BindableService contextStoreService(ContextStore store, StoreProperties properties) {
        return new ContextStoreService(store, properties.maxValue().toBytes());
    }

    /** Handlers wait for Redis. */
    @Bean
    GrpcServerExecutorProvider grpcServerExecutorProvider() {
        var executor = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("context-store-rpc-", 0).factory());
        return () -> executor;
    }
}
