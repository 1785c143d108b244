package longreach.gateway.config;

import io.grpc.ServerServiceDefinition;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Clock;
import java.util.concurrent.Executors;
import longreach.gateway.answer.Answering;
import longreach.gateway.auth.ApiKeys;
import longreach.gateway.auth.KeyFile;
import longreach.gateway.auth.Quotas;
import longreach.gateway.cache.CachedContents;
import longreach.gateway.cache.ContextStoreClient;
import longreach.gateway.cache.IngestQueue;
import longreach.gateway.cache.IngestWorkers;
import longreach.gateway.cache.Prefill;
import longreach.gateway.embed.Embeddings;
import longreach.gateway.fetch.UrlFetcher;
import longreach.gateway.files.FileLibrary;
import longreach.gateway.files.Uploads;
import longreach.gateway.interaction.Interactions;
import longreach.gateway.media.ArtifactClient;
import longreach.gateway.media.EncoderClient;
import longreach.gateway.media.MediaReader;
import longreach.gateway.media.Pictures;
import longreach.gateway.models.ModelAliases;
import longreach.gateway.models.Models;
import longreach.gateway.plan.DocumentLayout;
import longreach.gateway.plan.MediaParts;
import longreach.gateway.plan.Planner;
import longreach.gateway.plan.Units;
import longreach.gateway.request.Requests;
import longreach.gateway.rpc.BrokenMessages;
import longreach.gateway.rpc.KeyInterceptor;
import longreach.gateway.rpc.ReceiptTrailer;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.grpc.server.autoconfigure.GrpcServerExecutorProvider;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.grpc.server.GlobalServerInterceptor;
import org.springframework.grpc.server.GrpcServerFactory;
import org.springframework.grpc.server.service.DefaultGrpcServiceConfigurer;
import org.springframework.grpc.server.service.GrpcServiceConfigurer;
import org.springframework.grpc.server.service.GrpcServiceSpec;
import org.springframework.scheduling.annotation.EnableScheduling;

/** Puts the gateway together. */
@Configuration(proxyBeanMethods = false)
@EnableScheduling
public class GatewayConfiguration {
    /** One unit of about a page: measured best for the default model on short documents. */
    private static final int DEFAULT_SHOWN_PIECES = 1;

    @Bean
    Channels channels(GatewayProperties properties) {
        return new Channels(properties);
    }

    @Bean
    ApiKeys apiKeys(GatewayProperties properties, @Value("${server.address:}") String address) throws IOException {
        var keys = new ApiKeys(
                properties.apiKey(),
                properties.tenantSalt(),
                properties.quota().limits(),
                properties.keysFile() == null ? null : new KeyFile(properties.keysFile(), Clock.systemUTC()));
        if (keys.open() && !isLoopback(address)) {
            throw new IllegalStateException("server.address: " + (address.isEmpty() ? "every interface" : address)
                    + " (expected: loopback, or gateway.api-key set, or a key in gateway.keys-file)");
        }
        return keys;
    }

