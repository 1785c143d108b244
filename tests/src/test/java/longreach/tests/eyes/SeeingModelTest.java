package longreach.tests.eyes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import longreach.lm.engine.ModelLoader;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.model.Batch;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.v1.MediaOptions.Resolution;
import longreach.v1.Modality;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.SoftSegment;
import longreach.v1.Turn;
import longreach.vision.image.Raster;
import longreach.vision.siglip.Eyes;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** From pixels to logits, with one and with three pictures, against transformers in f32. */
class SeeingModelTest {
    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @ValueSource(strings = {"one", "three"})
    void logitsAreTheReferences(String name) throws Exception {
        JsonNode golden = EyesGolden.prompt(name);
        try (var pool = new ComputePool(2);
                var eyes = Eyes.load(EyesGolden.MODEL, KernelSelector.create("vector", new ComputePool(2)), true)) {
            Kernels kernels = KernelSelector.create("vector", pool);
            try (var checkpoint = ModelLoader.open("tiny", EyesGolden.MODEL, kernels, Precision.F32)) {
                assertThat(eyes.textWidth()).isEqualTo(checkpoint.model().card().softWidth());
                List<float[]> soft = new ArrayList<>();
                var turn = Turn.newBuilder().setRole(Turn.Role.USER);
                for (JsonNode item : golden.get("items")) {
                    turn.addParts(item.isString() ? text(item.asString()) : picture(eyes, EyesGolden.ints(item), soft));
                }
                List<Segment> segments = checkpoint.template().render(List.of(), List.of(turn.build()));
                int placeholder = checkpoint.tokenizer().controlTokens().get("<image_soft_token>");
                int[] ids = ids(segments, placeholder);
                assertThat(ids).containsExactly(EyesGolden.ints(golden.get("ids")));

                float[] expected = EyesGolden.floats(name + ".logits.f32.gz");
                int every = golden.get("every").asInt();
                for (int step : new int[] {ids.length, 1 + ids.length / 2}) {
                    double worst = worst(logits(checkpoint.model(), kernels, segments, soft, step), expected, every);
                    System.out.printf("%s, steps of %d: worst logit difference %.1e%n", name, step, worst);
                    assertThat(worst).isLessThan(TOLERANCE);
                }
            }
        }
    }

    private static RenderPart text(String text) {
        return RenderPart.newBuilder().setText(text).build();
    }

    private static RenderPart picture(Eyes eyes, int[] picture, List<float[]> soft) {
        var raster = new Raster(picture[0], picture[1], EyesGolden.noise(picture[0], picture[1], picture[2]));
        var glances = eyes.glances(picture[0], picture[1], Resolution.MEDIUM);
        soft.addAll(eyes.look(raster, picture[0], picture[1], glances, () -> {}));
        return RenderPart.newBuilder()
                .setSoft(SoftSegment.newBuilder()
                        .setTokenCount(glances.getFirst().tokens())
                        .setBidirectional(true))
                .setModality(Modality.IMAGE)
                .build();
    }

    private static int[] ids(List<Segment> segments, int placeholder) {
        return segments.stream()
                .flatMapToInt(segment -> {
                    int[] soft = new int[segment.getSoft().getTokenCount()];
                    Arrays.fill(soft, placeholder);
                    return segment.hasSoft()
                            ? Arrays.stream(soft)
                            : segment.getText().getTokenIdsList().stream().mapToInt(Integer::intValue);
                })
                .toArray();
    }

    /** Logits after every position; no step ends inside a picture. */
    private static float[][] logits(
            LanguageModel model, Kernels kernels, List<Segment> segments, List<float[]> soft, int most) {
        List<TokenStream.Run> runs = new ArrayList<>();
        for (Segment segment : segments) {
            runs.add(
                    segment.hasSoft()
                            ? new TokenStream.SoftRun(
                                    new byte[32], segment.getSoft().getTokenCount(), true, Modality.IMAGE, false)
                            : new TokenStream.TextRun(
                                    segment.getText().getTokenIdsList().stream()
                                            .mapToInt(Integer::intValue)
                                            .toArray(),
                                    Modality.TEXT,
                                    false));
        }
        var prompt = new TokenStream(runs);
        int length = prompt.end(runs.size() - 1);
        float[][] rows = new float[length][];
        var type = Precision.F32.kvType();
        long bytes = model.kvShape().blockBytes(kernels, type) * KvPool.blocksFor(length);
        try (var pages = new KvPool(kernels, model.kvShape(), type, bytes);
                var cache = new KvCache(pages, model.rotation(), pages.reserve(length, length, 0), false)) {
            var batch = new Batch(model.card(), length, length);
            int run = 0;
            int picture = 0;
            while (run < runs.size()) {
                int from = prompt.start(run);
                batch.clear();
                batch.begin(cache, prompt);
                do {
                    boolean seen = runs.get(run) instanceof TokenStream.SoftRun;
                    for (int p = prompt.start(run); p < prompt.end(run); p++) {
                        if (seen) {
                            batch.addSoft(
                                    soft.get(picture),
                                    (p - prompt.start(run)) * model.card().width());
                        } else {
                            batch.addToken(prompt.id(p));
                        }
                    }
                    picture += seen ? 1 : 0;
                    run++;
                } while (run < runs.size() && prompt.end(run) - from <= most);
                int tokens = prompt.end(run - 1) - from;
                batch.end(tokens);
                model.forward(batch);
                for (int i = 0; i < tokens; i++) {
                    int at = batch.logitsOffset(i);
                    rows[from + i] = Arrays.copyOfRange(
                            batch.logits(), at, at + model.card().vocabulary());
                }
            }
        }
        return rows;
    }

    private static double worst(float[][] found, float[] expected, int every) {
        int vocabulary = found[0].length;
        assertThat(expected).hasSize((found.length + every - 1) / every * vocabulary);
        double worst = 0;
        for (int p = 0; p < found.length; p += every) {
            for (int v = 0; v < vocabulary; v++) {
                double difference = Math.abs(found[p][v] - expected[p / every * vocabulary + v]);
                worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
            }
        }
        return worst;
    }
}
