package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The attention of prompts in bf16 beside the scalar one, and however the prompt is cut. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Bf16PagesTest {
    private static final long SEED = 53;

    private final ComputePool pool = new ComputePool(3);
    private final Random random = new Random(SEED);
    private Kernels kernels;

    @BeforeAll
    void load() {
        try {
            kernels = new VectorKernels(pool, false, true);
        } catch (UnsupportedOperationException e) {
            System.out.println("Bf16PagesTest skipped: " + e.getMessage());
            Assumptions.abort("no product in bf16 on this machine: " + e.getMessage());
        }
        System.out.println("Bf16PagesTest: seed " + SEED);
    }

    @AfterAll
    void close() {
        pool.close();
    }

    /**
     * Factors are rounded by 2^-8 of themselves at most. A score is then off by s = 2^-7 scale sum |q k| (and a half more
     * for the sums), its weight by a factor of e^s, and what is weighted by 2^-7 more: with weights that sum to one
     * |error| <= (e^2s (1 + 2^-7) - 1) max |v|.
     */
    @ParameterizedTest
    @CsvSource({
        "1, 1, 8, 0, 0, true, 700",
        "9, 3, 64, 0, 0, true, 700",
        "4, 1, 256, 50, 100, true, 600",
        "3, 3, 33, 0, 300, true, 515",
        "2, 1, 96, 0, 0, false, 130",
        "6, 2, 80, 30, 0, true, 257",
    })
    void agreesWithTheScalarAttentionAndIsTheSameInEverySplit(
            int heads, int kvHeads, int dim, float softcap, int window, boolean causal, int length) {
        var shape = new AttentionShape(heads, kvHeads, dim, (float) (1 / Math.sqrt(dim)), softcap, window, causal);
        float[] k = floats(length * shape.kvWidth());
        float[] v = floats(length * shape.kvWidth());
        float[] q = floats(length * shape.queryWidth());
        try (Arena arena = Arena.ofShared()) {
            KvPage[] pages = KvPages.allocate(kernels, shape, KvPage.Type.F16, length, arena);
            for (KvPage page : pages) {
                // What a page held before: no number must come from positions that are not written.
                page.segment().fill((byte) 0xff);
            }
            KvPages.write(kernels, shape, pages, k, v, length);
            float[] whole = attention(shape, q, pages, length, length);
            ScalarKernels scalar = new ScalarKernels(pool);
            KvPage[] scalarPages = KvPages.allocate(scalar, shape, KvPage.Type.F16, length, arena);
            KvPages.write(scalar, shape, scalarPages, k, v, length);
            float[] expected = new float[whole.length];
            scalar.attention(shape, q, 0, length, scalarPages, 0, length, expected, 0);
            for (int head = 0; head < length * heads; head += head < 8 * heads ? 1 : 31) {
                double bound = bound(shape, q, k, v, head * dim, length);
                for (int i = head * dim; i < (head + 1) * dim; i++) {
                    double off = Math.abs((double) whole[i] - expected[i]);
                    assertThat(off).as("%d", i).isLessThanOrEqualTo(bound);
                }
            }
            for (int round = 0; causal && round < 4; round++) {
                int most = round < 2 ? 40 : 300;
                assertArrayEquals(whole, attention(shape, q, pages, length, most), "cuts of at most " + most);
            }
        }
    }

    private float[] attention(AttentionShape shape, float[] q, KvPage[] pages, int length, int most) {
        float[] out = new float[length * shape.queryWidth()];
        for (int from = 0; from < length; ) {
            int count = most >= length ? length : Math.min(length - from, 1 + random.nextInt(most));
            int at = from * shape.queryWidth();
            int known = shape.causal() ? from + count : length;
            KvPage[] some = Arrays.copyOf(pages, (known + KvPage.POSITIONS - 1) / KvPage.POSITIONS);
            kernels.prefillAttention(shape, q, at, count, some, from, known, out, at);
            from += count;
        }
        return out;
    }

    private static double bound(AttentionShape shape, float[] q, float[] k, float[] v, int i, int length) {
        int token = i / shape.queryWidth();
        int head = i % shape.queryWidth() / shape.headDim();
        int kvHead = head / (shape.queryHeads() / shape.kvHeads());
        int to = shape.causal() ? token + 1 : length;
        double score = 0;
        double largest = 0;
        for (int p = shape.window() == 0 ? 0 : Math.max(0, token - shape.window() + 1); p < to; p++) {
            double sum = 0;
            for (int d = 0; d < shape.headDim(); d++) {
                int kv = p * shape.kvWidth() + kvHead * shape.headDim() + d;
                sum += Math.abs(q[token * shape.queryWidth() + head * shape.headDim() + d] * k[kv]);
                largest = Math.max(largest, Math.abs(v[kv]));
            }
            score = Math.max(score, sum * shape.scale());
        }
        double off = 1.5 * 0x1p-7 * score;
        return (Math.exp(2 * off) * (1 + 1.5 * 0x1p-7) - 1) * largest;
    }

    private float[] floats(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }
}
