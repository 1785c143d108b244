package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The recurrent layers' operations: vector against scalar, and both against how a sequence may be cut. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RecurrenceTest {
    private final ComputePool pool = new ComputePool(3);
    private final Kernels scalar = new ScalarKernels(pool);
    private final Kernels vector = new VectorKernels(pool);
    private final Random random = new Random(31);

    @AfterAll
    void close() {
        pool.close();
    }

    static Stream<Integer> channels() {
        int lanes = Lanes.LANES;
        return Stream.of(1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes + 3, Lanes.GROUP + 1, 5 * Lanes.GROUP, 1001)
                .distinct();
    }

    private float[] floats(int n, double scale) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) (random.nextGaussian() * scale);
        }
        return x;
    }

    private static void assertClose(float[] actual, float[] expected, double relative) {
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i])
                    .as("element %d", i)
                    .isCloseTo(expected[i], Offset.offset(relative * (1 + Math.abs(expected[i]))));
        }
    }

    @ParameterizedTest
    @MethodSource("channels")
    void convolutionsAgree(int channels) {
        for (int width : new int[] {1, 2, 4}) {
            for (int tokens : new int[] {0, 1, 2, 3, 4, 5, 19}) {
                float[] x = floats(tokens * channels + 3, 1);
                float[] w = floats(width * channels, 1);
                float[] b = floats(channels, 1);
                float[] expectedHistory = floats((width - 1) * channels, 1);
                float[] actualHistory = expectedHistory.clone();
                float[] expected = new float[tokens * channels + 5];
                float[] actual = new float[tokens * channels + 5];
                scalar.causalConv(x, 3, tokens, channels, w, b, expectedHistory, expected, 5);
                vector.causalConv(x, 3, tokens, channels, w, b, actualHistory, actual, 5);
                assertClose(actual, expected, 1e-6);
                assertThat(actualHistory).containsExactly(expectedHistory);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("channels")
    void recurrencesAgree(int channels) {
        // Gates from shut to open, and decays from almost none to almost all.
        for (double scale : new double[] {0.1, 3, 60}) {
            for (int tokens : new int[] {0, 1, 2, 33}) {
                for (boolean reset : new boolean[] {false, true}) {
                    float[] inputGate = floats(tokens * channels + 2, scale);
                    float[] recurrenceGate = floats(tokens * channels + 2, scale);
                    float[] decay = new float[channels];
                    for (int c = 0; c < channels; c++) {
                        decay[c] = (float) -Math.exp(random.nextGaussian() * 4);
                    }
                    float[] expected = floats(tokens * channels + 2, 1);
                    float[] actual = expected.clone();
                    float[] expectedState = floats(channels, 1);
                    float[] actualState = expectedState.clone();
                    scalar.rgLru(expected, inputGate, recurrenceGate, 2, tokens, channels, decay, reset, expectedState);
                    vector.rgLru(actual, inputGate, recurrenceGate, 2, tokens, channels, decay, reset, actualState);
                    assertClose(actual, expected, 1e-5);
                    assertClose(actualState, expectedState, 1e-5);
                }
            }
        }
    }

    /** One channel by hand: a = e^(-4 sigmoid(0)) = e^-2 at each step. */
    @Test
    void theRecurrenceIsThatOfThePaper() {
        float[] x = {2, 4};
        float[] h = {100};
        scalar.rgLru(x, new float[2], new float[2], 0, 2, 1, new float[] {-4}, true, h);
        double first = 1;
        double second = Math.exp(-2) * first + Math.sqrt(1 - Math.exp(-4)) * 2;
        assertThat(x[0]).isEqualTo((float) first);
        assertThat((double) x[1]).isCloseTo(second, Offset.offset(1e-6));
        assertThat(h[0]).isEqualTo(x[1]);
    }

    @Test
    void aSequenceMayBeCutAnywhere() {
        int tokens = 23;
        int channels = 2 * Lanes.GROUP + 5;
        float[] x = floats(tokens * channels, 1);
        float[] w = floats(4 * channels, 1);
        float[] b = floats(channels, 1);
        float[] gates = floats(2 * tokens * channels, 2);
        float[] inputGate = Arrays.copyOf(gates, tokens * channels);
        float[] recurrenceGate = Arrays.copyOfRange(gates, tokens * channels, 2 * tokens * channels);
        float[] decay = new float[channels];
        Arrays.fill(decay, -0.7f);
        for (Kernels kernels : new Kernels[] {scalar, vector}) {
            float[][] results = new float[3][];
            int[][] cuts = {{23}, {1, 1, 1, 2, 3, 15}, {20, 3}};
            for (int i = 0; i < cuts.length; i++) {
                float[] history = new float[3 * channels];
                float[] h = new float[channels];
                float[] y = new float[tokens * channels];
                int at = 0;
                for (int n : cuts[i]) {
                    kernels.causalConv(x, at * channels, n, channels, w, b, history, y, at * channels);
                    kernels.rgLru(y, inputGate, recurrenceGate, at * channels, n, channels, decay, at == 0, h);
                    at += n;
                }
                results[i] = y;
            }
            assertThat(results[1]).containsExactly(results[0]);
            assertThat(results[2]).containsExactly(results[0]);
        }
    }

    @ParameterizedTest
    @MethodSource("channels")
    void partialRotationsAgreeAndLeaveTheRest(int pairs) {
        int rotated = 2 * pairs;
        int headDim = rotated + 3;
        int tokens = 5;
        int heads = 3;
        float[] expected = floats(tokens * heads * headDim + 1, 1);
        float[] before = expected.clone();
        float[] actual = expected.clone();
        float[] cos = floats((tokens + 1) * pairs, 1);
        float[] sin = floats((tokens + 1) * pairs, 1);
        scalar.ropePartial(expected, 1, tokens, heads, headDim, rotated, cos, sin, pairs);
        vector.ropePartial(actual, 1, tokens, heads, headDim, rotated, cos, sin, pairs);
        assertClose(actual, expected, 1e-6);
        for (int head = 0; head < tokens * heads; head++) {
            for (int i = rotated; i < headDim; i++) {
                assertThat(actual[1 + head * headDim + i]).isEqualTo(before[1 + head * headDim + i]);
            }
        }
    }
}
