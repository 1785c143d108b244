package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every operation of the vector kernels against the scalar ones, around the lane count and at the extremes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class VectorKernelsTest {
    private final ComputePool pool = new ComputePool(3);
    private final Kernels scalar = new ScalarKernels(pool);
    private final Kernels vector = new VectorKernels(pool);
    private final Random random = new Random(20);

    @AfterAll
    void close() {
        pool.close();
    }

    static Stream<Integer> sizes() {
        int lanes = Lanes.LANES;
        return Stream.of(0, 1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 3 * lanes + 5, 576, 1001)
                .distinct();
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void matmulAgreesForEveryTypeAndShape(TensorType type) {
        int step = Math.max(type.blockElements, 1);
        for (int rows : new int[] {1, 7, Lanes.GROUP, 3 * Lanes.GROUP + 1}) {
            for (int cols : new int[] {step, 3 * step, (1000 / step + 1) * step, (2100 / step) * step}) {
                Tensor tensor = TestTensors.random(type, rows, cols, random);
                try (Arena arena = Arena.ofShared()) {
                    Matrix expectedMatrix = scalar.prepare(tensor, arena);
                    Matrix matrix = vector.prepare(tensor, arena);
                    for (int tokens : new int[] {1, 2, 3, 4, 6, 7, 13}) {
                        checkMatmul(type, matrix, expectedMatrix, tokens);
                    }
                }
            }
        }
    }

    private void checkMatmul(TensorType type, Matrix matrix, Matrix expectedMatrix, int tokens) {
        int rows = matrix.rows();
        int cols = matrix.cols();
        float[] x = floats(tokens * cols + 3, 1);
        float[] expected = new float[tokens * rows + 5];
        float[] actual = new float[tokens * rows + 5];
        Arrays.fill(actual, 7);
        Arrays.fill(expected, 7);
        scalar.matmul(expectedMatrix, x, 3, tokens, expected, 5);
        vector.matmul(matrix, x, 3, tokens, actual, 5);
        float[] w = new float[cols];
        for (int r = 0; r < rows; r++) {
            expectedMatrix.row(r, w, 0);
            for (int t = 0; t < tokens; t++) {
                double magnitude = 0;
                for (int k = 0; k < cols; k++) {
                    // A quantised weight is computed from a product and an offset that may be larger than itself.
                    magnitude += Math.abs(x[3 + t * cols + k]) * (Math.abs(w[k]) + 0.1);
                }
                int i = 5 + t * rows + r;
                assertThat((double) actual[i])
                        .as("%s [%d, %d] token %d of %d, row %d", type, rows, cols, t, tokens, r)
                        .isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-6 * magnitude + 1e-30));
            }
        }
        assertThat(Arrays.copyOf(actual, 5)).containsOnly(7);
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void decodeStaysWithinTheRoundingOfActivations(TensorType type) {
        int cols = 3 * Math.max(32, type.blockElements);
        Tensor tensor = TestTensors.random(type, 2 * Lanes.GROUP + 3, cols, random);
        float[] x = floats(cols + 1, 1);
        x[2] = 40;
        float[] row = new float[cols];
        try (Arena arena = Arena.ofShared()) {
            Matrix matrix = vector.prepare(tensor, arena);
            float[] expected = new float[matrix.rows() + 1];
            float[] actual = new float[matrix.rows() + 1];
            scalar.matmul(scalar.prepare(tensor, arena), x, 1, 1, expected, 1);
            vector.decode(matrix, x, 1, 1, actual, 1);
            for (int r = 0; r < matrix.rows(); r++) {
                matrix.row(r, row, 0);
                double allowed = 1e-5;
                for (int k = 0; k < cols; k++) {
                    float largest = 0;
                    for (int j = k / 32 * 32; j < k / 32 * 32 + 32; j++) {
                        largest = Math.max(largest, Math.abs(x[1 + j]));
                    }
                    // Half a step of 1/127 of the block's largest, on the weight without its offset (at most 15 d).
                    allowed += largest / 254 * (Math.abs(row[k]) + 0.1);
                }
                assertThat((double) actual[1 + r])
                        .isCloseTo(expected[1 + r], org.assertj.core.data.Offset.offset(allowed));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void aDecodedTokenIsTheSameWhoeverIsDecodedWithIt(TensorType type) {
        for (int rows : new int[] {1, Lanes.GROUP + 3, 5 * Lanes.GROUP + 3}) {
            int cols = 2 * Math.max(32, type.blockElements);
            Tensor tensor = TestTensors.random(type, rows, cols, random);
            float[] x = floats(17 * cols + 1, 1);
            x[2] = 1e4f;
            Arrays.fill(x, 1 + cols, 1 + 2 * cols, 0);
            try (Arena arena = Arena.ofShared()) {
                for (Kernels kernels : List.of(scalar, vector)) {
                    Matrix matrix = kernels.prepare(tensor, arena);
                    for (boolean exact : new boolean[] {false, true}) {
                        float[] alone = new float[17 * rows];
                        for (int t = 0; t < 17; t++) {
                            decode(kernels, exact, matrix, x, 1 + t * cols, 1, alone, t * rows);
                        }
                        for (int tokens : new int[] {0, 1, 2, 3, 4, 5, 7, 8, 17}) {
                            float[] together = new float[17 * rows + 2];
                            Arrays.fill(together, 7);
                            decode(kernels, exact, matrix, x, 1, tokens, together, 1);
                            float[] expected = new float[17 * rows + 2];
                            Arrays.fill(expected, 7);
                            System.arraycopy(alone, 0, expected, 1, tokens * rows);
                            assertThat(together)
                                    .as("%s, exact %s, %d tokens", kernels.name(), exact, tokens)
                                    .containsExactly(expected);
                        }
                    }
                }
            }
        }
    }

    @Test
    void severalMatricesAtOnceGiveWhatEachGives() {
        TensorType[][] mixes = {
            {TensorType.Q4_1, TensorType.Q4_0, TensorType.Q4_1},
            {TensorType.Q4_1, TensorType.Q8_0},
            {TensorType.F32},
            {}
        };
        int[] rows = {Lanes.GROUP + 1, 1, 5 * Lanes.GROUP};
        int cols = 96;
        float[] x = floats(7 * cols, 1);
        try (Arena arena = Arena.ofShared()) {
            for (TensorType[] mix : mixes) {
                Matrix[] ws = new Matrix[mix.length];
                for (int i = 0; i < mix.length; i++) {
                    ws[i] = vector.prepare(TestTensors.random(mix[i], rows[i], cols, random), arena);
                }
                for (int tokens : new int[] {1, 2, 5}) {
                    float[][] expected = new float[mix.length][];
                    float[][] actual = new float[mix.length][];
                    for (int i = 0; i < mix.length; i++) {
                        expected[i] = new float[7 * rows[i]];
                        actual[i] = new float[7 * rows[i]];
                        vector.decode(ws[i], x, 2 * cols, tokens, expected[i], 2 * rows[i]);
                    }
                    vector.decode(ws, x, 2, tokens, actual);
                    for (int i = 0; i < mix.length; i++) {
                        assertThat(actual[i]).containsExactly(expected[i]);
                    }
                }
            }
        }
    }

    private static void decode(
            Kernels kernels, boolean exact, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        if (exact) {
            kernels.decodeExact(w, x, xOffset, tokens, y, yOffset);
        } else {
            kernels.decode(w, x, xOffset, tokens, y, yOffset);
        }
    }

    /** Every binary16 is its own row: the product with one is the number itself, subnormal ones too. */
    @Test
    void everyBinary16IsMultipliedAsItIs() {
        int rows = 1 << 16;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(2L * 2 * rows, 64);
            for (int r = 0; r < rows; r++) {
                data.setAtIndex(ValueLayout.JAVA_SHORT, 2L * r + r % 2, (short) r);
            }
            Tensor tensor = new Tensor("halves", TensorType.F16, new long[] {rows, 2}, data);
            float[] actual = new float[rows];
            vector.decode(vector.prepare(tensor, arena), new float[] {1, 1}, 0, 1, actual, 0);
            for (int r = 0; r < rows; r++) {
                float half = Float.float16ToFloat((short) r);
                // Infinity and NaN are no weights; they count as the numbers that follow the largest one.
                if (Float.isFinite(half)) {
                    assertThat(actual[r]).as("0x%04x", r).isEqualTo(half + 0f);
                }
            }
        }
    }

    /** Integers up to 127 are their own rounding, so nothing may be lost: every sum of a lane must fit. */
    @ParameterizedTest
    @EnumSource(TensorType.class)
    void decodeIsExactWhereRoundingIs(TensorType type) {
        int cols = 3 * Math.max(32, type.blockElements);
        Tensor tensor = TestTensors.random(type, 2 * Lanes.GROUP + 3, cols, random);
        for (int bound : new int[] {1, 127}) {
            float[] x = new float[cols];
            for (int k = 0; k < cols; k++) {
                int sign = bound == 1 && k < 64 ? 1 : random.nextInt(2) * 2 - 1;
                x[k] = k % 32 == 0 || bound == 1 ? sign * 127 : random.nextInt(-bound, bound + 1);
            }
            float[] row = new float[cols];
            try (Arena arena = Arena.ofShared()) {
                Matrix matrix = vector.prepare(tensor, arena);
                float[] expected = new float[matrix.rows()];
                float[] actual = new float[matrix.rows()];
                scalar.matmul(scalar.prepare(tensor, arena), x, 0, 1, expected, 0);
                vector.decode(matrix, x, 0, 1, actual, 0);
                for (int r = 0; r < matrix.rows(); r++) {
                    matrix.row(r, row, 0);
                    double magnitude = 0;
                    for (int k = 0; k < cols; k++) {
                        magnitude += Math.abs(x[k]) * (Math.abs(row[k]) + 0.5);
                    }
                    assertThat((double) actual[r])
                            .as("row %d", r)
                            .isCloseTo(expected[r], org.assertj.core.data.Offset.offset(1e-6 * magnitude));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void packedWeightsAreTheStoredOnesBitForBit(TensorType type) {
        int cols = 3 * Math.max(32, type.blockElements);
        int rows = 5 * Lanes.GROUP + 3;
        Tensor tensor = TestTensors.random(type, rows, cols, random);
        float[] expected = new float[cols];
        float[] actual = new float[cols];
        float[] panel = new float[cols * Lanes.GROUP];
        for (int partWords : new int[] {1, 2 * cols * Lanes.GROUP, PackedMatrix.PART_WORDS}) {
            PackedMatrix matrix = PackedMatrix.of(tensor, pool, partWords);
            for (int r = 0; r < rows; r++) {
                Dequantiser.row(type, tensor.data(), r, cols, expected, 0);
                matrix.row(r, actual, 0);
                assertSameValues(actual, expected, r);
                if (r % Lanes.GROUP == 0) {
                    Panel.unpack(matrix, r / Lanes.GROUP, 0, matrix.steps(), panel);
                }
                for (int k = 0; k < cols; k++) {
                    actual[k] = panel[k * Lanes.GROUP + r % Lanes.GROUP];
                }
                assertSameValues(actual, expected, r);
            }
        }
    }

    // Adding 0 makes one of both zeros: -8 d + 8 d is 0 where d * 0 may be -0.
    private static void assertSameValues(float[] actual, float[] expected, int row) {
        for (int k = 0; k < expected.length; k++) {
            assertThat(actual[k] + 0f).as("row %d, column %d", row, k).isEqualTo(expected[k] + 0f);
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void packedSizeIsNearTheStoredSize(TensorType type) {
        Tensor tensor = TestTensors.random(type, 4 * Lanes.GROUP, 256, random);
        assertThat((double) PackedMatrix.of(tensor, pool).bytes()
                        / tensor.data().byteSize())
                .isBetween(1.0, type == TensorType.Q4_0 ? 1.12 : 1.03);
    }

    @ParameterizedTest
    @MethodSource("sizes")
    void elementwiseAgrees(int n) {
        for (float magnitude : new float[] {1e-3f, 3, 200}) {
            float[] x = floats(n + 2, magnitude);
            float[] y = floats(n + 2, magnitude);
            compare(x, 1e-6f, (k, a) -> k.siluMul(a, 1, y, 2, n));
            compare(x, 2e-6f, (k, a) -> k.geluTanhMul(a, 1, y, 2, n));
            compare(x, 2e-6f, (k, a) -> k.geluTanh(a, 1, n));
            compare(x, 1e-6f, (k, a) -> k.geluErf(a, 1, n));
            compare(x, 1e-6f, (k, a) -> k.softcap(a, 1, n, 30));
            compare(x, 0, (k, a) -> k.add(a, 1, y, 2, n));
            if (n > 0) {
                compare(x, 1e-6f, (k, a) -> k.softmax(a, 1, n));
                compare(x, 1e-6f, (k, a) -> k.rmsNorm(a, 1, y, 1e-5f, 1, n, a, 1));
                assertThat(vector.argmax(x, 1, n)).isEqualTo(scalar.argmax(x, 1, n));
            }
        }
    }

    /** A width that is no multiple of a vector must not make a token's result depend on those that share its step. */
    @Test
    void anActivationIsTheSameToTheLastBitWhereverItLies() {
        int n = 3 * Lanes.LANES + Lanes.LANES / 2;
        float[] x = floats(n, 3);
        float[] y = floats(n, 3);
        List<Operation> operations = List.of(
                (k, a) -> k.siluMul(a, 0, Arrays.copyOfRange(y, n - a.length, n), 0, a.length),
                (k, a) -> k.geluTanhMul(a, 0, Arrays.copyOfRange(y, n - a.length, n), 0, a.length),
                (k, a) -> k.geluErf(a, 0, a.length),
                (k, a) -> k.softcap(a, 0, a.length, 30));
        for (int i = 0; i < operations.size(); i++) {
            float[] whole = x.clone();
            operations.get(i).apply(vector, whole);
            for (int from = 1; from < n; from++) {
                float[] rest = Arrays.copyOfRange(x, from, n);
                operations.get(i).apply(vector, rest);
                assertThat(rest)
                        .as("operation %d from %d", i, from)
                        .containsExactly(Arrays.copyOfRange(whole, from, n));
            }
        }
    }

    @Test
    void layerNormAgrees() {
        for (int n : new int[] {2, 17, 384, 577}) {
            float[] x = floats(3 * n, 4);
            float[] w = floats(n, 1);
            float[] b = floats(n, 1);
            compare(x, 5e-6f, (k, a) -> k.layerNorm(a, 0, w, b, 1e-5f, 3, n, a, 0));
        }
    }

    @Test
    void softmaxSurvivesExtremes() {
        float[] x = {-1e30f, 1e30f, 1e30f, Float.NEGATIVE_INFINITY, 0, 1, 2, 3, 4, 5, 1e30f};
        compare(x, 1e-6f, (k, a) -> k.softmax(a, 0, a.length));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void ropeAgrees(boolean adjacent) {
        float[] x = floats(5 * 4 * 10 + 1, 2);
        float[] cos = floats(6 * 5, 1);
        float[] sin = floats(6 * 5, 1);
        compare(x, 0, (k, a) -> k.rope(a, 1, 5, 4, 10, adjacent, cos, sin, 5));
        for (int dim : new int[] {16, 32, 64, 72, 256}) {
            float[] rows = floats(3 * 2 * dim + 1, 2);
            float[] c = floats(4 * dim / 2, 1);
            float[] s = floats(4 * dim / 2, 1);
            compare(rows, 0, (k, a) -> k.rope(a, 1, 3, 2, dim, adjacent, c, s, dim / 2));
            compare(rows, 0, (k, a) -> k.ropePartial(a, 1, 3, 2, dim, dim / 2, c, s, dim / 4));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 8, 32, 64, 80, 256})
    void aPageHasTheSameBytesHoweverItIsWritten(int dim) {
        var shape = AttentionShape.causal(4, 2, dim);
        int width = shape.kvWidth();
        float[] k = floats(KvPage.POSITIONS * width, 1);
        float[] v = floats(KvPage.POSITIONS * width, 1);
        // What binary16 has no normal number for, on both sides of each border.
        float[] extremes = {
            0,
            -0f,
            0x1p-14f,
            -0x1p-14f,
            0x1.ffcp-15f,
            0x1.ffep-15f,
            0x1.fffp-15f,
            0x1p-24f,
            1e-30f,
            65504,
            65519,
            65520,
            1e30f,
            Float.NEGATIVE_INFINITY,
            1 + 0x1p-11f,
            1 + 0x1.8p-10f
        };
        for (int i = 0; i < k.length; i += 5) {
            k[i] = extremes[i / 5 % extremes.length];
            v[i + 1 < v.length ? i + 1 : i] = -extremes[i / 5 % extremes.length];
        }
        try (Arena arena = Arena.ofShared()) {
            KvPage single = page(shape, arena);
            for (int t = 0; t < KvPage.POSITIONS; t++) {
                vector.writeKv(shape, single, t, k, t * width, v, t * width, 1);
            }
            KvPage whole = page(shape, arena);
            vector.writeKv(shape, whole, 0, k, 0, v, 0, KvPage.POSITIONS);
            assertThat(whole.segment().mismatch(single.segment())).isEqualTo(-1);
            KvPage pieces = page(shape, arena);
            for (int t = 0, n = 1; t < KvPage.POSITIONS; t += n, n += 13) {
                int count = Math.min(n, KvPage.POSITIONS - t);
                vector.writeKv(shape, pieces, t, k, t * width, v, t * width, count);
            }
            assertThat(pieces.segment().mismatch(single.segment())).isEqualTo(-1);
            short[] halves = new short[3 + v.length];
            float[] rounded = new float[v.length];
            for (int i = 0; i < v.length; i++) {
                halves[3 + i] = Float.floatToFloat16(v[i]);
                rounded[i] = Float.float16ToFloat(halves[3 + i]);
            }
            KvPage stored = page(shape, arena);
            vector.writeHalves(shape, stored, 0, k, 0, halves, 3, KvPage.POSITIONS);
            KvPage widened = page(shape, arena);
            vector.writeKv(shape, widened, 0, k, 0, rounded, 0, KvPage.POSITIONS);
            assertThat(stored.segment().mismatch(widened.segment())).isEqualTo(-1);
            assertThat(stored.segment().mismatch(single.segment())).isEqualTo(-1);
            assertThatThrownBy(() -> vector.writeHalves(
                            shape,
                            new KvPage(arena.allocate(vector.kvPageBytes(shape, KvPage.Type.F32)), KvPage.Type.F32),
                            0,
                            k,
                            0,
                            halves,
                            3,
                            1))
                    .hasMessage("page: F32 (expected: F16)");
        }
    }

    private KvPage page(AttentionShape shape, Arena arena) {
        return new KvPage(arena.allocate(vector.kvPageBytes(shape, KvPage.Type.F16), 64), KvPage.Type.F16);
    }

    private interface Operation {
        void apply(Kernels kernels, float[] x);
    }

    private void compare(float[] x, float tolerance, Operation operation) {
        float[] expected = x.clone();
        float[] actual = x.clone();
        operation.apply(scalar, expected);
        operation.apply(vector, actual);
        assertClose(actual, expected, tolerance);
    }

    private static void assertClose(float[] actual, float[] expected, float tolerance) {
        for (int i = 0; i < expected.length; i++) {
            float allowed = tolerance * Math.max(1, Math.abs(expected[i])) + Float.MIN_VALUE;
            assertThat(actual[i])
                    .as("element %d", i)
                    .isCloseTo(expected[i], org.assertj.core.data.Offset.offset(allowed));
        }
    }

    static Stream<AttentionShape> shapes() {
        return Stream.of(
                AttentionShape.causal(9, 3, 64),
                AttentionShape.full(2, 64),
                AttentionShape.causal(1, 1, 7),
                AttentionShape.causal(4, 1, 256),
                AttentionShape.causal(6, 1, 72),
                new AttentionShape(4, 2, 128, 0.1f, 50, 256, true),
                new AttentionShape(4, 1, 40, 0.2f, 0, 100, true),
                new AttentionShape(2, 2, 24, 0.3f, 5, 0, true),
                new AttentionShape(16, 2, 16, 0.25f, 30, 300, false));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void attentionAgrees(AttentionShape shape) {
        for (KvPage.Type type : KvPage.Type.values()) {
            for (int length : new int[] {1, 2, 33, 256, 257, 700}) {
                for (int tokens : new int[] {1, 5, 60}) {
                    if (tokens <= length) {
                        checkAttention(shape, type, length, tokens);
                    }
                }
            }
        }
    }

    /** Few rows read pages as they are, many widen them first. */
    @ParameterizedTest
    @MethodSource("shapes")
    void aTokenAttendsTheSameToTheLastBitAloneAndAmongOthers(AttentionShape shape) {
        int tokens = 45;
        for (int length : new int[] {tokens, 300, 800}) {
            float[] k = floats(length * shape.kvWidth(), 2);
            float[] v = floats(length * shape.kvWidth(), 2);
            float[] q = floats(tokens * shape.queryWidth(), 1);
            float[] expected = new float[q.length];
            float[] actual = new float[q.length];
            int start = length - tokens;
            try (Arena arena = Arena.ofShared()) {
                KvPage[] pages = pages(vector, shape, KvPage.Type.F16, k, v, length, arena);
                vector.attention(shape, q, 0, tokens, pages, start, length, expected, 0);
                for (int t = 0, n = 1; t < tokens; t += n, n = Math.min(n % 4 + 1, tokens - t)) {
                    int at = t * shape.queryWidth();
                    int seen = shape.causal() ? start + t + n : length;
                    vector.attention(shape, q, at, n, pages, start + t, seen, actual, at);
                }
            }
            assertThat(actual).containsExactly(expected);
        }
    }

    /** A sliding layer keeps no page that is below the window of every query. */
    @Test
    void pagesBelowTheWindowAreNotLookedAt() {
        var shape = new AttentionShape(4, 1, 64, 0.125f, 0, 300, true);
        int length = 1500;
        float[] k = floats(length * shape.kvWidth(), 2);
        float[] v = floats(length * shape.kvWidth(), 2);
        float[] q = floats(20 * shape.queryWidth(), 1);
        for (int tokens : new int[] {1, 20}) {
            float[] expected = new float[tokens * shape.queryWidth()];
            float[] actual = expected.clone();
            try (Arena arena = Arena.ofShared()) {
                KvPage[] pages = pages(vector, shape, KvPage.Type.F16, k, v, length, arena);
                vector.attention(shape, q, 0, tokens, pages, length - tokens, length, expected, 0);
                int gone = (length - tokens - shape.window() + 1) / KvPage.POSITIONS;
                assertThat(gone).isGreaterThan(3);
                Arrays.fill(pages, 0, gone, null);
                vector.attention(shape, q, 0, tokens, pages, length - tokens, length, actual, 0);
            }
            assertThat(actual).containsExactly(expected);
        }
    }

    /** Queries that a factor of 2^112 would make infinite take the other way. */
    @Test
    void attentionSurvivesExtremes() {
        var shape = AttentionShape.causal(3, 1, 8);
        for (float magnitude : new float[] {0, 1e-30f, 1e6f}) {
            float[] k = floats(40 * 8, 1);
            float[] q = floats(3 * 8, magnitude);
            float[] expected = new float[3 * 8];
            float[] actual = new float[3 * 8];
            try (Arena arena = Arena.ofShared()) {
                scalar.attention(
                        shape, q, 0, 1, pages(scalar, shape, KvPage.Type.F16, k, k, 40, arena), 39, 40, expected, 0);
                vector.attention(
                        shape, q, 0, 1, pages(vector, shape, KvPage.Type.F16, k, k, 40, arena), 39, 40, actual, 0);
            }
            assertClose(actual, expected, 1e-4f);
        }
    }

    private void checkAttention(AttentionShape shape, KvPage.Type type, int length, int tokens) {
        float[] k = floats(length * shape.kvWidth(), 2);
        float[] v = floats(length * shape.kvWidth(), 2);
        float[] q = floats(tokens * shape.queryWidth() + 1, 1);
        float[] expected = new float[tokens * shape.queryWidth() + 2];
        float[] actual = expected.clone();
        int start = length - tokens;
        try (Arena arena = Arena.ofShared()) {
            scalar.attention(
                    shape, q, 1, tokens, pages(scalar, shape, type, k, v, length, arena), start, length, expected, 2);
            vector.attention(
                    shape, q, 1, tokens, pages(vector, shape, type, k, v, length, arena), start, length, actual, 2);
        }
        assertClose(actual, expected, 1e-5f);
    }

    /** Pages full of NaN, then written in uneven pieces. */
    private KvPage[] pages(
            Kernels kernels, AttentionShape shape, KvPage.Type type, float[] k, float[] v, int length, Arena arena) {
        KvPage[] pages = new KvPage[(length + KvPage.POSITIONS - 1) / KvPage.POSITIONS];
        for (int i = 0; i < pages.length; i++) {
            MemorySegment segment = arena.allocate(kernels.kvPageBytes(shape, type), 64);
            segment.fill((byte) 0xff);
            pages[i] = new KvPage(segment, type);
        }
        for (int p = 0; p < length; ) {
            int slot = p % KvPage.POSITIONS;
            int count = Math.min(Math.min(1 + random.nextInt(90), length - p), KvPage.POSITIONS - slot);
            int offset = p * shape.kvWidth();
            kernels.writeKv(shape, pages[p / KvPage.POSITIONS], slot, k, offset, v, offset, count);
            p += count;
        }
        return pages;
    }

    private float[] floats(int n, float magnitude) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian() * magnitude;
        }
        return x;
    }
}
