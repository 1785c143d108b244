package longreach.audio.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import longreach.audio.Golden;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.WeightsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Gemma 3n's front end against transformers; tests/golden/README.md tells how the files were made. */
class GemmaLogMelTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"released", "plain", "tiny"})
    void equalsTheReference(String front) throws Exception {
        JsonNode golden = Golden.json("conformer/conformer.json");
        var features = new GemmaLogMel(config(golden.path("fronts").path(front).toString()));
        float[] sounds = Golden.samples("conformer/sounds.s16.gz");
        float[] expected = Golden.packed("conformer/" + front + ".f32.gz");
        int from = 0;
        int at = 0;
        double worst = 0;
        for (int length : Golden.ints(golden.path("lengths"))) {
            float[] mel = features.compute(Arrays.copyOfRange(sounds, from, from + length), length);
            assertThat(mel).hasSize(features.frames(length) * features.config().mels());
            float[] part = Arrays.copyOfRange(expected, at, at + mel.length);
            worst = Math.max(worst, Golden.distance(mel, part));
            from += length;
            at += mel.length;
        }
        assertThat(at).isEqualTo(expected.length);
        System.out.printf("Gemma 3n log-mel, %s: largest difference %.1e%n", front, worst);
        assertThat(worst).isLessThan(1e-4);
    }

    @Test
    void aSoundIsPaddedToWholeFrames() throws Exception {
        var features = new GemmaLogMel(config("{}"));
        assertThat(features.frames(0)).isZero();
        assertThat(features.frames(512)).isZero();
        assertThat(features.frames(513)).isEqualTo(1);
        assertThat(features.frames(640)).isEqualTo(1);
        assertThat(features.frames(GemmaLogMelConfig.MAX_SAMPLES)).isEqualTo(2997);
        assertThat(features.compute(new float[9], 9)).isEmpty();
        assertThatThrownBy(() -> features.compute(new float[9], 10)).hasMessageContaining("samples: 10");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"feature_size\": 0 -> feature_size: 0 (expected: 1 to 1024)",
                "\"feature_size\": 2000000000 -> feature_size: 2000000000",
                "\"hop_length\": 0 -> hop_length: 0",
                "\"frame_length\": 2000000000 -> frame_length: 2000000000",
                "\"fft_length\": 1000 -> fft_length: 1000 (expected: a power of two",
                "\"fft_length\": 256 -> fft_length: 256",
                "\"max_frequency\": 8001 -> max_frequency: 8001.0",
                "\"min_frequency\": 7600 -> min_frequency: 7600.0",
                "\"mel_floor\": 0 -> mel_floor: 0.0",
                "\"dither\": 0.1 -> dither: 0.1",
                "\"sampling_rate\": 8000 -> sampling_rate: 8000",
                "\"per_bin_mean\": [1, 2] -> per_bin_mean: 2 (expected: 128 numbers)",
                "\"feature_extractor_type\": \"Other\" -> feature_extractor_type: Other"
            })
    void settingsThatCannotBeServedAreRefused(String change) {
        String[] parts = change.split(" -> ");
        assertThatThrownBy(() -> config("{" + parts[0] + "}"))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContaining(parts[1]);
    }

    private GemmaLogMelConfig config(String json) throws Exception {
        return GemmaLogMelConfig.of(JsonConfig.read(Files.writeString(directory.resolve("front.json"), json)));
    }
}
