package longreach.audio.conformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CancellationException;
import longreach.audio.Golden;
import longreach.audio.feature.GemmaLogMel;
import longreach.audio.feature.GemmaLogMelConfig;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.WeightsException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A tiny random tower against transformers in f32; tests/golden/README.md tells how the files were made. */
class ConformerTest {
    /** The reference itself moves by 2e-5 when its input does by 1e-7. */
    private static final double CLOSE = 5e-5;

    private static final int MELS = 20;

    private static ComputePool pool;

    @BeforeAll
    static void open() {
        pool = new ComputePool(2);
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void soundsAreHeardAsByTheReference(String kernels) {
        try (Arena arena = Arena.ofShared();
                var files = ModelDirectory.open(Golden.path("conformer/tower"))) {
            var tower = Conformer.load(files, KernelSelector.create(kernels, pool), true, arena);
            assertThat(tower.config().textWidth()).isEqualTo(36);
            float[] mel = Golden.packed("conformer/tiny.f32.gz");
            float[] encoded = Golden.packed("conformer/encoded.f32.gz");
            float[] soft = Golden.packed("conformer/soft.f32.gz");
            var golden = Golden.json("conformer/conformer.json");
            int[] frames = Golden.ints(golden.path("frames"));
            int[] tokens = Golden.ints(golden.path("tokens"));
            int from = 0;
            int at = 0;
            double worst = 0;
            double worstSoft = 0;
            for (int i = 0; i < frames.length; i++) {
                assertThat(tower.config().tokens(frames[i])).isEqualTo(tokens[i]);
                float[] sound = Arrays.copyOfRange(mel, from * MELS, (from + frames[i]) * MELS);
                float[] heard = tower.hear(sound, frames[i], () -> {});
                float[] given = tower.encode(sound, frames[i], () -> {});
                int end = at + tokens[i];
                worst = Math.max(worst, relative(heard, Arrays.copyOfRange(encoded, at * 24, end * 24)));
                worstSoft = Math.max(worstSoft, relative(given, Arrays.copyOfRange(soft, at * 36, end * 36)));
                from += frames[i];
                at = end;
            }
            assertThat(at * 36).isEqualTo(soft.length);
            System.out.printf("conformer, %s: relative difference %.1e, soft tokens %.1e%n", kernels, worst, worstSoft);
            assertThat(worst).isLessThan(CLOSE);
            assertThat(worstSoft).isLessThan(CLOSE);
        }
    }

    @Test
    void fromSamplesToSoftTokens() {
        try (Arena arena = Arena.ofShared();
                var files = ModelDirectory.open(Golden.path("conformer/tower"))) {
            var tower = Conformer.load(files, vector(), true, arena);
            var front = new GemmaLogMel(GemmaLogMelConfig.of(files));
            int[] lengths = Golden.ints(Golden.json("conformer/conformer.json").path("lengths"));
            float[] sounds = Golden.samples("conformer/sounds.s16.gz");
            int last = lengths[lengths.length - 1];
            float[] sound = Arrays.copyOfRange(sounds, sounds.length - last, sounds.length);
            float[] soft = tower.encode(front.compute(sound, last), front.frames(last), () -> {});
            float[] all = Golden.packed("conformer/soft.f32.gz");
            assertThat(relative(soft, Arrays.copyOfRange(all, all.length - soft.length, all.length)))
                    .isLessThan(1e-4);
        }
    }

    @Test
    void fastIsNear() {
        try (Arena arena = Arena.ofShared();
                var files = ModelDirectory.open(Golden.path("conformer/tower"))) {
            float[] mel = Golden.packed("conformer/tiny.f32.gz");
            int frames = mel.length / MELS;
            float[] exact = Conformer.load(files, vector(), true, arena).encode(mel, frames, () -> {});
            float[] fast = Conformer.load(files, vector(), false, arena).encode(mel, frames, () -> {});
            assertThat(relative(fast, exact)).isLessThan(1e-3);
        }
    }

    @Test
    void nothingIsNoToken() {
        try (Arena arena = Arena.ofShared();
                var files = ModelDirectory.open(Golden.path("conformer/tower"))) {
            var tower = Conformer.load(files, vector(), true, arena);
            assertThat(tower.encode(new float[0], 0, () -> {})).isEmpty();
            assertThatThrownBy(() -> tower.encode(new float[19], 1, () -> {}))
                    .hasMessageContaining("mel: 19 values (expected: 1 frames of 20)");
        }
    }

    @Test
    void whoLeavesEndsTheComputation() {
        try (Arena arena = Arena.ofShared();
                var files = ModelDirectory.open(Golden.path("conformer/tower"))) {
            var tower = Conformer.load(files, vector(), true, arena);
            int[] steps = {0};
            assertThatThrownBy(() -> tower.encode(new float[40], 2, () -> {
                        if (++steps[0] == 4) {
                            throw new CancellationException();
                        }
                    }))
                    .isInstanceOf(CancellationException.class);
            assertThat(steps[0]).isEqualTo(4);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"hidden_size\": 24 -> \"hidden_size\": 30 -> pre_layer_norm.weight: shape [24] (expected: [30])",
                "\"hidden_size\": 24 -> \"hidden_size\": 25 -> hidden_size: 25 (expected: even",
                "\"hidden_size\": 24 -> \"hidden_size\": 2000000000 -> hidden_size: 2000000000",
                "\"hidden_size\": 36 -> \"hidden_size\": 37 -> embedding_projection.weight: shape [36, 24]",
                "\"conf_num_hidden_layers\": 3 -> \"conf_num_hidden_layers\": 4 -> conformer.3.ffw_layer_start",
                "\"conf_num_hidden_layers\": 3 -> \"conf_num_hidden_layers\": 100000 -> conf_num_hidden_layers: 100000",
                "\"conf_num_attention_heads\": 3 -> \"conf_num_attention_heads\": 0 -> conf_num_attention_heads: 0",
                "\"conf_num_attention_heads\": 3 -> \"conf_num_attention_heads\": 4 -> per_dim_scale: shape [8]",
                "\"conf_attention_context_left\": 4 -> \"conf_attention_context_left\": 2147483647 -> context_left",
                "\"conf_attention_context_right\": 2 -> \"conf_attention_context_right\": -1 -> context_right: -1",
                "\"conf_attention_logit_cap\": 3.0 -> \"conf_attention_logit_cap\": 0 -> conf_attention_logit_cap: 0.0",
                "\"conf_conv_kernel_size\": 4 -> \"conf_conv_kernel_size\": 5 -> depthwise_conv1d.weight: shape",
                "\"conf_reduction_factor\": 3 -> \"conf_reduction_factor\": 0 -> conf_reduction_factor: 0",
                "\"gradient_clipping\": 1.5 -> \"gradient_clipping\": -1 -> gradient_clipping: -1.0",
                "\"input_feat_size\": 20 -> \"input_feat_size\": 40 -> input_proj_linear.weight: shape",
                "\"sscp_conv_channel_size\" -> \"sscp_conv_kernel_size\": 3, \"x\" -> sscp_conv_kernel_size",
                "\"model_type\": \"gemma3n_audio\" -> \"model_type\": \"gemma4_audio\" -> model_type: gemma4_audio",
                "\"audio_config\" -> \"other_config\" -> audio_config: missing",
                "\"text_config\" -> \"other_config\" -> text_config: missing"
            })
    void aBrokenCheckpointIsRefusedByName(String change, @TempDir Path broken) throws Exception {
        String[] parts = change.split(" -> ");
        Files.copy(Golden.path("conformer/tower/model.safetensors"), broken.resolve("model.safetensors"));
        String config = Files.readString(Golden.path("conformer/tower/config.json"));
        assertThat(config).contains(parts[0]);
        if (parts[0].equals("\"sscp_conv_channel_size\"")) {
            // The last of two equal keys counts, so the sound one is renamed.
            config = config.replace("\"sscp_conv_kernel_size\"", "\"y\"");
        }
        Files.writeString(broken.resolve("config.json"), config.replace(parts[0], parts[1]));
        try (Arena arena = Arena.ofShared();
                var files = ModelDirectory.open(broken)) {
            assertThatThrownBy(() -> Conformer.load(files, vector(), true, arena))
                    .isInstanceOf(WeightsException.class)
                    .hasMessageContaining(broken.toString())
                    .hasMessageContaining(parts[2]);
        }
    }

    private static Kernels vector() {
        return KernelSelector.create("vector", pool);
    }

    /** Largest difference over the largest value. */
    private static double relative(float[] found, float[] expected) {
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        double distance = Golden.distance(found, expected);
        return Double.isNaN(distance) ? Double.POSITIVE_INFINITY : distance / largest;
    }
}
