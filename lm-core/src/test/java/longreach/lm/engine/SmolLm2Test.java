package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import longreach.lm.model.Precision;
import longreach.lm.prompt.ChatTemplate;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelCache;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.Turn;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The real checkpoint against the reference; tests/golden/README.md tells how the golden files were made. */
class SmolLm2Test {
    private static final String GOLDEN = "/golden/smollm2/";
    private static final double LOGIT_TOLERANCE = 1e-3;

    private static Kernels kernels;
    private static EngineBench exact;
    private static EngineBench fast;
    private static ChatTemplate template;

    @BeforeAll
    static void open() throws IOException {
        Optional<Path> weights = ModelCache.ofEnvironment().find("smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf");
        if (!"1".equals(System.getenv("LONGREACH_REQUIRE_WEIGHTS"))) {
            assumeTrue(weights.isPresent(), "the weights of smollm2-135m are not in the cache: ./longreach pull");
        }
        kernels = KernelSelector.select();
        exact = new EngineBench(weights.orElseThrow(), kernels, Precision.F32);
        fast = new EngineBench(weights.orElseThrow(), kernels, Precision.FAST);
        template = new ChatTemplate(json("chat.json").get("template").asString(), "", "", exact.tokenizer());
    }

    @AfterAll
    static void close() {
        if (kernels != null) {
            exact.close();
            fast.close();
            kernels.pool().close();
        }
    }

    private static JsonNode json(String name) throws IOException {
        try (InputStream in = SmolLm2Test.class.getResourceAsStream(GOLDEN + name)) {
            return JsonMapper.shared().readTree(in);
        }
    }

    private static float[] floats(String name) throws IOException {
        try (var in = new GZIPInputStream(SmolLm2Test.class.getResourceAsStream(GOLDEN + name))) {
            byte[] bytes = in.readAllBytes();
            float[] floats = new float[bytes.length / 4];
            ByteBuffer.wrap(bytes)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(floats);
            return floats;
        }
    }

