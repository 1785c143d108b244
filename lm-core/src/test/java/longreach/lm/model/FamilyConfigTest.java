package longreach.lm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.WeightsException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hyper-parameters as real checkpoints write them, and checkpoints that are not whole. */
class FamilyConfigTest {
    @TempDir
    Path directory;

    private ComputePool pool;
    private Kernels kernels;

    @BeforeEach
    void open() throws Exception {
        pool = new ComputePool(1);
        kernels = KernelSelector.create("scalar", pool);
        Path tiny = Path.of(getClass().getResource("/golden/families/gemma3").toURI());
        Files.copy(tiny.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        Files.copy(tiny.resolve("config.json"), directory.resolve("config.json"));
    }

    @AfterEach
    void close() {
        pool.close();
    }

    private Gemma3.Config gemma3(String config) throws IOException {
        Files.writeString(directory.resolve("config.json"), config);
        try (ModelFiles files = ModelFiles.open(directory)) {
            return Gemma3.Config.of(files, 262_208);
        }
    }

    @Test
    void theFourBillionModelLeavesMostToDefaults() throws IOException {
        var config = gemma3("""
                {"architectures": ["Gemma3ForConditionalGeneration"], "eos_token_id": [1, 106], "model_type": "gemma3",
                 "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
                   "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}}""");
        assertThat(config.heads()).isEqualTo(8);
        assertThat(config.kvHeads()).isEqualTo(4);
        assertThat(config.headDim()).isEqualTo(256);
        assertThat(config.context()).isEqualTo(131_072);
        assertThat(config.window()).isEqualTo(1024);
        assertThat(config.scale()).isEqualTo(1 / 16f);
        assertThat(config.localTheta()).isEqualTo(10_000);
        assertThat(config.globalTheta()).isEqualTo(1_000_000);
        assertThat(config.globalScale()).isEqualTo(8);
        assertThat(config.takesImages()).isTrue();
        assertThat(IntStream.range(0, 34).filter(i -> !config.sliding().get(i))).containsExactly(5, 11, 17, 23, 29);
    }

    @Test
    void theLargestModelHasAScaleOfItsOwn() throws IOException {
        var config = gemma3("""
                {"text_config": {"head_dim": 128, "hidden_size": 5376, "intermediate_size": 21504, "num_attention_heads": 32,
                   "num_hidden_layers": 62, "num_key_value_heads": 16, "query_pre_attn_scalar": 168,
                   "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}}""");
        assertThat(config.scale()).isEqualTo((float) (1 / Math.sqrt(168)));
        assertThat(config.heads() * config.headDim()).isNotEqualTo(config.width());
    }

    @Test
    void olderAndNewerNamesMeanTheSame() throws IOException {
        String common = "\"hidden_size\": 640, \"num_hidden_layers\": 4, \"sliding_window\": 512, ";
        var older = gemma3("{" + common + """
                "rope_theta": 50000.0, "rope_local_base_freq": 700.0, "rope_scaling": null, "sliding_window_pattern": 2}""");
        var newer = gemma3("{" + common + """
                "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 50000.0},
                  "sliding_attention": {"rope_type": "default", "rope_theta": 700.0}},
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]}""");
        assertThat(older).isEqualTo(newer);
        assertThat(older.sliding()).containsExactly(true, false, true, false);
    }

    @Test
    void refusesWhatItDoesNotCompute() {
        refused(
                "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}}",
                "rope_scaling.rope_type: yarn (expected: default");
        refused(
                "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 0}}",
                "rope_scaling.factor: 0.0 (expected: 1 to");
        refused("{\"hidden_activation\": \"silu\"}", "hidden_activation: silu (expected: gelu_pytorch_tanh)");
        refused("{\"attention_bias\": true}", "attention_bias");
        refused("{\"attn_logit_softcapping\": 50.0}", "attn_logit_softcapping");
        refused("{\"layer_types\": [\"chunked_attention\"]}", "layer_types: chunked_attention");
        refused("{\"sliding_window_pattern\": 0}", "sliding_window_pattern: 0 (expected: at least 1)");
        refused("{\"num_hidden_layers\": 2000000000}", "layers 2000000000");
        refused("{\"num_key_value_heads\": 3}", "kv heads 3");
        refused("{\"head_dim\": 0}", "head dimension 0");
        refused("{\"sliding_window\": 0}", "window 0");
        refused("{\"hidden_size\": \"640\"}", "hidden_size: \"640\" (expected: a 32-bit integer)");
        refused("{\"layer_types\": []}", "0 layer types");
    }

    private void refused(String config, String message) {
        assertThatThrownBy(() -> gemma3(config))
                .isInstanceOfAny(WeightsException.class, IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    private void refusedWeights(String replaced, String by, String message) throws IOException {
        Path config = directory.resolve("config.json");
        String whole = Files.readString(config);
        assertThat(whole).contains(replaced);
        Files.writeString(config, whole.replace(replaced, by));
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThatThrownBy(() -> Gemma3.of("tiny", new byte[32], files, kernels, Precision.F32))
                    .isInstanceOf(WeightsException.class)
                    .hasMessageStartingWith(directory.toString())
                    .hasMessageContaining(message);
        } finally {
            Files.writeString(config, whole);
        }
    }

    @Test
    void aTensorThatIsMissingOrOfAnotherShapeIsNamed() throws IOException {
        refusedWeights(
                "\"intermediate_size\": 40",
                "\"intermediate_size\": 41",
                "model.layers.0.mlp.gate_proj.weight: shape [40, 36] (expected: [41, 36])");
        refusedWeights(
                "\"num_attention_heads\": 3",
                "\"num_attention_heads\": 2",
                "model.layers.0.self_attn.q_proj.weight: shape [60, 36] (expected: [40, 36])");
        refusedWeights(
                "\"num_key_value_heads\": 1",
                "\"num_key_value_heads\": 3",
                "model.layers.0.self_attn.k_proj.weight: shape [20, 36] (expected: [60, 36])");
        String layers = Files.readString(directory.resolve("config.json"));
        Files.writeString(
                directory.resolve("config.json"),
                layers.replace("\"num_hidden_layers\": 7", "\"num_hidden_layers\": 8")
                        .replaceFirst("\"layer_types\": \\[", "\"layer_types\": [\"sliding_attention\", "));
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThatThrownBy(() -> Gemma3.of("tiny", new byte[32], files, kernels, Precision.F32))
                    .isInstanceOf(WeightsException.class)
                    .hasMessageContaining("model.layers.7.input_layernorm.weight: missing (expected: a tensor)");
        }
    }

    private Llama.Config llama(String rope) throws IOException {
        Files.writeString(directory.resolve("config.json"), """
                {"hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 32, "num_hidden_layers": 16,
                 "num_key_value_heads": 8, "max_position_embeddings": 131072, "rope_theta": 500000.0, "rope_scaling": %s}
                """.formatted(rope));
        try (ModelFiles files = ModelFiles.open(directory)) {
            return Llama.Config.of(files, 128_256);
        }
    }

    /** Frequencies of heads of 64, theta 500,000, as transformers 5 computes them in f32 ({@code ROPE_INIT_FUNCTIONS}). */
    @Test
    void longWavesOfLlama3AreStretched() throws IOException {
        var bands = llama("""
                {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                 "original_max_position_embeddings": 8192, "rope_type": "llama3"}""").ropeBands();
        float[] frequencies = RopeTable.frequencies(64, 500_000, 1);
        int[] at = {0, 7, 13, 14, 15, 16, 17, 18, 24, 31};
        float[] expected = {
            1.00000000e+00f,
            5.66696189e-02f,
            4.83942125e-03f,
            3.21144611e-03f,
            1.29054801e-03f,
            4.29556705e-04f,
            9.70828623e-05f,
            1.94616387e-05f,
            1.66196742e-06f,
            9.41830649e-08f
        };
        for (int i = 0; i < at.length; i++) {
            float scaled = bands.scaled(frequencies[at[i]]);
            assertThat(scaled).as("frequency %d", at[i]).isCloseTo(expected[i], withinPercentage(1e-4));
        }
        assertThat(llama("null").ropeBands()).isNull();
        assertThatThrownBy(() -> llama("{\"rope_type\": \"llama3\", \"factor\": 8}"))
                .hasMessageContaining("low_freq_factor");
        assertThatThrownBy(() -> llama("{\"rope_type\": \"linear\", \"factor\": 8}"))
                .hasMessageContaining("rope_type: linear (expected: default or llama3)");
        assertThatThrownBy(() -> new RopeBands(8, 4, 1, 8192)).hasMessageContaining("low_freq_factor 4.0");
    }

    @Test
    void aContextThatNoModelHasIsRefused() {
        assertThatThrownBy(() -> new ModelCard("huge", "llama", new byte[32], Integer.MAX_VALUE, 8, 8, 0, 1))
                .hasMessage("huge: context 2147483647 (expected: 1 to 268435456 tokens)");
    }
}
