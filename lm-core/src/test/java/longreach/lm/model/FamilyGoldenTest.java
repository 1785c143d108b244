package longreach.lm.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import longreach.v1.Modality;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Tiny random models of every family against transformers in f32; tests/golden/README.md tells how the files were made.
 * Their 300 tokens go past every window and over the border of a page.
 */
class FamilyGoldenTest {
    private static final double TOLERANCE = 1e-4;

    private static ComputePool pool;
    private static Kernels vector;

    @BeforeAll
    static void open() {
        pool = new ComputePool(2);
        vector = KernelSelector.create("vector", pool);
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    /** What the reference says of one model. */
    private record Golden(int[] ids, int[] positions, float[] logits, JsonNode json) {
        static Golden of(String name) throws IOException {
            String file = name.replace('.', '-');
            try (InputStream in = FamilyGoldenTest.class.getResourceAsStream("/golden/families/" + file + ".json")) {
                JsonNode json = JsonMapper.shared().readTree(in);
                return new Golden(
                        ints(json.get("ids")), ints(json.get("positions")), floats(file + ".logits.f32.gz"), json);
            }
        }

        /** Largest difference at any of the positions. */
        double worst(float[][] rows) {
            int vocabulary = logits.length / positions.length;
            double worst = 0;
            for (int i = 0; i < positions.length; i++) {
                for (int v = 0; v < vocabulary; v++) {
                    double difference = Math.abs(rows[positions[i]][v] - logits[i * vocabulary + v]);
                    worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
                }
            }
            return worst;
        }
    }

    private static int[] ints(JsonNode array) {
        return array.values().stream().mapToInt(JsonNode::asInt).toArray();
    }

    private static float[] floats(String name) throws IOException {
        try (var in = new GZIPInputStream(FamilyGoldenTest.class.getResourceAsStream("/golden/families/" + name))) {
            var buffer = ByteBuffer.wrap(in.readAllBytes())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer();
            float[] floats = new float[buffer.remaining()];
            buffer.get(floats);
            return floats;
        }
    }

    private static ModelFiles files(String name) throws Exception {
        return ModelFiles.open(Path.of(
                FamilyGoldenTest.class.getResource("/golden/families/" + name).toURI()));
    }

    private static LanguageModel model(String name, ModelFiles files, Kernels kernels, Precision precision) {
        byte[] digest = new byte[32];
        return switch (name.split("[-.]")[0]) {
            case "llama" -> Llama.of("tiny", digest, files, kernels, precision);
            case "gemma2" -> Gemma2.of("tiny", digest, files, kernels, precision);
            case "gemma3" -> Gemma3.of("tiny", digest, files, kernels, precision);
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** A model with what it needs to be stepped. */
    private record Stepper(Kernels kernels, LanguageModel model, Precision precision) {
        /** Logits after every token, which are computed in steps of these lengths. */
        float[][] logits(TokenStream prompt, float[][] soft, int... steps) {
            int length = Arrays.stream(steps).sum();
            float[][] rows = new float[length][];
            var type = precision.kvType();
            long bytes = model.kvShape().blockBytes(kernels, type) * KvPool.blocksFor(length);
            try (KvPool pages = new KvPool(kernels, model.kvShape(), type, bytes)) {
                var batch = new Batch(model.card(), length, length);
                try (KvCache cache = new KvCache(pages, model.rotation(), pages.reserve(length, length, 0), false)) {
                    int next = 0;
                    for (int tokens : steps) {
                        batch.clear();
                        batch.begin(cache, prompt);
                        for (int p = next; p < next + tokens; p++) {
                            if (prompt.id(p) == TokenStream.SOFT) {
                                batch.addSoft(soft[p], 0);
                            } else {
                                batch.addToken(prompt.id(p));
                            }
                        }
                        batch.end(tokens);
                        model.forward(batch);
                        for (int i = 0; i < tokens; i++, next++) {
                            int at = batch.logitsOffset(i);
                            rows[next] = Arrays.copyOfRange(
                                    batch.logits(), at, at + model.card().vocabulary());
                        }
                    }
                }
            }
            return rows;
        }
    }

    private static int[] singles(int first, int length) {
        int[] steps = new int[length - first + 1];
        Arrays.fill(steps, 1);
        steps[0] = first;
        return steps;
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gemma2", "gemma3", "llama.gguf", "gemma2.gguf", "gemma3.gguf"})
    void logitsAreTheReferencesHoweverThePromptIsCut(String name) throws Exception {
        Golden golden = Golden.of(name);
        try (ModelFiles files = files(name);
                LanguageModel model = model(name, files, vector, Precision.F32)) {
            var stepper = new Stepper(vector, model, Precision.F32);
            var prompt = TokenStream.ofText(golden.ids);
            ToDoubleFunction<int[]> worst = steps -> golden.worst(stepper.logits(prompt, null, steps));
            int n = golden.ids.length;
            var differences = Map.of(
                    "whole", worst.applyAsDouble(new int[] {n}),
                    "chunks of 64", worst.applyAsDouble(new int[] {64, 64, 64, 64, n - 256}),
                    "odd chunks", worst.applyAsDouble(new int[] {7, 25, 1, 200, 24, n - 257}),
                    "single steps past the window", worst.applyAsDouble(singles(31, n)));
            System.out.println(name + ": worst logit differences " + differences);
            assertThat(differences.values())
                    .allSatisfy(worstOfAll -> assertThat(worstOfAll).isLessThan(TOLERANCE));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gemma2", "gemma3", "gemma3.gguf"})
    void theScalarKernelsGiveTheReferencesLogitsToo(String name) throws Exception {
        Golden golden = Golden.of(name);
        Kernels scalar = KernelSelector.create("scalar", pool);
        try (ModelFiles files = files(name);
                LanguageModel model = model(name, files, scalar, Precision.F32)) {
            var stepper = new Stepper(scalar, model, Precision.F32);
            float[][] rows = stepper.logits(TokenStream.ofText(golden.ids), null, golden.ids.length);
            assertThat(golden.worst(rows)).isLessThan(TOLERANCE);
        }
    }

    @Test
    void tokensOfAnImageSeeEachOther() throws Exception {
        Golden golden = Golden.of("gemma3-image");
        float[] soft = floats("gemma3-image.soft.f32.gz");
        try (ModelFiles files = files("gemma3-image");
                LanguageModel model = model("gemma3-image", files, vector, Precision.F32)) {
            int width = model.card().width();
            assertThat(model.card().softWidth()).isEqualTo(width);
            List<TokenStream.Run> runs = new ArrayList<>();
            int n = golden.ids.length;
            float[][] rows = new float[n][];
            int done = 0;
            int row = 0;
            for (JsonNode image : golden.json.get("runs")) {
                int from = image.get(0).asInt();
                int to = image.get(1).asInt();
                runs.add(new TokenStream.TextRun(Arrays.copyOfRange(golden.ids, done, from), Modality.TEXT, false));
                runs.add(new TokenStream.SoftRun(new byte[32], to - from, true, Modality.IMAGE, false));
                for (int p = from; p < to; p++, row++) {
                    rows[p] = Arrays.copyOfRange(soft, row * width, (row + 1) * width);
                }
                done = to;
            }
            runs.add(new TokenStream.TextRun(Arrays.copyOfRange(golden.ids, done, n), Modality.TEXT, false));
            var stepper = new Stepper(vector, model, Precision.F32);
            for (int[] steps : new int[][] {{n}, {50, 9, 171, 32, n - 262}, {20, 242, n - 262}}) {
                double worst = golden.worst(stepper.logits(new TokenStream(runs), rows, steps));
                System.out.printf("images, steps %s: worst logit difference %.1e%n", Arrays.toString(steps), worst);
                assertThat(worst).as(Arrays.toString(steps)).isLessThan(TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama.gguf", "gemma2.gguf", "gemma3.gguf"})
    void everyStoredTypeMeansWhatTheGgufPackageSays(String name) throws Exception {
        JsonNode sums = Golden.of(name).json.get("crc32");
        try (ModelFiles files = files(name)) {
            assertThat(files.tensors().stream().map(Tensor::type).distinct())
                    .containsExactlyInAnyOrder(TensorType.values());
            assertThat(files.tensors()).hasSize(sums.size());
            for (Tensor tensor : files.tensors()) {
                float[] values = new float[(int) tensor.elements()];
                Dequantiser.elements(tensor.type(), tensor.data(), 0, values.length, values, 0);
                var bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(values);
                var sum = new CRC32();
                sum.update(bytes.array());
                assertThat(sum.getValue())
                        .as(tensor.toString())
                        .isEqualTo(sums.get(tensor.name()).asLong());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gemma2", "gemma3", "llama.gguf", "gemma2.gguf", "gemma3.gguf"})
    void fastIsNearAndDoesNotDependOnTheCut(String name) throws Exception {
        Golden golden = Golden.of(name);
        try (ModelFiles files = files(name);
                LanguageModel model = model(name, files, vector, Precision.FAST)) {
            var stepper = new Stepper(vector, model, Precision.FAST);
            var prompt = TokenStream.ofText(golden.ids);
            int n = golden.ids.length;
            float[][] whole = stepper.logits(prompt, null, n);
            double worst = golden.worst(whole);
            System.out.printf("%s, fast: worst logit difference %.1e%n", name, worst);
            assertThat(stepper.logits(prompt, null, 100, 1, 27, n - 128)).isDeepEqualTo(whole);
            assertThat(worst).isLessThan(0.1);
        }
    }
}
