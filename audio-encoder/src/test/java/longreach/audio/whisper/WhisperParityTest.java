package longreach.audio.whisper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import longreach.audio.Golden;
import longreach.audio.Sounds;
import longreach.audio.Weights;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The real English checkpoint against transformers, on one real sentence. */
class WhisperParityTest {
    private static final JsonNode GOLDEN = Golden.json("whisper/golden.json");

    private static Kernels kernels;
    private static WhisperModel model;
    private static WhisperModel.Window window;

    @BeforeAll
    static void load() {
        java.nio.file.Path weights = Weights.whisper();
        kernels = KernelSelector.select();
        model = WhisperModel.load(weights, kernels, new WhisperModel.Settings(true, 2, "en"));
        float[] samples = Sounds.sentence(870);
        window = new WhisperModel.Window(samples, samples.length);
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
            kernels.pool().close();
        }
    }

    @Test
    void encoderEqualsTheReference() {
        float[] encoded = model.encode(window, () -> {});
        int[] positions = Golden.ints(GOLDEN.path("encoder_positions"));
        int width = model.config().width();
        float[] sampled = new float[positions.length * width];
        for (int i = 0; i < positions.length; i++) {
            System.arraycopy(encoded, positions[i] * width, sampled, i * width, width);
        }
        assertThat(Golden.distance(sampled, Golden.floats("whisper/encoder.f32")))
                .isLessThan(2e-3);
    }

    @Test
    void logitsEqualTheReference() {
        int[] tokens = Golden.ints(GOLDEN.path("tokens"));
        int stride = GOLDEN.path("logit_stride").asInt();
        float[][] logits = model.forcedLogits(window, tokens);
        int perToken = (model.config().vocabulary() + stride - 1) / stride;
        float[] sampled = new float[logits.length * perToken];
        for (int t = 0; t < logits.length; t++) {
            for (int i = 0; i < perToken; i++) {
                sampled[t * perToken + i] = logits[t][i * stride];
            }
        }
        assertThat(Golden.distance(sampled, Golden.floats("whisper/logits.f32")))
                .isLessThan(2e-3);
    }

    @Test
    void greedyTranscriptEqualsTheReferenceAloneAndInABatch() {
        int[] expected = Golden.ints(GOLDEN.path("tokens"));
        List<Hypothesis> both = model.hypotheses(List.of(window, window));
        for (Hypothesis h : both) {
            assertThat(h.tokens()).isEqualTo(expected);
            assertThat(h.temperature()).isZero();
        }
    }
}