    private static boolean isLoopback(String address) {
        try {
            return !address.isEmpty() && InetAddress.getByName(address).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    @Bean
    Quotas quotas(Channels channels) {
        return new Quotas(channels.contextStore);
    }

    @Bean
    Models models(Channels channels, GatewayProperties properties) {
        return new Models(channels.lmCore, ModelAliases.of(properties.modelAlias()));
    }

    @Bean
    @Qualifier("vision")
    EncoderClient visionEncoder(Channels channels, GatewayProperties properties) {
        return EncoderClient.vision(
                channels.visionEncoder,
                properties.sharedMedia(),
                properties.limits().encode());
    }

    @Bean
    @Qualifier("audio")
    EncoderClient audioEncoder(Channels channels, GatewayProperties properties) {
        return EncoderClient.audio(
                channels.audioEncoder,
                properties.sharedMedia(),
                properties.limits().encode());
    }

    @Bean
    MediaReader mediaReader(
            @Qualifier("vision") EncoderClient vision,
            @Qualifier("audio") EncoderClient audio,
            Channels channels,
            GatewayProperties properties) {
        return new MediaReader(
                vision,
                audio,
                new ArtifactClient(channels.contextStore),
                properties.limits().encodesAtOnce());
    }

    @Bean
    Pictures pictures(@Qualifier("vision") EncoderClient vision, Channels channels) {
        return new Pictures(vision, new ArtifactClient(channels.contextStore));
    }

    @Bean
    Prefill prefill(Channels channels, Pictures pictures) {
        return new Prefill(channels.lmCore, pictures);
    }

    @Bean(initMethod = "resume")
    FileLibrary fileLibrary(MediaReader reader, GatewayProperties properties) throws IOException {
        return new FileLibrary(properties.data(), reader, properties.limits().fileLife(), Clock.systemUTC());
    }

    @Bean
    Uploads uploads(FileLibrary library, GatewayProperties properties) throws IOException {
        return new Uploads(
                properties.data(),
                library,
                properties.limits().file().toBytes(),
                properties.limits().uploadLife(),
                Clock.systemUTC());
    }

    @Bean
    Sweeper sweeper(FileLibrary library, Uploads uploads) {
        return new Sweeper(library, uploads);
    }

    @Bean
    Embeddings embeddings(Models models, Quotas quotas, Channels channels) {
        return new Embeddings(models, quotas, channels.lmCore);
    }

    @Bean
    Requests requests(GatewayProperties properties) {
        return new Requests(properties.limits().inline().toBytes());
    }

    @Bean
    Planner planner(Channels channels, GatewayProperties properties) {
        return new Planner(channels.lmCore, layout(properties));
    }

    @Bean
    MediaParts mediaParts(FileLibrary library, MediaReader reader, Pictures pictures, GatewayProperties properties) {
        var fetch = properties.fetch();
        return new MediaParts(
                library,
                reader,
                pictures,
                new UrlFetcher(fetch.on(), fetch.allow(), fetch.bytes().toBytes(), fetch.time()),
                new Units(properties.pieceTokens()));
    }

    @Bean
    CachedContents cachedContents(
            Requests requests,
            Models models,
            MediaParts media,
            Planner planner,
            Quotas quotas,
            Prefill prefill,
            Pictures pictures,
            IngestQueue queue,
            Channels channels,
            GatewayProperties properties) {
        return new CachedContents(
                requests,
                models,
                media,
                planner,
                quotas,
                prefill,
                new ContextStoreClient(channels.contextStore),
                pictures,
                queue,
                new CachedContents.Lives(
                        properties.limits().contextLife(),
                        properties.ingest().life(),
                        properties.ingest().mostOfTenant()),
                Clock.systemUTC());
    }

    @Bean
    IngestQueue ingestQueue(Channels channels, GatewayProperties properties) {
        return new IngestQueue(channels.contextStore, properties.ingest().most());
    }

    @Bean(initMethod = "start", destroyMethod = "close")
    IngestWorkers ingestWorkers(
            CachedContents contents, IngestQueue queue, Prefill prefill, Models models, GatewayProperties properties) {
        return new IngestWorkers(
                contents, queue, prefill, models, properties.ingest().settings());
    }

    @Bean
    Answering answering(
            Requests requests,
            Models models,
            MediaParts media,
            Pictures pictures,
            CachedContents cached,
            Planner planner,
            Quotas quotas,
            Channels channels,
            GatewayProperties properties) {
        return new Answering(
                requests,
                models,
                media,
                pictures,
                cached,
                planner,
                quotas,
                channels.lmCore,
                properties.limits().answer());
    }

    @Bean
    Interactions interactions(
            Requests requests,
            Models models,
            CachedContents cached,
            Planner planner,
            Answering answering,
            Prefill prefill,
            Channels channels,
            GatewayProperties properties) {
        return new Interactions(
                requests,
                models,
                cached,
                planner,
                answering,
                prefill,
                new ContextStoreClient(channels.contextStore),
                properties.limits().interactionLife(),
                Clock.systemUTC());
    }

    private static DocumentLayout layout(GatewayProperties properties) {
        return switch (properties.layout()) {
            case BEST_PIECES ->
                new DocumentLayout.BestPieces(
                        properties.shownPieces() == 0 ? DEFAULT_SHOWN_PIECES : properties.shownPieces(),
                        properties.pieceTokens());
            case WHOLE -> new DocumentLayout.Whole();
            case SANDWICH -> new DocumentLayout.Sandwich();
        };
    }

    @Bean
    GrpcServerExecutorProvider grpcExecutor() {
        var executor = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("grpc-", 0).factory());
        return () -> executor;
    }

    @Bean
    GrpcServiceConfigurer grpcServiceConfigurer(ApplicationContext context) {
        return new DefaultGrpcServiceConfigurer(context) {
            @Override
            public ServerServiceDefinition configure(GrpcServiceSpec spec, GrpcServerFactory factory) {
                return BrokenMessages.refusedBy(super.configure(spec, factory));
            }
        };
    }

    @Bean
    @Order(1)
    @GlobalServerInterceptor
    KeyInterceptor keyInterceptor(ApiKeys keys, Quotas quotas) {
        return new KeyInterceptor(keys, quotas);
    }

    @Bean
    @Order(2)
    @GlobalServerInterceptor
    ReceiptTrailer receiptTrailer() {
        return new ReceiptTrailer();
    }
}
