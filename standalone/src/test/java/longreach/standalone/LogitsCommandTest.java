package longreach.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code ./longreach logits} on a model of a few weights, written here. */
class LogitsCommandTest {
    private static final int VOCABULARY = 5;
    private static final int WIDTH = 4;

    @TempDir
    Path directory;

    private record Run(int exit, String out, String err) {}

    private static Run run(String... arguments) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        var printed = new ByteArrayOutputStream();
        var complained = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
            int exit = Main.run(arguments);
            return new Run(exit, printed.toString(StandardCharsets.UTF_8), complained.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }

    /** A Llama of one layer that does nothing: the logits are the normed embedding times the embedding. */
    private Path model() throws Exception {
        Files.writeString(directory.resolve("config.json"), """
                {"architectures": ["LlamaForCausalLM"], "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1,
                 "num_attention_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-12}""");
        String[] names = {
            "embed_tokens", "layers.0.self_attn.q_proj", "layers.0.self_attn.k_proj", "layers.0.self_attn.v_proj",
            "layers.0.self_attn.o_proj", "layers.0.mlp.gate_proj", "layers.0.mlp.up_proj", "layers.0.mlp.down_proj",
            "layers.0.input_layernorm", "layers.0.post_attention_layernorm", "norm"
        };
        var header = new StringBuilder("{");
        var data = new ByteArrayOutputStream();
        for (String name : names) {
            boolean norm = name.endsWith("norm");
            int rows = name.equals("embed_tokens") ? VOCABULARY : WIDTH;
            int start = data.size();
            for (int i = 0; i < (norm ? WIDTH : rows * WIDTH); i++) {
                float value = norm ? 1 : rows == VOCABULARY ? i % 7 - 3 : 0;
                int bits = Float.floatToRawIntBits(value);
                data.write(new byte[] {(byte) bits, (byte) (bits >> 8), (byte) (bits >> 16), (byte) (bits >> 24)});
            }
            header.append(header.length() > 1 ? "," : "")
                    .append("\"model.%s.weight\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                            .formatted(name, norm ? "[4]" : "[" + rows + ",4]", start, data.size()));
        }
        byte[] json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
        var file = new ByteArrayOutputStream();
        for (int i = 0; i < 8; i++) {
            file.write((int) ((long) json.length >> (8 * i)));
        }
        file.write(json);
        data.writeTo(file);
        Files.write(directory.resolve("model.safetensors"), file.toByteArray());
        return directory;
    }

    /** Logit v after token t: norm(e_t) . e_v with e[i][k] = (4 i + k) mod 7 - 3. */
    private static float expected(int token, int v) {
        double squares = 0;
        double dot = 0;
        for (int k = 0; k < WIDTH; k++) {
            int a = (token * WIDTH + k) % 7 - 3;
            int b = (v * WIDTH + k) % 7 - 3;
            squares += a * a;
            dot += a * b;
        }
        return (float) (dot / Math.sqrt(squares / WIDTH));
    }

    @Test
    void printsTheLogitsAfterTheLastToken() throws Exception {
        Run run = run("logits", "--model", model().toString(), "--tokens", "3,1,4", "--threads", "1");
        assertThat(run.err).isEmpty();
        assertThat(run.exit).isZero();
        String[] parts = run.out.strip().split("[\t ]");
        assertThat(parts).hasSize(1 + VOCABULARY);
        assertThat(parts[0]).isEqualTo("2");
        for (int v = 0; v < VOCABULARY; v++) {
            assertThat(Float.parseFloat(parts[1 + v]))
                    .isCloseTo(expected(4, v), org.assertj.core.data.Offset.offset(1e-5f));
        }
    }

    @Test
    void printsJsonForEveryTokenHoweverThePromptIsCut() throws Exception {
        String model = model().toString();
        for (String chunk : new String[] {"1", "2", "5"}) {
            Run run = run(
                    "logits",
                    "--model",
                    model,
                    "--tokens",
                    "0,1,2,3,4",
                    "--at",
                    "all",
                    "--json",
                    "--chunk",
                    chunk,
                    "--threads",
                    "1");
            assertThat(run.exit).as(run.err).isZero();
            JsonNode json = JsonMapper.shared().readTree(run.out);
            assertThat(json.get("family").asString()).isEqualTo("llama");
            assertThat(json.get("tokens").size()).isEqualTo(5);
            assertThat(json.get("positions").values().stream().mapToInt(JsonNode::asInt))
                    .containsExactly(0, 1, 2, 3, 4);
            assertThat(json.get("logits").size()).isEqualTo(5);
            for (int t = 0; t < 5; t++) {
                assertThat(json.get("logits").get(t).size()).isEqualTo(VOCABULARY);
                for (int v = 0; v < VOCABULARY; v++) {
                    assertThat(json.get("logits").get(t).get(v).floatValue())
                            .isCloseTo(expected(t, v), org.assertj.core.data.Offset.offset(1e-5f));
                }
            }
        }
    }

    @Test
    void wrongUseIsExplained() throws Exception {
        String model = model().toString();
        refused("--tokens: 1,x (expected: token ids such as 1,2,3)", "--model", model, "--tokens", "1,x");
        refused("token: 5 (expected: 0 to 4)", "--model", model, "--tokens", "1,5");
        refused("--at: first (expected: all or last)", "--model", model, "--tokens", "1", "--at", "first");
        refused("tokens: 17 (expected: 1 to 16)", "--model", model, "--tokens", "1,".repeat(16) + "1");
        refused("--model", "--tokens", "1");
        refused("--tokens", "--model", model);
        refused("--model: ", "--model", "no-such-model", "--tokens", "1");
        Files.write(directory.resolve("model.safetensors"), Arrays.copyOf(new byte[] {1}, 20));
        Run broken = run("logits", "--model", model, "--tokens", "1", "--threads", "1");
        assertThat(broken.exit).isEqualTo(1);
        assertThat(broken.err).contains("model.safetensors: header length: 1 bytes");
    }

    private static void refused(String message, String... arguments) {
        String[] all = new String[arguments.length + 1];
        all[0] = "logits";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        Run run = run(all);
        assertThat(run.exit).as(message).isEqualTo(2);
        assertThat(run.err).contains(message);
        assertThat(run.out).isEmpty();
    }
}
