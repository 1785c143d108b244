package longreach.lm.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.List;
import java.util.Random;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import org.junit.jupiter.api.Test;

/** Positions that are placed somewhere else than where they were computed. */
class ArrangementTest {
    private static final int LAYERS = 2;
    private static final int DIM = 8;
    private static final int KV_HEADS = 2;
    private static final int WIDTH = KV_HEADS * DIM;
    private static final double THETA = 10_000;
    private static final AttentionShape SHAPE = AttentionShape.causal(4, KV_HEADS, DIM);

    private final Kernels kernels = KernelSelector.select(1);

    @Test
    void windowsFollowFromThePositionAlone() {
        assertThat(ranges(Arrangement.window(64, 1024, 500))).isEqualTo("[0, 500)");
        assertThat(ranges(Arrangement.window(64, 1024, 1300))).isEqualTo("[0, 64) [256, 1300)");
        assertThat(ranges(Arrangement.window(64, 1024, 1279))).isEqualTo("[0, 1279)");
        assertThat(ranges(Arrangement.window(64, 1024, 5130))).isEqualTo("[0, 64) [4096, 5130)");
        assertThat(Arrangement.window(64, 1024, 5130).places()).isEqualTo(64 + 1034);
        assertThat(Arrangement.window(64, 1024, 5130).chunks()).containsExactly(0, 16, 17, 18, 19, 20);
    }

    @Test
    void chosenRangesAreOrderedAndJoined() {
        List<int[]> chosen = List.of(new int[] {900, 1000}, new int[] {60, 160}, new int[] {300, 400});
        assertThat(ranges(Arrangement.of(64, chosen, 980, 1100))).isEqualTo("[0, 160) [300, 400) [900, 1100)");
        assertThat(ranges(Arrangement.of(64, List.of(), 0, 1100))).isEqualTo("[0, 1100)");
        assertThat(Arrangement.of(64, chosen, 980, 1100).source(170)).isEqualTo(310);
        assertThatThrownBy(() -> new Arrangement(new int[] {0, 5}, new int[] {6, 9}))
                .hasMessageContaining("[5, 9) (expected: not empty, from 6 or later)");
    }

    private static String ranges(Arrangement arrangement) {
        var text = new StringBuilder();
        for (int i = 0; i < arrangement.starts().length; i++) {
            text.append(i == 0 ? "" : " ")
                    .append("[" + arrangement.starts()[i] + ", " + arrangement.ends()[i] + ")");
        }
        return text.toString();
    }

    /** In double precision, pair by pair: element 2i with 2i + 1. */
    private static double[] rotated(float[] rows, int row, int place) {
        double[] out = new double[WIDTH];
        for (int head = 0; head < KV_HEADS; head++) {
            for (int i = 0; i < DIM / 2; i++) {
                double angle = place * Math.pow(THETA, -2.0 * i / DIM);
                int at = head * DIM + 2 * i;
                double a = rows[row * WIDTH + at];
                double b = rows[row * WIDTH + at + 1];
                out[at] = a * Math.cos(angle) - b * Math.sin(angle);
                out[at + 1] = a * Math.sin(angle) + b * Math.cos(angle);
            }
        }
        return out;
    }

    private static void rotate(int layer, float[] k, int offset, int tokens, int start) {
        for (int t = 0; t < tokens; t++) {
            float[] row = java.util.Arrays.copyOfRange(k, offset + t * WIDTH, offset + (t + 1) * WIDTH);
            double[] turned = rotated(row, 0, start + t);
            for (int i = 0; i < WIDTH; i++) {
                k[offset + t * WIDTH + i] = (float) turned[i];
            }
        }
    }

    @Test
    void placedKeysEqualThoseComputedFromScratch() {
        long seed = 17;
        int length = 900;
        var random = new Random(seed);
        float[][] keys = new float[LAYERS][length * WIDTH];
        float[][] values = new float[LAYERS][length * WIDTH];
        var shape = new KvShape(Collections.nCopies(LAYERS, SHAPE));
        try (var pool = new KvPool(kernels, shape, KvPage.Type.F32, 32 << 20);
                var cache = KvCache.arranged(pool, ArrangementTest::rotate, pool.reserve(900, 900, 0), 1000)) {
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int i = 0; i < length * WIDTH; i++) {
                    keys[layer][i] = (float) random.nextGaussian();
                    values[layer][i] = (float) random.nextGaussian();
                }
            }
            cache.prepare(length);
            for (int layer = 0; layer < LAYERS; layer++) {
                cache.append(layer, 0, length, keys[layer].clone(), 0, values[layer].clone(), 0);
            }
            cache.advance(length);
            for (List<int[]> chosen : List.of(
                    List.of(new int[] {200, 300}, new int[] {500, 577}),
                    List.of(new int[] {211, 300}),
                    List.<int[]>of(new int[] {40, 41}, new int[] {255, 257}))) {
                var arrangement = Arrangement.of(30, chosen, 850, length);
                cache.arrange(arrangement);
                int places = arrangement.places();
                assertThat(cache.place()).isEqualTo(places);
                assertThat(cache.length()).isEqualTo(length);
                for (int layer = 0; layer < LAYERS; layer++) {
                    float[] q = new float[SHAPE.queryWidth()];
                    for (int i = 0; i < q.length; i++) {
                        q[i] = (float) random.nextGaussian();
                    }
                    float[] out = new float[q.length];
                    kernels.attention(SHAPE, q, 0, 1, cache.pages(layer), places - 1, places, out, 0);
                    double[] expected = attention(q, keys[layer], values[layer], arrangement);
                    for (int i = 0; i < out.length; i++) {
                        assertThat((double) out[i])
                                .as("seed %d, layer %d, element %d", seed, layer, i)
                                .isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-5));
                    }
                }
            }
        }
    }

    private static double[] attention(float[] q, float[] keys, float[] values, Arrangement arrangement) {
        int places = arrangement.places();
        double[] out = new double[q.length];
        for (int head = 0; head < SHAPE.queryHeads(); head++) {
            int kvHead = head / (SHAPE.queryHeads() / KV_HEADS);
            double[] weights = new double[places];
            double sum = 0;
            for (int place = 0; place < places; place++) {
                double[] key = rotated(keys, arrangement.source(place), place);
                double score = 0;
                for (int d = 0; d < DIM; d++) {
                    score += q[head * DIM + d] * key[kvHead * DIM + d] / Math.sqrt(DIM);
                }
                weights[place] = Math.exp(score);
                sum += weights[place];
            }
            for (int place = 0; place < places; place++) {
                for (int d = 0; d < DIM; d++) {
                    out[head * DIM + d] +=
                            weights[place] / sum * values[arrangement.source(place) * WIDTH + kvHead * DIM + d];
                }
            }
        }
        return out;
    }

    @Test
    void rowsThatWereDroppedCannotBePlaced() {
        var shape = new KvShape(Collections.nCopies(1, SHAPE));
        try (var pool = new KvPool(kernels, shape, KvPage.Type.F16, 32 << 20);
                var cache = KvCache.arranged(pool, ArrangementTest::rotate, pool.reserve(600, 600, 0), 600)) {
            cache.prepare(600);
            cache.append(0, 0, 600, new float[600 * WIDTH], 0, new float[600 * WIDTH], 0);
            cache.advance(600);
            assertThat(cache.holds(1)).isTrue();
            cache.dropStage(256);
            assertThat(cache.holds(1)).isFalse();
            assertThatThrownBy(() -> cache.arrange(Arrangement.of(10, List.of(new int[] {300, 310}), 550, 600)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("raw rows at 300 (expected: held)");
        }
    }
}
