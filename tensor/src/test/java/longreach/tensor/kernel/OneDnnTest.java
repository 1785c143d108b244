package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
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

/** Products of prompts through oneDNN: the very bits of those in Java, however a prompt is cut. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OneDnnTest {
    private static final long SEED = 31;

    private final ComputePool pool = new ComputePool(3);
    private final Random random = new Random(SEED);
    private Kernels kernels;

    @BeforeAll
    void load() {
        try {
            kernels = new VectorKernels(pool, true, false);
        } catch (UnsupportedOperationException e) {
            Assumptions.abort("oneDNN has no product for this machine: " + e.getMessage());
        }
        System.out.println("OneDnnTest: seed " + SEED);
    }

    @AfterAll
    void close() {
        pool.close();
    }

    /** What {@link VectorKernelsTest} compares with the scalar products; a prompt may be cut where either computes. */
    @ParameterizedTest
    @EnumSource(TensorType.class)
    void hasTheBitsOfTheJavaProducts(TensorType type) {
        int step = Math.max(type.blockElements, 1);
        Kernels java = new VectorKernels(pool);
        for (int rows : new int[] {1, Lanes.GROUP, 3 * Lanes.GROUP + 1}) {
            for (int cols : new int[] {step, 3 * step, (1000 / step + 1) * step, 2560}) {
                Tensor tensor = TestTensors.random(type, rows, cols, random);
                try (Arena arena = Arena.ofShared()) {
                    Matrix matrix = kernels.prepare(tensor, arena);
                    for (int tokens :
                            new int[] {0, 1, VectorKernels.ONEDNN_TOKENS, VectorKernels.ONEDNN_TOKENS + 1, 150}) {
                        float[] x = floats(tokens * cols + 3);
                        float[] expected = new float[tokens * rows + 5];
                        float[] actual = new float[tokens * rows + 5];
                        java.matmulUniform(matrix, x, 3, tokens, expected, 5);
                        kernels.matmulUniform(matrix, x, 3, tokens, actual, 5);
                        assertThat(actual)
                                .as("[%d, %d], %d tokens", rows, cols, tokens)
                                .containsExactly(expected);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 33, 576, 1536, 5000})
    void aTokenIsTheSameToTheLastBitInEverySplit(int cols) {
        Tensor tensor = TestTensors.random(TensorType.F16, 2 * Lanes.GROUP + 3, cols, random);
        int tokens = 301;
        float[] x = floats(tokens * cols);
        try (Arena arena = Arena.ofShared()) {
            Matrix matrix = kernels.prepare(tensor, arena);
            int rows = matrix.rows();
            float[] whole = new float[tokens * rows];
            kernels.matmulUniform(matrix, x, 0, tokens, whole, 0);
            for (int round = 0; round < 5; round++) {
                float[] cut = new float[tokens * rows];
                for (int from = 0; from < tokens; ) {
                    int count = Math.min(1 + random.nextInt(round < 2 ? 20 : 250), tokens - from);
                    kernels.matmulUniform(matrix, x, from * cols, count, cut, from * rows);
                    from += count;
                }
                assertThat(cut).containsExactly(whole);
            }
        }
    }

    @Test
    void anyThreadMayCall() {
        Tensor tensor = TestTensors.random(TensorType.Q8_0, 40, 64, random);
        float[] x = floats(99 * 64);
        try (Arena arena = Arena.ofShared()) {
            Matrix matrix = kernels.prepare(tensor, arena);
            float[] here = new float[99 * 40];
            float[] there = new float[99 * 40];
            kernels.matmulUniform(matrix, x, 0, 99, here, 0);
            CompletableFuture.runAsync(() -> kernels.matmulUniform(matrix, x, 0, 99, there, 0))
                    .join();
            assertThat(there).containsExactly(here);
        }
    }

    @Test
    void theChoiceIsNamedAndMayBeForced() {
        assertThat(kernels.name()).isEqualTo("vector/" + Lanes.F.vectorBitSize() + "+onednn");
        assertThat(KernelSelector.create("vector", pool).name()).isEqualTo("vector/" + Lanes.F.vectorBitSize());
        Kernels auto = KernelSelector.create("auto", pool);
        assertThat(auto.name()).isEqualTo("vector/" + Lanes.F.vectorBitSize());
        KernelCheck.run(auto);
        assertThat(auto.name()).matches("vector/" + Lanes.F.vectorBitSize() + "(\\+onednn)?(\\+bf16)?");
        assertThat(OneDnnTrial.run(pool, 0, 0).reason()).isNotBlank();
        assertThatThrownBy(() -> KernelSelector.create("fastest", pool))
                .hasMessage("longreach.kernels: fastest (expected: auto, vector, onednn, bf16 or scalar)");
    }

    private float[] floats(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }
}
