package longreach.audio;

import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import longreach.audio.rpc.AudioEncoderService;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.grpc.server.autoconfigure.GrpcServerExecutorProvider;
import org.springframework.context.annotation.Bean;

/** The audio encoder as a process: gRPC on 127.0.0.1:9103 unless configured otherwise. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@EnableConfigurationProperties(AudioEncoderProperties.class)
public class AudioEncoderApplication {
    private static final Map<String, Object> DEFAULTS = Map.of(
            "spring.application.name", "audio-encoder",
            "spring.main.banner-mode", "off",
            "spring.grpc.server.address", "127.0.0.1",
            "spring.grpc.server.port", "9103",
            "spring.grpc.server.shutdown.grace-period", "5s");

    public static void main(String[] args) {
        builder().run(args);
    }

    public static SpringApplicationBuilder builder() {
        return new SpringApplicationBuilder(AudioEncoderApplication.class)
                .web(WebApplicationType.NONE)
                .properties(DEFAULTS);
    }

    @Bean
    AudioEngine audioEngine(AudioEncoderProperties properties) {
        return new AudioEngine(properties);
    }

    @Bean
    AudioEncoderService audioEncoderService(AudioEngine engine, AudioEncoderProperties properties) {
        return new AudioEncoderService(engine, properties);
    }

    @Bean(destroyMethod = "shutdownNow")
    ExecutorService grpcHandlers() {
        return Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("audio-rpc-", 0).factory());
    }

    @Bean
    GrpcServerExecutorProvider grpcServerExecutorProvider(ExecutorService grpcHandlers) {
        return () -> grpcHandlers;
    }
}
