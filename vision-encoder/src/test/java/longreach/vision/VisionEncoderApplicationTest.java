package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.inprocess.InProcessChannelBuilder;
import java.util.Map;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.VisionEncoderGrpc;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;

class VisionEncoderApplicationTest {
    @Test
    void theServiceStartsWithItsDefaults() {
        try (var context = VisionEncoderApplication.builder()
                .run("--spring.grpc.server.inprocess.name=vision-test", "--spring.grpc.server.port=0")) {
            var channel = InProcessChannelBuilder.forName("vision-test").build();
            try {
                var description = VisionEncoderGrpc.newBlockingStub(channel)
                        .describe(DescribeEncoderRequest.getDefaultInstance());
                assertThat(description.getMimeTypesList())
                        .contains("application/pdf", "image/png", "image/webp", "video/mp4", "text/markdown");
                assertThat(description.getFingerprint())
                        .matches("vision-encoder/\\d+ pp-ocrv4-[0-9a-f]{16} pdfbox-3\\S+ ffmpeg-\\S+ dpi=200,\\S+");
            } finally {
                channel.shutdownNow();
            }
            assertThat(context.getBean(VisionSettings.class)).isEqualTo(bind(Map.of()));
        }
    }

    private static VisionSettings bind(Map<String, String> values) {
        return new Binder(new MapConfigurationPropertySource(values))
                .bindOrCreate("vision-encoder", VisionSettings.class);
    }

    @Test
    void everyKeyIsReadAndChecked() {
        VisionSettings settings = bind(Map.ofEntries(
                Map.entry("vision-encoder.media-root", "/media"),
                Map.entry("vision-encoder.spool-directory", "/spool"),
                Map.entry("vision-encoder.max-bytes", "3MB"),
                Map.entry("vision-encoder.max-pages", "7"),
                Map.entry("vision-encoder.max-pixels", "1000"),
                Map.entry("vision-encoder.page-dpi", "150"),
                Map.entry("vision-encoder.max-page-pixels", "200000"),
                Map.entry("vision-encoder.pdf-memory", "1MB"),
                Map.entry("vision-encoder.max-duration", "2h"),
                Map.entry("vision-encoder.max-fps", "4"),
                Map.entry("vision-encoder.max-encode-time", "5m"),
                Map.entry("vision-encoder.threads", "3"),
                Map.entry("vision-encoder.max-calls", "9")));
        assertThat(settings.mediaRoot()).hasToString("/media");
        assertThat(settings.spoolDirectory()).hasToString("/spool");
        assertThat(settings.maxBytes().toMegabytes()).isEqualTo(3);
        assertThat(settings.maxPages()).isEqualTo(7);
        assertThat(settings.maxPixels()).isEqualTo(1000);
        assertThat(settings.pageDpi()).isEqualTo(150);
        assertThat(settings.maxPagePixels()).isEqualTo(200_000);
        assertThat(settings.pdfMemory().toMegabytes()).isEqualTo(1);
        assertThat(settings.maxDuration()).hasHours(2);
        assertThat(settings.maxFps()).isEqualTo(4);
        assertThat(settings.maxEncodeTime()).hasMinutes(5);
        assertThat(settings.computeThreads()).isEqualTo(3);
        assertThat(settings.maxCalls()).isEqualTo(9);
        for (String bad : new String[] {"max-pages", "max-pixels", "page-dpi", "max-fps", "max-calls"}) {
            assertThatThrownBy(() -> bind(Map.of("vision-encoder." + bad, "0")))
                    .rootCause()
                    .hasMessageStartingWith("vision-encoder." + bad + ": 0")
                    .hasMessageContaining("expected");
        }
    }
}
