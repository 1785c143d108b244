package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Attention of a few query rows straight from binary16 pages, without widening them to memory: each word is read once and
 * its two elements are multiplied by all rows of the query heads that share it. The same multiplications and additions in
 * the same order as {@link Tile} makes them, so the two give the same bits.
 *
 * <p>A binary16 is taken as the high bits of a binary32, 2^112 too small; queries and weights are {@link #SCALE} times too
 * large instead, which changes no bit of a product. One, three or four rows at once: twice as many sums and the two halves
 * of two words fill the registers of AVX2, and three rows are the query heads of SmolLM2's kv heads.
 */
final class PageRows {
    /** What queries and weights are multiplied by. */
    static final float SCALE = 0x1p112f;

    /** Elements of a query must bEven smaller, to stay finite once scaled. */
    static final float MAX_QUERY = 0x1p15f;

    /** More rows than these are better off with a page that was widened once for all of them. */
    static final int MAX_ROWS = 8;

    private static final int HALF_BITS = 0x8fffe000;
    private static final int POSITIONS = KvPage.POSITIONS;

    private PageRows() {}

    /**
     * scores[row, p] = q[row] . k[p] for the positions p of the first {@code tiles} tiles.
     *
     * @param offset of the keys in the page: tiles [keyRows, GROUP positions] of two dimensions a word
     * @param q scaled queries [rows, 2 * keyRows]
     * @param scores [rows, POSITIONS]
     */
    static void keys(MemorySegment page, long offset, int keyRows, int tiles, float[] q, int rows, float[] scores) {
        int dim = 2 * keyRows;
        int r = 0;
        for (; rows - r >= 4; r += 4) {
            keysFour(page, offset, keyRows, tiles, q, r * dim, dim, scores, r * POSITIONS);
        }
        if (rows - r == 3) {
            keysThree(page, offset, keyRows, tiles, q, r * dim, dim, scores, r * POSITIONS);
            return;
        }
        for (; r < rows; r++) {
            keysOne(page, offset, keyRows, tiles, q, r * dim, dim, scores, r * POSITIONS);
        }
    }

    /**
     * out[row, d] += sum over p in [0, n) of weights[row, p] * v[p, d].
     *
     * @param offset of the values in the page: tiles [POSITIONS / 2, GROUP dimensions] of two positions a word
     * @param n positions, even
     * @param weights scaled weights [rows, POSITIONS]
     * @param out [rows, tiles * GROUP] from {@code outOffset}
     */
    static void values(
            MemorySegment page, long offset, int tiles, int n, float[] weights, int rows, float[] out, int outOffset) {
        int dim = tiles * GROUP;
        int r = 0;
        for (; rows - r >= 4; r += 4) {
            valuesFour(page, offset, tiles, n, weights, r * POSITIONS, out, outOffset + r * dim, dim);
        }
        if (rows - r == 3) {
            valuesThree(page, offset, tiles, n, weights, r * POSITIONS, out, outOffset + r * dim, dim);
            return;
        }
        for (; r < rows; r++) {
            valuesOne(page, offset, tiles, n, weights, r * POSITIONS, out, outOffset + r * dim, dim);
        }
    }

    private static void keysFour(
            MemorySegment page,
            long offset,
            int keyRows,
            int tiles,
            float[] q,
            int qOffset,
            int dim,
            float[] scores,
            int scoresOffset) {
        IntVector bits = IntVector.broadcast(I, HALF_BITS);
        for (int tile = 0; tile < tiles; tile++) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            FloatVector b0 = a0;
            FloatVector b1 = a0;
            FloatVector c0 = a0;
            FloatVector c1 = a0;
            FloatVector d0 = a0;
            FloatVector d1 = a0;
            for (int r = 0; r < keyRows; r++) {
                long at = offset + 4L * ((tile * keyRows + r) * GROUP);
                IntVector w0 = IntVector.fromMemorySegment(I, page, at, ByteOrder.LITTLE_ENDIAN);
                IntVector w1 = IntVector.fromMemorySegment(I, page, at + 4 * LANES, ByteOrder.LITTLE_ENDIAN);
                FloatVector aEven = FloatVector.broadcast(F, q[qOffset + 2 * r]);
                FloatVector aOdd = FloatVector.broadcast(F, q[qOffset + 2 * r + 1]);
                FloatVector bEven = FloatVector.broadcast(F, q[qOffset + dim + 2 * r]);
                FloatVector bOdd = FloatVector.broadcast(F, q[qOffset + dim + 2 * r + 1]);
                FloatVector cEven = FloatVector.broadcast(F, q[qOffset + 2 * dim + 2 * r]);
                FloatVector cOdd = FloatVector.broadcast(F, q[qOffset + 2 * dim + 2 * r + 1]);
                FloatVector dEven = FloatVector.broadcast(F, q[qOffset + 3 * dim + 2 * r]);
                FloatVector dOdd = FloatVector.broadcast(F, q[qOffset + 3 * dim + 2 * r + 1]);
                FloatVector even0 = w0.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                FloatVector even1 = w1.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                a0 = even0.fma(aEven, a0);
                a1 = even1.fma(aEven, a1);
                b0 = even0.fma(bEven, b0);
                b1 = even1.fma(bEven, b1);
                c0 = even0.fma(cEven, c0);
                c1 = even1.fma(cEven, c1);
                d0 = even0.fma(dEven, d0);
                d1 = even1.fma(dEven, d1);
                FloatVector odd0 = w0.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                FloatVector odd1 = w1.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                a0 = odd0.fma(aOdd, a0);
                a1 = odd1.fma(aOdd, a1);
                b0 = odd0.fma(bOdd, b0);
                b1 = odd1.fma(bOdd, b1);
                c0 = odd0.fma(cOdd, c0);
                c1 = odd1.fma(cOdd, c1);
                d0 = odd0.fma(dOdd, d0);
                d1 = odd1.fma(dOdd, d1);
            }
            int o = scoresOffset + tile * GROUP;
            a0.intoArray(scores, o);
            a1.intoArray(scores, o + LANES);
            b0.intoArray(scores, o + POSITIONS);
            b1.intoArray(scores, o + POSITIONS + LANES);
            c0.intoArray(scores, o + 2 * POSITIONS);
            c1.intoArray(scores, o + 2 * POSITIONS + LANES);
            d0.intoArray(scores, o + 3 * POSITIONS);
            d1.intoArray(scores, o + 3 * POSITIONS + LANES);
        }
    }

    private static void keysThree(
            MemorySegment page,
            long offset,
            int keyRows,
            int tiles,
            float[] q,
            int qOffset,
            int dim,
            float[] scores,
            int scoresOffset) {
        IntVector bits = IntVector.broadcast(I, HALF_BITS);
        for (int tile = 0; tile < tiles; tile++) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            FloatVector b0 = a0;
            FloatVector b1 = a0;
            FloatVector c0 = a0;
            FloatVector c1 = a0;
            for (int r = 0; r < keyRows; r++) {
                long at = offset + 4L * ((tile * keyRows + r) * GROUP);
                IntVector w0 = IntVector.fromMemorySegment(I, page, at, ByteOrder.LITTLE_ENDIAN);
                IntVector w1 = IntVector.fromMemorySegment(I, page, at + 4 * LANES, ByteOrder.LITTLE_ENDIAN);
                FloatVector aEven = FloatVector.broadcast(F, q[qOffset + 2 * r]);
                FloatVector aOdd = FloatVector.broadcast(F, q[qOffset + 2 * r + 1]);
                FloatVector bEven = FloatVector.broadcast(F, q[qOffset + dim + 2 * r]);
                FloatVector bOdd = FloatVector.broadcast(F, q[qOffset + dim + 2 * r + 1]);
                FloatVector cEven = FloatVector.broadcast(F, q[qOffset + 2 * dim + 2 * r]);
                FloatVector cOdd = FloatVector.broadcast(F, q[qOffset + 2 * dim + 2 * r + 1]);
                FloatVector even0 = w0.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                FloatVector even1 = w1.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                a0 = even0.fma(aEven, a0);
                a1 = even1.fma(aEven, a1);
                b0 = even0.fma(bEven, b0);
                b1 = even1.fma(bEven, b1);
                c0 = even0.fma(cEven, c0);
                c1 = even1.fma(cEven, c1);
                FloatVector odd0 = w0.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                FloatVector odd1 = w1.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                a0 = odd0.fma(aOdd, a0);
                a1 = odd1.fma(aOdd, a1);
                b0 = odd0.fma(bOdd, b0);
                b1 = odd1.fma(bOdd, b1);
                c0 = odd0.fma(cOdd, c0);
                c1 = odd1.fma(cOdd, c1);
            }
            int o = scoresOffset + tile * GROUP;
            a0.intoArray(scores, o);
            a1.intoArray(scores, o + LANES);
            b0.intoArray(scores, o + POSITIONS);
            b1.intoArray(scores, o + POSITIONS + LANES);
            c0.intoArray(scores, o + 2 * POSITIONS);
            c1.intoArray(scores, o + 2 * POSITIONS + LANES);
        }
    }

    private static void keysOne(
            MemorySegment page,
            long offset,
            int keyRows,
            int tiles,
            float[] q,
            int qOffset,
            int dim,
            float[] scores,
            int scoresOffset) {
        IntVector bits = IntVector.broadcast(I, HALF_BITS);
        for (int tile = 0; tile < tiles; tile++) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            for (int r = 0; r < keyRows; r++) {
                long at = offset + 4L * ((tile * keyRows + r) * GROUP);
                IntVector w0 = IntVector.fromMemorySegment(I, page, at, ByteOrder.LITTLE_ENDIAN);
                IntVector w1 = IntVector.fromMemorySegment(I, page, at + 4 * LANES, ByteOrder.LITTLE_ENDIAN);
                FloatVector aEven = FloatVector.broadcast(F, q[qOffset + 2 * r]);
                FloatVector aOdd = FloatVector.broadcast(F, q[qOffset + 2 * r + 1]);
                FloatVector even0 = w0.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                FloatVector even1 = w1.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                a0 = even0.fma(aEven, a0);
                a1 = even1.fma(aEven, a1);
                FloatVector odd0 = w0.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                FloatVector odd1 = w1.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                a0 = odd0.fma(aOdd, a0);
                a1 = odd1.fma(aOdd, a1);
            }
            int o = scoresOffset + tile * GROUP;
            a0.intoArray(scores, o);
            a1.intoArray(scores, o + LANES);
        }
    }

    private static void valuesFour(
            MemorySegment page,
            long offset,
            int tiles,
            int n,
            float[] weights,
            int weightsOffset,
            float[] out,
            int outOffset,
            int valueDim) {
        IntVector bits = IntVector.broadcast(I, HALF_BITS);
        for (int tile = 0; tile < tiles; tile++) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            FloatVector b0 = a0;
            FloatVector b1 = a0;
            FloatVector c0 = a0;
            FloatVector c1 = a0;
            FloatVector d0 = a0;
            FloatVector d1 = a0;
            for (int r = 0; r < n / 2; r++) {
                long at = offset + 4L * ((tile * (POSITIONS / 2) + r) * GROUP);
                IntVector w0 = IntVector.fromMemorySegment(I, page, at, ByteOrder.LITTLE_ENDIAN);
                IntVector w1 = IntVector.fromMemorySegment(I, page, at + 4 * LANES, ByteOrder.LITTLE_ENDIAN);
                FloatVector aEven = FloatVector.broadcast(F, weights[weightsOffset + 2 * r]);
                FloatVector aOdd = FloatVector.broadcast(F, weights[weightsOffset + 2 * r + 1]);
                FloatVector bEven = FloatVector.broadcast(F, weights[weightsOffset + POSITIONS + 2 * r]);
                FloatVector bOdd = FloatVector.broadcast(F, weights[weightsOffset + POSITIONS + 2 * r + 1]);
                FloatVector cEven = FloatVector.broadcast(F, weights[weightsOffset + 2 * POSITIONS + 2 * r]);
                FloatVector cOdd = FloatVector.broadcast(F, weights[weightsOffset + 2 * POSITIONS + 2 * r + 1]);
                FloatVector dEven = FloatVector.broadcast(F, weights[weightsOffset + 3 * POSITIONS + 2 * r]);
                FloatVector dOdd = FloatVector.broadcast(F, weights[weightsOffset + 3 * POSITIONS + 2 * r + 1]);
                FloatVector even0 = w0.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                FloatVector even1 = w1.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                a0 = even0.fma(aEven, a0);
                a1 = even1.fma(aEven, a1);
                b0 = even0.fma(bEven, b0);
                b1 = even1.fma(bEven, b1);
                c0 = even0.fma(cEven, c0);
                c1 = even1.fma(cEven, c1);
                d0 = even0.fma(dEven, d0);
                d1 = even1.fma(dEven, d1);
                FloatVector odd0 = w0.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                FloatVector odd1 = w1.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                a0 = odd0.fma(aOdd, a0);
                a1 = odd1.fma(aOdd, a1);
                b0 = odd0.fma(bOdd, b0);
                b1 = odd1.fma(bOdd, b1);
                c0 = odd0.fma(cOdd, c0);
                c1 = odd1.fma(cOdd, c1);
                d0 = odd0.fma(dOdd, d0);
                d1 = odd1.fma(dOdd, d1);
            }
            int o = outOffset + tile * GROUP;
            FloatVector.fromArray(F, out, o).add(a0).intoArray(out, o);
            FloatVector.fromArray(F, out, o + LANES).add(a1).intoArray(out, o + LANES);
            FloatVector.fromArray(F, out, o + valueDim).add(b0).intoArray(out, o + valueDim);
            FloatVector.fromArray(F, out, o + valueDim + LANES).add(b1).intoArray(out, o + valueDim + LANES);
            FloatVector.fromArray(F, out, o + 2 * valueDim).add(c0).intoArray(out, o + 2 * valueDim);
            FloatVector.fromArray(F, out, o + 2 * valueDim + LANES).add(c1).intoArray(out, o + 2 * valueDim + LANES);
            FloatVector.fromArray(F, out, o + 3 * valueDim).add(d0).intoArray(out, o + 3 * valueDim);
            FloatVector.fromArray(F, out, o + 3 * valueDim + LANES).add(d1).intoArray(out, o + 3 * valueDim + LANES);
        }
    }

    private static void valuesThree(
            MemorySegment page,
            long offset,
            int tiles,
            int n,
            float[] weights,
            int weightsOffset,
            float[] out,
            int outOffset,
            int valueDim) {
        IntVector bits = IntVector.broadcast(I, HALF_BITS);
        for (int tile = 0; tile < tiles; tile++) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            FloatVector b0 = a0;
            FloatVector b1 = a0;
            FloatVector c0 = a0;
            FloatVector c1 = a0;
            for (int r = 0; r < n / 2; r++) {
                long at = offset + 4L * ((tile * (POSITIONS / 2) + r) * GROUP);
                IntVector w0 = IntVector.fromMemorySegment(I, page, at, ByteOrder.LITTLE_ENDIAN);
                IntVector w1 = IntVector.fromMemorySegment(I, page, at + 4 * LANES, ByteOrder.LITTLE_ENDIAN);
                FloatVector aEven = FloatVector.broadcast(F, weights[weightsOffset + 2 * r]);
                FloatVector aOdd = FloatVector.broadcast(F, weights[weightsOffset + 2 * r + 1]);
                FloatVector bEven = FloatVector.broadcast(F, weights[weightsOffset + POSITIONS + 2 * r]);
                FloatVector bOdd = FloatVector.broadcast(F, weights[weightsOffset + POSITIONS + 2 * r + 1]);
                FloatVector cEven = FloatVector.broadcast(F, weights[weightsOffset + 2 * POSITIONS + 2 * r]);
                FloatVector cOdd = FloatVector.broadcast(F, weights[weightsOffset + 2 * POSITIONS + 2 * r + 1]);
                FloatVector even0 = w0.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                FloatVector even1 = w1.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                a0 = even0.fma(aEven, a0);
                a1 = even1.fma(aEven, a1);
                b0 = even0.fma(bEven, b0);
                b1 = even1.fma(bEven, b1);
                c0 = even0.fma(cEven, c0);
                c1 = even1.fma(cEven, c1);
                FloatVector odd0 = w0.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                FloatVector odd1 = w1.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                a0 = odd0.fma(aOdd, a0);
                a1 = odd1.fma(aOdd, a1);
                b0 = odd0.fma(bOdd, b0);
                b1 = odd1.fma(bOdd, b1);
                c0 = odd0.fma(cOdd, c0);
                c1 = odd1.fma(cOdd, c1);
            }
            int o = outOffset + tile * GROUP;
            FloatVector.fromArray(F, out, o).add(a0).intoArray(out, o);
            FloatVector.fromArray(F, out, o + LANES).add(a1).intoArray(out, o + LANES);
            FloatVector.fromArray(F, out, o + valueDim).add(b0).intoArray(out, o + valueDim);
            FloatVector.fromArray(F, out, o + valueDim + LANES).add(b1).intoArray(out, o + valueDim + LANES);
            FloatVector.fromArray(F, out, o + 2 * valueDim).add(c0).intoArray(out, o + 2 * valueDim);
            FloatVector.fromArray(F, out, o + 2 * valueDim + LANES).add(c1).intoArray(out, o + 2 * valueDim + LANES);
        }
    }

    private static void valuesOne(
            MemorySegment page,
            long offset,
            int tiles,
            int n,
            float[] weights,
            int weightsOffset,
            float[] out,
            int outOffset,
            int valueDim) {
        IntVector bits = IntVector.broadcast(I, HALF_BITS);
        for (int tile = 0; tile < tiles; tile++) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            for (int r = 0; r < n / 2; r++) {
                long at = offset + 4L * ((tile * (POSITIONS / 2) + r) * GROUP);
                IntVector w0 = IntVector.fromMemorySegment(I, page, at, ByteOrder.LITTLE_ENDIAN);
                IntVector w1 = IntVector.fromMemorySegment(I, page, at + 4 * LANES, ByteOrder.LITTLE_ENDIAN);
                FloatVector aEven = FloatVector.broadcast(F, weights[weightsOffset + 2 * r]);
                FloatVector aOdd = FloatVector.broadcast(F, weights[weightsOffset + 2 * r + 1]);
                FloatVector even0 = w0.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                FloatVector even1 = w1.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, bits)
                        .reinterpretAsFloats();
                a0 = even0.fma(aEven, a0);
                a1 = even1.fma(aEven, a1);
                FloatVector odd0 = w0.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                FloatVector odd1 = w1.lanewise(ASHR, 3).lanewise(AND, bits).reinterpretAsFloats();
                a0 = odd0.fma(aOdd, a0);
                a1 = odd1.fma(aOdd, a1);
            }
            int o = outOffset + tile * GROUP;
            FloatVector.fromArray(F, out, o).add(a0).intoArray(out, o);
            FloatVector.fromArray(F, out, o + LANES).add(a1).intoArray(out, o + LANES);
        }
    }
}
