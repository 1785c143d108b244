package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.OR;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The two products of attention through oneDNN in bf16, for one thread: queries times the keys of a page, weights times its
 * values. A binary16 page pairs two rows in a word as {@link Bf16Weights}' layout does, so its words are rounded one by
 * one. Both products always take a whole page, with zeros for what is not there, so that a row's result does not depend on
 * how many positions or rows were computed with it.
 */
final class Bf16Pages {
    /** Query rows of one block. */
    static final int MOST_ROWS = Bf16Primitives.MOST_ROWS;

    private static final int POSITIONS = KvPage.POSITIONS;
    private static final int BLOCK = Bf16Weights.BLOCK;
    private static final int HALF_BITS = 0x8fffe000;
    private static final int PAGE = 64;

    private final Bf16Primitives primitives;
    private final Arena arena = Arena.ofAuto();
    private final Bf16Primitives.Depth positions;
    private final MemorySegment weights;
    private MemorySegment queries = MemorySegment.NULL;
    private MemorySegment keys = MemorySegment.NULL;
    private MemorySegment values = MemorySegment.NULL;
    // What keys and values hold, of the job under way.
    private long job;
    private int heldPage;
    private int heldHead;

    Bf16Pages(Bf16Primitives primitives) {
        this.primitives = primitives;
        positions = primitives.depth(POSITIONS);
        weights = arena.allocate(2L * MOST_ROWS * positions.stride(), PAGE);
    }

    /** Whether pages of this type and shape can be multiplied so: what cannot goes the way of f32. */
    static boolean takes(AttentionShape shape, KvPage.Type type) {
        return type == KvPage.Type.F16
                && valueBlocks(shape.headDim()) <= Bf16Primitives.MOST_BLOCKS
                && shape.queryHeads() / shape.kvHeads() <= MOST_ROWS;
    }

    /** @throws UnsupportedOperationException when a row's result would depend on how many are computed with it */
    static void check(Bf16Primitives primitives, AttentionShape shape) {
        primitives.check(Bf16Weights.depth(shape.headDim()), POSITIONS / BLOCK);
        primitives.check(POSITIONS, valueBlocks(shape.headDim()));
    }

    private static int valueBlocks(int headDim) {
        return (headDim + BLOCK - 1) / BLOCK;
    }

    /** Takes the queries of the next products, f32[rows, dim]. */
    void queries(float[] q, int rows, int dim) {
        Bf16Primitives.Depth depth = primitives.depth(Bf16Weights.depth(dim));
        long rowBytes = 2L * depth.stride();
        if (queries.byteSize() < MOST_ROWS * rowBytes) {
            queries = arena.allocate(MOST_ROWS * rowBytes, PAGE);
        }
        for (int r = 0; r < rows; r++) {
            Bf16.round(q, r * dim, dim, queries, r * rowBytes);
            if (dim < depth.depth()) {
                queries.asSlice(r * rowBytes + 2L * dim, 2L * (depth.depth() - dim))
                        .fill((byte) 0);
            }
        }
    }

    /**
     * Takes the keys and values of a page for a head.
     *
     * @param job as long as it stays the same, so does what pages hold
     * @param keysAt byte of the page where the head's keys begin; its values follow
     * @param n positions that are written; what is taken for the others is finite, and gets no weight
     */
    void page(long job, KvPage page, int number, int head, long keysAt, int dim, int valueDim, int n) {
        if (this.job == job && heldPage == number && heldHead == head) {
            return;
        }
        this.job = job;
        heldPage = number;
        heldHead = head;
        int depth = Bf16Weights.depth(dim);
        if (keys.byteSize() < 2L * depth * POSITIONS) {
            keys = arena.allocate(2L * depth * POSITIONS, PAGE);
        }
        int blocks = valueBlocks(dim);
        if (values.byteSize() < 2L * POSITIONS * blocks * BLOCK) {
            values = arena.allocate(2L * POSITIONS * blocks * BLOCK, PAGE);
        }
        MemorySegment from = page.segment();
        int keyRows = (dim + 1) / 2;
        for (int tile = 0; tile < (n + GROUP - 1) / GROUP; tile++) {
            int position = tile * GROUP;
            long target = 2L * depth * (position - position % BLOCK) + 4L * (position % BLOCK);
            round(from, keysAt + 4L * tile * keyRows * GROUP, keyRows, keys, target);
        }
        long valuesAt = keysAt + 4L * POSITIONS * keyRows;
        int pairs = (n + 1) / 2;
        for (int tile = 0; tile < valueDim / GROUP; tile++) {
            int d = tile * GROUP;
            long target = 2L * POSITIONS * (d - d % BLOCK) + 4L * (d % BLOCK);
            round(from, valuesAt + 2L * tile * POSITIONS * GROUP, pairs, values, target);
        }
    }

