package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.lang.foreign.Arena;
import java.util.Random;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Products of prompts in bf16 beside those of the scalar kernels, of what was stored and of what was rounded. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Bf16ProductsTest {
    private static final long SEED = 47;

    private final ComputePool pool = new ComputePool(3);
    private final Random random = new Random(SEED);
    private Kernels kernels;

    @BeforeAll
    void load() {
        try {
            kernels = new VectorKernels(pool, false, true);
        } catch (UnsupportedOperationException e) {
            System.out.println("Bf16ProductsTest skipped: " + e.getMessage());
            Assumptions.abort("no product in bf16 on this machine: " + e.getMessage());
        }
        System.out.println("Bf16ProductsTest: seed " + SEED);
    }

    @AfterAll
    void close() {
        pool.close();
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void agreesWithTheScalarProducts(TensorType type) {
        int step = Math.max(type.blockElements, 1);
        for (int rows : new int[] {1, 64, 65, 193}) {
            for (int cols : new int[] {step, (300 / step + 1) * step}) {
                for (int tokens : new int[] {0, 1, 16, 17, 129}) {
                    compare(type, rows, cols, floats(tokens * cols + 3), tokens);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 31, 32, 33, 97, 1024, 5000})
    void takesAnyNumberOfColumns(int cols) {
        compare(TensorType.F32, 70, cols, floats(20 * cols + 3), 20);
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 1e-30f, 1e-4f, 1e15f})
    void takesSmallAndLargeActivations(float size) {
        float[] x = floats(20 * 96 + 3);
        for (int i = 0; i < x.length; i++) {
            x[i] *= size;
        }
        compare(TensorType.Q8_0, 70, 96, x, 20);
    }

    /** What is not a number shows in its own token alone, whatever stands in the padding. */
    @Test
    void keepsNanAndInfinityToTheirToken() {
        Tensor tensor = TestTensors.random(TensorType.F32, 40, 50, random);
        float[] x = floats(5 * 50);
        x[50] = Float.NaN;
        x[2 * 50 + 7] = Float.POSITIVE_INFINITY;
        try (Arena arena = Arena.ofShared()) {
            Matrix matrix = kernels.prepare(tensor, arena);
            float[] y = new float[5 * 40];
            kernels.prefill(matrix, x, 0, 5, y, 0);
            for (int i = 0; i < y.length; i++) {
                assertThat(Float.isFinite(y[i])).as("%d", i).isEqualTo(i / 40 != 1 && i / 40 != 2);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 33, 576, 1536, 5000})
    void aTokenIsTheSameToTheLastBitInEverySplit(int cols) {
        Tensor tensor = TestTensors.random(TensorType.F16, 451, cols, random);
        int tokens = 301;
        float[] x = floats(tokens * cols);
        ComputePool single = new ComputePool(1);
        try (Arena arena = Arena.ofShared()) {
            Kernels alone = new VectorKernels(single, false, true);
            Matrix matrix = kernels.prepare(tensor, arena);
            int rows = matrix.rows();
            float[] whole = new float[tokens * rows];
            alone.prefill(alone.prepare(tensor, arena), x, 0, tokens, whole, 0);
            for (int round = 0; round < 5; round++) {
                float[] cut = new float[tokens * rows];
                for (int from = 0; from < tokens; ) {
                    int count = Math.min(1 + random.nextInt(round < 2 ? 20 : 250), tokens - from);
                    kernels.prefill(matrix, x, from * cols, count, cut, from * rows);
                    from += count;
                }
                assertArrayEquals(whole, cut);
            }
        }
        single.close();
    }

    /** The bound that {@link Bf16Products} states, against f64 sums of what was rounded and of what was not. */
    private void compare(TensorType type, int rows, int cols, float[] x, int tokens) {
        Tensor tensor = TestTensors.random(type, rows, cols, random);
        try (Arena arena = Arena.ofShared()) {
            Matrix matrix = kernels.prepare(tensor, arena);
            float[] y = new float[tokens * rows + 5];
            y[4] = 7;
            kernels.prefill(matrix, x, 3, tokens, y, 5);
            assertThat(y[4]).isEqualTo(7);
            float[] w = new float[cols];
            int depth = Bf16Weights.depth(cols);
            for (int r = 0; r < rows; r += 1 + rows / 70) {
                matrix.row(r, w, 0);
                for (int t = 0; t < tokens; t += 1 + tokens / 10) {
                    double rounded = 0;
                    double stored = 0;
                    double magnitude = 0;
                    for (int k = 0; k < cols; k++) {
                        float factor = x[3 + t * cols + k];
                        rounded += (double) Bf16.widen(Bf16.round(factor)) * Bf16.widen(Bf16.round(w[k]));
                        stored += (double) factor * w[k];
                        magnitude += Math.abs((double) factor * w[k]);
                    }
                    double sums = depth * 0x1p-23 * magnitude * (1 + 0x1p-6) + 0x1p-126;
                    double actual = y[5 + t * rows + r];
                    assertThat(Math.abs(actual - rounded))
                            .as("rounded: [%d, %d] row %d, token %d", rows, cols, r, t)
                            .isLessThanOrEqualTo(sums);
                    assertThat(Math.abs(actual - stored))
                            .as("stored: [%d, %d] row %d, token %d", rows, cols, r, t)
                            .isLessThanOrEqualTo((0x1p-7 + 0x1p-16) * magnitude + sums);
                }
            }
        }
    }

    private float[] floats(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }
}