    private static int[] ints(JsonNode array) {
        int[] ints = new int[array.size()];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = array.get(i).asInt();
        }
        return ints;
    }

    private static int[] render(JsonNode messages) {
        List<RenderPart> system = new ArrayList<>();
        List<Turn> turns = new ArrayList<>();
        for (JsonNode message : messages) {
            RenderPart part = RenderPart.newBuilder()
                    .setText(message.get("content").asString())
                    .build();
            switch (message.get("role").asString()) {
                case "system" -> system.add(part);
                case "user" ->
                    turns.add(Turn.newBuilder()
                            .setRole(Turn.Role.USER)
                            .addParts(part)
                            .build());
                default ->
                    turns.add(Turn.newBuilder()
                            .setRole(Turn.Role.MODEL)
                            .addParts(part)
                            .build());
            }
        }
        return template.render(system, turns).stream()
                .map(Segment::getText)
                .flatMap(text -> text.getTokenIdsList().stream())
                .mapToInt(Integer::intValue)
                .toArray();
    }

    @Test
    void conversationsHaveTheReferencesIds() throws IOException {
        for (JsonNode conversation : json("chat.json").get("conversations")) {
            assertThat(render(conversation.get("messages")))
                    .as(conversation.get("name").asString())
                    .containsExactly(ints(conversation.get("ids")));
        }
    }

    @Test
    void greedyAnswersInF32AreTheReferences() throws IOException {
        for (JsonNode prompt : json("prompts.json").get("prompts")) {
            int[] ids = ints(prompt.get("ids"));
            String name = prompt.get("name").asString();
            assertThat(render(prompt.get("messages"))).as(name).containsExactly(ids);
            int[] expected = ints(prompt.get("greedy"));
            assertThat(exact.greedy(ids, expected.length)).as(name).containsExactly(expected);
        }
    }

    @Test
    void logitsInF32AreWithinAThousandthOfTheReference() throws IOException {
        for (JsonNode prompt : json("prompts.json").get("prompts")) {
            String name = prompt.get("name").asString();
            float[][] logits = exact.logits(ints(prompt.get("ids")));
            float[] expected = floats(prompt.get("logits").asString());
            double worst = 0;
            for (int i = 0; i < expected.length; i++) {
                worst = Math.max(worst, Math.abs(expected[i] - logits[logits.length - 1][i]));
            }
            for (JsonNode top : prompt.get("top")) {
                float[] row = logits[top.get("position").asInt()];
                for (int i = 0; i < top.get("ids").size(); i++) {
                    worst = Math.max(
                            worst,
                            Math.abs(top.get("logits").get(i).asDouble()
                                    - row[top.get("ids").get(i).asInt()]));
                }
            }
            System.out.printf("%s: worst logit difference %.2e%n", name, worst);
            assertThat(worst).as(name).isLessThan(LOGIT_TOLERANCE);
        }
    }

    @Test
    void perplexityIsTheReferencesAndFastIsNear() throws IOException {
        JsonNode golden = json("perplexity.json");
        int[] ids = ints(golden.get("ids"));
        double reference = golden.get("mean nll").asDouble();
        double inF32 = mean(exact.negativeLogLikelihoods(ids));
        double inFast = mean(fast.negativeLogLikelihoods(ids));
        System.out.printf(
                "perplexity over %d tokens: reference %.4f, f32 %.4f, fast %.4f%n",
                ids.length - 1, Math.exp(reference), Math.exp(inF32), Math.exp(inFast));
        assertThat(inF32).isCloseTo(reference, org.assertj.core.data.Offset.offset(1e-4));
        assertThat(inFast).isCloseTo(reference, org.assertj.core.data.Offset.offset(0.02));
    }

    @Test
    void perplexityOfFewerBitsIsNear() throws IOException {
        Path weights = ModelCache.ofEnvironment()
                .find("smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf")
                .orElseThrow();
        int[] ids = ints(json("perplexity.json").get("ids"));
        double inFast = mean(fast.negativeLogLikelihoods(ids));
        double[] differences = new double[2];
        for (Precision precision : new Precision[] {Precision.FAST_Q8, Precision.FAST_Q4}) {
            try (var bench = new EngineBench(weights, kernels, precision)) {
                double nll = mean(bench.negativeLogLikelihoods(ids));
                System.out.printf(
                        "perplexity over %d tokens: f16 %.4f, %s %.4f%n",
                        ids.length - 1, Math.exp(inFast), precision.codec(), Math.exp(nll));
                differences[precision.ordinal() - Precision.FAST_Q8.ordinal()] = nll - inFast;
            }
        }
        assertThat(differences[0]).isBetween(-0.01, 0.01);
        assertThat(differences[1]).isBetween(-0.05, 0.2);
    }

    private static double mean(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    @Test
    void fastAgreesWithTheReferenceOnMostTokens() throws IOException {
        int agreed = 0;
        int total = 0;
        for (JsonNode prompt : json("prompts.json").get("prompts")) {
            int[] ids = ints(prompt.get("ids"));
            int[] greedy = ints(prompt.get("greedy"));
            int[] all = java.util.Arrays.copyOf(ids, ids.length + greedy.length - 1);
            System.arraycopy(greedy, 0, all, ids.length, greedy.length - 1);
            // Each token is judged after the reference's own text, so that one difference does not bring others.
            float[][] logits = fast.logits(all);
            for (int i = 0; i < greedy.length; i++) {
                float[] row = logits[ids.length - 1 + i];
                agreed += kernels.argmax(row, 0, row.length) == greedy[i] ? 1 : 0;
                total++;
            }
        }
        System.out.printf("fast chooses the reference's token %d times of %d%n", agreed, total);
        assertThat((double) agreed / total).isGreaterThan(0.95);
    }
}
