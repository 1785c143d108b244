package longreach.vision;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.process.ChildPool;
import longreach.vision.document.OfficeReader;
import longreach.vision.document.PdfReader;
import longreach.vision.document.TextReader;
import longreach.vision.image.ImageReader;
import longreach.vision.media.ComputeGate;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaType;
import longreach.vision.ocr.OcrEngine;
import longreach.vision.rpc.VisionEncoderService;
import longreach.vision.siglip.Eyes;
import longreach.vision.video.FrameSource;
import longreach.vision.video.VideoReader;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.grpc.server.autoconfigure.GrpcServerExecutorProvider;
import org.springframework.context.annotation.Bean;

/** Serves {@code longreach.v1.VisionEncoder}. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@EnableConfigurationProperties({VisionSettings.class, EyesSettings.class})
public class VisionEncoderApplication {
    public static void main(String[] args) {
        builder().run(args);
    }

    /** The service with its defaults; a caller that runs it beside others adds properties of its own. */
    public static SpringApplicationBuilder builder() {
        return new SpringApplicationBuilder(VisionEncoderApplication.class)
                .web(WebApplicationType.NONE)
                .headless(true)
                .properties(Map.of(
                        "spring.application.name", "vision-encoder",
                        "spring.main.banner-mode", "off",
                        "spring.jmx.enabled", "false",
                        "spring.grpc.server.address", "127.0.0.1",
                        "spring.grpc.server.port", "9102",
                        "spring.grpc.server.inbound.message.max-size", "8MB",
                        "spring.grpc.server.shutdown.grace-period", "5s",
                        // These tell every oddity of every file they repair.
                        "logging.level.org.apache.poi", "ERROR",
                        "logging.level.org.apache.pdfbox", "ERROR",
                        "logging.level.org.apache.fontbox", "ERROR"));
    }

    @Bean(destroyMethod = "shutdownNow")
    ExecutorService grpcHandlers() {
        return Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("vision-rpc-", 0).factory());
    }

    @Bean
    GrpcServerExecutorProvider grpcServerExecutorProvider(ExecutorService grpcHandlers) {
        return () -> grpcHandlers;
    }

    @Bean
    OcrEngine ocrEngine(VisionSettings settings) {
        return new OcrEngine(settings.computeThreads());
    }

    @Bean
    ComputeGate computeGate(VisionSettings settings) {
        return new ComputeGate(settings.computeThreads());
    }

    @Bean
    ChildPool decoders(VisionSettings settings) {
        return decoderPool(settings);
    }

    static ChildPool decoderPool(VisionSettings settings) {
        return FrameSource.pool(
                settings.decoderMemory().toBytes(),
                settings.decoderSilence(),
                settings.maxPixels(),
                settings.decoders());
    }

    /** The eyes, loaded at start: whether there are some decides what models are told of images. */
    @Bean
    @ConditionalOnProperty("vision-encoder.eyes.model")
    Eyes eyes(EyesSettings settings) {
        int threads = settings.threads() == 0 ? KernelSelector.defaultThreads() : settings.threads();
        boolean exact = settings.precision() == EyesSettings.Precision.F32;
        return Eyes.load(settings.model(), KernelSelector.select(threads), exact);
    }

    @Bean
    VisionEncoderService visionEncoderService(
            VisionSettings settings, OcrEngine ocr, ComputeGate gate, ChildPool decoders, Optional<Eyes> eyes) {
        return new VisionEncoderService(
                settings, ocr, eyes.orElse(null), readers(settings, ocr, gate, decoders, eyes.orElse(null)));
    }

    /**
     * One reader for each family of media that can be read.
     *
     * @param eyes null: none
     */
    static Map<MediaType.Family, MediaReader> readers(
            VisionSettings settings, OcrEngine ocr, ComputeGate gate, ChildPool decoders, Eyes eyes) {
        return Map.of(
                MediaType.Family.PDF, new PdfReader(settings, ocr, gate),
                MediaType.Family.TEXT, new TextReader(),
                MediaType.Family.OFFICE, new OfficeReader(settings, gate),
                MediaType.Family.IMAGE, new ImageReader(settings, ocr, gate, decoders, eyes),
                MediaType.Family.VIDEO, new VideoReader(settings, ocr, gate, decoders));
    }
}
