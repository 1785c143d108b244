package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.OR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of keys and values into the panels of a page, in the layout of {@link AttentionKernel}. A binary16 page takes
 * rows that are rounded first, all at once: two elements of a key that follow each other are then already a word of its
 * panel, so keys are transposed word by word, and a word of values takes an element of each of two rows.
 */
final class PageWriter {
    private static final int POSITIONS = KvPage.POSITIONS;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** As many elements of binary16 as a vector has words. */
    private static final VectorSpecies<Short> S =
            VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));

    /** Fewer rows than this are not worth another thread. */
    private static final int INLINE_ROWS = 8;

    private final ComputePool pool;
    private final Scratch[] scratches;

    /** Rounded rows of one call, by the thread that makes it. */
    private static final class Scratch {
        private short[] keys = new short[0];
        private short[] values = new short[0];
        private int[] words = new int[0];
        private int[] steps = new int[0];
        private int rowWords;

        private void reserve(int elements) {
            if (keys.length < elements) {
                keys = new short[elements];
                values = new short[elements];
                words = new int[(elements + 1) / 2];
            }
        }

        /** Where the same word of so many rows lies. */
        private int[] steps(int words) {
            if (rowWords != words || steps.length != LANES) {
                steps = new int[LANES];
                for (int i = 0; i < LANES; i++) {
                    steps[i] = i * words;
                }
                rowWords = words;
            }
            return steps;
        }
    }

    PageWriter(ComputePool pool) {
        this.pool = pool;
        scratches = new Scratch[pool.threads()];
        for (int i = 0; i < scratches.length; i++) {
            scratches[i] = new Scratch();
        }
    }

    /** As {@link Kernels#writeKv}. */
    void write(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, float[] v, int vOffset, int tokens) {
        Objects.checkFromIndexSize(slot, tokens, POSITIONS);
        if (page.type() == KvPage.Type.F32) {
            heads(shape, tokens, head -> floats(shape, page, head, slot, k, kOffset, v, vOffset, tokens));
            return;
        }
        Scratch scratch = scratches[pool.thread()];
        int n = tokens * shape.kvWidth();
        scratch.reserve(n);
        round(k, kOffset, n, scratch.keys);
        round(v, vOffset, n, scratch.values);
        halves(shape, page, slot, scratch, scratch.values, 0, tokens);
    }

    /** As {@link Kernels#writeHalves}. */
    void writeHalves(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, short[] v, int vOffset, int tokens) {
        Objects.checkFromIndexSize(slot, tokens, POSITIONS);
        if (page.type() != KvPage.Type.F16) {
            throw new IllegalArgumentException("page: " + page.type() + " (expected: F16)");
        }
        Scratch scratch = scratches[pool.thread()];
        int n = tokens * shape.kvWidth();
        scratch.reserve(n);
        round(k, kOffset, n, scratch.keys);
        halves(shape, page, slot, scratch, v, vOffset, tokens);
    }

    private interface Head {
        void write(int head);
    }

    private void heads(AttentionShape shape, int tokens, Head job) {
        if (tokens < INLINE_ROWS) {
            for (int head = 0; head < shape.kvHeads(); head++) {
                job.write(head);
            }
        } else {
            pool.forEach(shape.kvHeads(), (head, thread) -> job.write(head));
        }
    }

    private void halves(
            AttentionShape shape, KvPage page, int slot, Scratch scratch, short[] v, int vOffset, int tokens) {
        int width = shape.kvWidth();
        int dim = shape.headDim();
        int first = (slot + LANES - 1) / LANES * LANES - slot;
        int whole = dim % LANES == 0 ? Math.max(0, (tokens - first) / LANES * LANES) : 0;
        if (whole == 0) {
            heads(shape, tokens, head -> shorts(shape, page, head, slot, scratch.keys, v, vOffset, 0, tokens));
            return;
        }
        // The same bytes, read as words.
        MemorySegment.copy(
                MemorySegment.ofArray(scratch.keys), 0, MemorySegment.ofArray(scratch.words), 0, 2L * tokens * width);
        int[] steps = scratch.steps(width / 2);
        int keyRows = AttentionKernel.keyRows(shape, KvPage.Type.F16);
        heads(shape, tokens, head -> {
            long keysAt = head * AttentionKernel.headBytes(shape, KvPage.Type.F16);
            long valuesAt = keysAt + AttentionKernel.keyBytes(shape, KvPage.Type.F16);
            shorts(shape, page, head, slot, scratch.keys, v, vOffset, 0, first);
            int word = (first * width + head * dim) / 2;
            keys(scratch.words, word, width / 2, steps, page.segment(), keysAt, keyRows, slot + first, whole);
            int value = vOffset + first * width + head * dim;
            values(v, value, width, dim, page.segment(), valuesAt, slot + first, whole);
            shorts(shape, page, head, slot, scratch.keys, v, vOffset, first + whole, tokens);
        });
    }

    /** Nearest binary16, ties to even; one run, which the compiler turns into vectors. */
    private static void round(float[] x, int offset, int n, short[] half) {
        for (int i = 0; i < n; i++) {
            half[i] = Float.floatToFloat16(x[offset + i]);
        }
    }

    /**
     * Keys of one head at positions [slot, slot + n), both multiples of LANES: transposes words, and makes subnormals zeros.
     *
     * @param steps i * rowWords for each lane i
     */
    private static void keys(
            int[] words,
            int offset,
            int rowWords,
            int[] steps,
            MemorySegment page,
            long at,
            int keyRows,
            int slot,
            int n) {
        for (int t = 0; t < n; t += LANES) {
            int p = slot + t;
            long to = at + 4L * ((long) p / GROUP * keyRows * GROUP + p % GROUP);
            int from = offset + t * rowWords;
            for (int w = 0; w < keyRows; w++) {
                ShortVector h =
                        IntVector.fromArray(I, words, from + w, steps, 0).reinterpretAsShorts();
                h.lanewise(AND, (short) 0x8000, h.lanewise(AND, (short) 0x7c00).compare(EQ, (short) 0))
                        .reinterpretAsInts()
                        .intoMemorySegment(page, to + 4L * w * GROUP, ByteOrder.LITTLE_ENDIAN);
            }
        }
    }

    /** Values of one head at positions [slot, slot + n), both even; dim a multiple of LANES. */
    private static void values(
            short[] v, int offset, int width, int dim, MemorySegment page, long at, int slot, int n) {
        for (int t = 0; t < n; t += 2) {
            int even = offset + t * width;
            for (int d = 0; d < dim; d += LANES) {
                var low = (IntVector) ShortVector.fromArray(S, v, even + d).convertShape(ZERO_EXTEND_S2I, I, 0);
                var high = (IntVector)
                        ShortVector.fromArray(S, v, even + width + d).convertShape(ZERO_EXTEND_S2I, I, 0);
                ShortVector h = high.lanewise(LSHL, 16).lanewise(OR, low).reinterpretAsShorts();
                long word = ((long) d / GROUP * (POSITIONS / 2) + (slot + t) / 2) * GROUP + d % GROUP;
                h.lanewise(AND, (short) 0x8000, h.lanewise(AND, (short) 0x7c00).compare(EQ, (short) 0))
                        .reinterpretAsInts()
                        .intoMemorySegment(page, at + 4 * word, ByteOrder.LITTLE_ENDIAN);
            }
        }
    }

    /** Rows [from, to) of one head, element by element. */
    private static void shorts(
            AttentionShape shape,
            KvPage page,
            int head,
            int slot,
            short[] k,
            short[] v,
            int vOffset,
            int from,
            int to) {
        MemorySegment segment = page.segment();
        int dim = shape.headDim();
        int keyRows = AttentionKernel.keyRows(shape, KvPage.Type.F16);
        long keys = head * AttentionKernel.headBytes(shape, KvPage.Type.F16);
        long values = keys + AttentionKernel.keyBytes(shape, KvPage.Type.F16);
        for (int t = from; t < to; t++) {
            int p = slot + t;
            int source = t * shape.kvWidth() + head * dim;
            for (int d = 0; d < dim; d++) {
                long key = ((long) p / GROUP * keyRows + d / 2) * GROUP + p % GROUP;
                long value = ((long) d / GROUP * (POSITIONS / 2) + p / 2) * GROUP + d % GROUP;
                segment.set(SHORT, keys + 4 * key + d % 2 * 2, Half.withoutSubnormals(k[source + d]));
                segment.set(SHORT, values + 4 * value + p % 2 * 2, Half.withoutSubnormals(v[vOffset + source + d]));
            }
        }
    }

    private static void floats(
            AttentionShape shape,
            KvPage page,
            int head,
            int slot,
            float[] k,
            int kOffset,
            float[] v,
            int vOffset,
            int tokens) {
        MemorySegment segment = page.segment();
        int dim = shape.headDim();
        int keyRows = AttentionKernel.keyRows(shape, KvPage.Type.F32);
        long keys = head * AttentionKernel.headBytes(shape, KvPage.Type.F32);
        long values = keys + AttentionKernel.keyBytes(shape, KvPage.Type.F32);
        for (int t = 0; t < tokens; t++) {
            int p = slot + t;
            int source = t * shape.kvWidth() + head * dim;
            for (int d = 0; d < dim; d++) {
                long key = ((long) p / GROUP * keyRows + d) * GROUP + p % GROUP;
                long value = ((long) d / GROUP * POSITIONS + p) * GROUP + d % GROUP;
                segment.set(FLOAT, keys + 4 * key, k[kOffset + source + d]);
                segment.set(FLOAT, values + 4 * value, v[vOffset + source + d]);
            }
        }
    }
}
