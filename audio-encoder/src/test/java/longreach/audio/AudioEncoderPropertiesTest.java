package longreach.audio;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import org.springframework.util.unit.DataSize;

class AudioEncoderPropertiesTest {
    private static AudioEncoderProperties bind(Map<String, String> values) {
        return new Binder(new MapConfigurationPropertySource(values))
                .bindOrCreate("audio-encoder", AudioEncoderProperties.class);
    }

    @Test
    void defaults() {
        assertThat(bind(Map.of()))
                .isEqualTo(new AudioEncoderProperties(
                        "whisper-tiny.en",
                        "silero-vad",
                        null,
                        "auto",
                        AudioEncoderProperties.Precision.FAST,
                        0,
                        4,
                        null,
                        DataSize.ofGigabytes(4),
                        Duration.ofHours(12),
                        2,
                        64,
                        DataSize.ofGigabytes(1),
                        Duration.ofSeconds(60)));
    }

    @Test
    void everyKey() {
        Map<String, String> values = Map.ofEntries(
                Map.entry("audio-encoder.model", "whisper-base"),
                Map.entry("audio-encoder.vad-model", "vad"),
                Map.entry("audio-encoder.cache", "/cache"),
                Map.entry("audio-encoder.language", "de"),
                Map.entry("audio-encoder.precision", "f32"),
                Map.entry("audio-encoder.threads", "3"),
                Map.entry("audio-encoder.batch", "2"),
                Map.entry("audio-encoder.media-root", "/media"),
                Map.entry("audio-encoder.max-bytes", "1MB"),
                Map.entry("audio-encoder.max-duration", "90s"),
                Map.entry("audio-encoder.concurrent", "5"),
                Map.entry("audio-encoder.queued", "0"),
                Map.entry("audio-encoder.decoder-memory", "3GB"),
                Map.entry("audio-encoder.decoder-silence", "7s"));
        assertThat(bind(values))
                .isEqualTo(new AudioEncoderProperties(
                        "whisper-base",
                        "vad",
                        Path.of("/cache"),
                        "de",
                        AudioEncoderProperties.Precision.F32,
                        3,
                        2,
                        Path.of("/media"),
                        DataSize.ofMegabytes(1),
                        Duration.ofSeconds(90),
                        5,
                        0,
                        DataSize.ofGigabytes(3),
                        Duration.ofSeconds(7)));
    }
}