    /** Scores of every row and position of the page, for {@link #weights}. */
    void scores(int rows, int dim) {
        Bf16Primitives.Depth depth = primitives.depth(Bf16Weights.depth(dim));
        primitives.multiply(depth, rows, POSITIONS / BLOCK, queries.address(), keys.address());
    }

    /** Bounds the scores [from, to) of a row softly, by {@code cap}. */
    void softcap(int row, int from, int to, float cap, float[] scratch) {
        long at = 4L * row * POSITIONS;
        MemorySegment.copy(primitives.out, ValueLayout.JAVA_FLOAT, at + 4L * from, scratch, 0, to - from);
        VectorMath.softcap(scratch, 0, to - from, cap);
        MemorySegment.copy(scratch, 0, primitives.out, ValueLayout.JAVA_FLOAT, at + 4L * from, to - from);
    }

    /** The largest score of a row's positions [from, to), of which there is one. */
    float max(int row, int from, int to) {
        return Bf16Softmax.max(primitives.out, 4L * row * POSITIONS, from, to);
    }

    /** Takes e^(score - max) as the weights of a row's positions [from, to), and 0 for the others; returns their sum. */
    float weights(int row, int from, int to, float max) {
        return Bf16Softmax.weights(
                primitives.out, 4L * row * POSITIONS, from, to, max, weights, 2L * row * positions.stride());
    }

    /** A row that sees nothing of the page. */
    void noWeights(int row) {
        Bf16Softmax.none(weights, 2L * row * positions.stride());
    }

    /** sums[r, d] += sum over p of the weights of r times v[p, d] for d in [0, valueDim), valueDim from row to row. */
    void values(int rows, int dim, int valueDim, float[] sums, int offset) {
        int blocks = valueBlocks(dim);
        primitives.multiply(positions, rows, blocks, weights.address(), values.address());
        add(primitives.out, rows, blocks * BLOCK, Math.min(valueDim, blocks * BLOCK), sums, offset, valueDim);
    }

    private static void add(
            MemorySegment from, int rows, int stride, int width, float[] sums, int offset, int sumStride) {
        for (int r = 0; r < rows; r++) {
            for (int d = 0; d < width; d += LANES) {
                FloatVector v = FloatVector.fromMemorySegment(F, from, 4L * (r * stride + d), ByteOrder.nativeOrder());
                int at = offset + r * sumStride + d;
                FloatVector.fromArray(F, sums, at).add(v).intoArray(sums, at);
            }
        }
    }

    /**
     * Rows of GROUP words of two binary16 to words of two bf16, BLOCK words from row to row. As wherever pages are read, the
     * largest exponent is one of finite values.
     */
    private static void round(MemorySegment from, long source, int rows, MemorySegment to, long target) {
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        IntVector one = IntVector.broadcast(I, 1);
        IntVector half = IntVector.broadcast(I, 0x7fff);
        IntVector upper = IntVector.broadcast(I, 0xffff0000);
        FloatVector scale = FloatVector.broadcast(F, 0x1p112f);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < GROUP; i += LANES) {
                IntVector pair =
                        IntVector.fromMemorySegment(I, from, source + 4L * (r * GROUP + i), ByteOrder.LITTLE_ENDIAN);
                IntVector low = pair.lanewise(LSHL, 16)
                        .lanewise(ASHR, 3)
                        .lanewise(AND, halfBits)
                        .reinterpretAsFloats()
                        .mul(scale)
                        .reinterpretAsInts();
                IntVector high = pair.lanewise(ASHR, 3)
                        .lanewise(AND, halfBits)
                        .reinterpretAsFloats()
                        .mul(scale)
                        .reinterpretAsInts();
                IntVector lows = low.add(half).add(low.lanewise(LSHR, 16).lanewise(AND, one));
                IntVector highs = high.add(half).add(high.lanewise(LSHR, 16).lanewise(AND, one));
                lows.lanewise(LSHR, 16)
                        .lanewise(OR, highs.lanewise(AND, upper))
                        .intoMemorySegment(to, target + 4L * (r * BLOCK + i), ByteOrder.nativeOrder());
            }
        }
    }
}
