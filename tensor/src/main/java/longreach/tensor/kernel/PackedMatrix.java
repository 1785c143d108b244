package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.LANES;

import java.util.Objects;
import longreach.tensor.weights.Tensor;

/**
 * A matrix whose rows are interleaved in groups of {@link Lanes#GROUP}, so that a lane holds a row and no sum runs
 * across lanes. A group is a run of steps; a step holds {@link Format#stepCols} columns of all rows of the group in
 * 32-bit words, {@code word[i * GROUP + row]}. Rows beyond the last are zero. Words are on the heap: vector loads from
 * an int[] are a third faster than from a memory segment, whose liveness is checked at each. A large matrix lies in
 * several arrays of whole groups.
 *
 * @param parts the words: part p holds the groups from p * groupsPerPart on
 */
record PackedMatrix(Format format, int rows, int cols, int[][] parts, int groupsPerPart) implements Matrix {
    /** Most words of one array: 256 MiB, so that the heap needs no larger piece. */
    static final int PART_WORDS = 1 << 26;

    /**
     * What the words of a step hold, least significant bits first. Quantised values are packed so that a few masks take
     * them out in 32-bit and in 16-bit lanes alike.
     */
    enum Format {
        /**
         * 32 columns: one word with d | m &lt;&lt; 16 (binary16), then four words of eight nibbles q in column order.
         * w = d q + m. Q4_0 is stored as such too, with m = -8 d, which loses nothing.
         */
        Q4(32, 5 * GROUP),
        /**
         * 32 columns: half a word of d (binary16; word i holds row i low and row i + LANES high), then eight words of
         * four bytes q + 128 in column order. w = d q.
         */
        Q8(32, LANES + 8 * GROUP),
        /**
         * 256 columns in eight blocks: one word with d | dmin &lt;&lt; 16 (binary16); four words, each of the scale and
         * the minimum of two blocks, a byte each; then for each block its nibbles as in {@link #Q4}.
         * w = (d scale) q - (dmin minimum), in which only the difference is rounded.
         */
        Q4K(256, 37 * GROUP),
        /**
         * As {@link #Q4K}, but a block is five words of six values of 5 bits at bits 0, 5, 10, 16, 21 and 26. Bits 15 and
         * 31 of word i are bit i of the block's last two values.
         */
        Q5K(256, 45 * GROUP),
        /**
         * 256 columns in sixteen blocks: half a word of d as in {@link #Q8}; four words of four scales, signed bytes; then
         * for each block three words of four values q + 32 of 6 bits at bits 0, 6, 16 and 22. The nibbles at bits 12 and 28
         * of the three words make a fourth such word: word i gives bits 4 i of its halves. w = d scale q, exactly.
         */
        Q6K(256, LANES + 52 * GROUP),
        /** Two columns, binary16. */
        F16(2, GROUP),
        /** Two columns, bfloat16. */
        BF16(2, GROUP),
        F32(1, GROUP);

        final int stepCols;
        final int stepWords;

        Format(int stepCols, int stepWords) {
            this.stepCols = stepCols;
            this.stepWords = stepWords;
        }
    }

    int groups() {
        return (rows + GROUP - 1) / GROUP;
    }

    /** Whether the matrix has all rows of a group. */
    boolean isWhole(int group) {
        return (group + 1) * GROUP <= rows;
    }

    int steps() {
        return (cols + format.stepCols - 1) / format.stepCols;
    }

    /** Columns with those that only fill the last step: activations are zero there. */
    int paddedCols() {
        return steps() * format.stepCols;
    }

    int groupWords() {
        return steps() * format.stepWords;
    }

    /** The array that holds the words of a group, from {@link #offset} on. */
    int[] words(int group) {
        return parts[group / groupsPerPart];
    }

    int offset(int group) {
        return group % groupsPerPart * groupWords();
    }

    @Override
    public long bytes() {
        return 4L * groups() * groupWords();
    }

    /** Repacks a stored matrix with all threads of the pool; reads its bytes once, in order. */
    static PackedMatrix of(Tensor weight, ComputePool pool) {
        return of(weight, pool, PART_WORDS);
    }

    /** @param partWords most words of one array, if a group has no more */
    static PackedMatrix of(Tensor weight, ComputePool pool, int partWords) {
        MatrixShape shape = MatrixShape.of(weight);
        PackedMatrix packed = room(weight, Packer.format(weight, shape), shape, partWords);
        Packer.pack(weight, packed, pool);
        return packed;
    }

    private static PackedMatrix room(Tensor weight, Format format, MatrixShape shape, int partWords) {
        try {
            return zeros(format, shape.rows(), shape.cols(), partWords);
        } catch (OutOfMemoryError e) {
            throw new IllegalStateException(
                    "tensor " + weight + ": no room left in a heap of "
                            + (Runtime.getRuntime().maxMemory() >> 20)
                            + " MiB (expected: weights fit; give the JVM more with -Xmx)",
                    e);
        }
    }

    /** A matrix of zeros: words of zero are weights of zero in every format. */
    static PackedMatrix zeros(Format format, int rows, int cols, int partWords) {
        PackedMatrix shape = new PackedMatrix(format, rows, cols, new int[0][], 1);
        long groupWords = (long) (cols + format.stepCols - 1) / format.stepCols * format.stepWords;
        if (groupWords > Integer.MAX_VALUE - 16) {
            throw new IllegalArgumentException(
                    "columns: " + cols + " (expected: at most 2^31 words for " + GROUP + " rows of them)");
        }
        int groupsPerPart = Math.clamp(partWords / groupWords, 1, shape.groups());
        int[][] parts = new int[(shape.groups() + groupsPerPart - 1) / groupsPerPart][];
        for (int p = 0; p < parts.length; p++) {
            int groups = Math.min(groupsPerPart, shape.groups() - p * groupsPerPart);
            parts[p] = new int[Math.toIntExact(groups * groupWords)];
        }
        return new PackedMatrix(format, rows, cols, parts, groupsPerPart);
    }

    @Override
    public void row(int row, float[] out, int offset) {
        Objects.checkIndex(row, rows);
        int[] words = words(row / GROUP);
        int group = offset(row / GROUP);
        int lane = row % GROUP;
        for (int k = 0; k < cols; k++) {
            int step = group + k / format.stepCols * format.stepWords;
            int i = k % format.stepCols;
            out[offset + k] = switch (format) {
                case Q4 -> {
                    int dm = words[step + lane];
                    int q = words[step + (1 + i / 8) * GROUP + lane] >>> (i % 8 * 4) & 15;
                    yield half(dm) * q + half(dm >> 16);
                }
                case Q8 -> {
                    int d = words[step + lane % LANES] >> (lane / LANES * 16);
                    int q = (words[step + LANES + i / 4 * GROUP + lane] >>> (i % 4 * 8) & 0xff) - 128;
                    yield half(d) * q;
                }
                case Q4K, Q5K -> {
                    int dm = words[step + lane];
                    int scales = words[step + (1 + i / 64) * GROUP + lane] >>> (i / 32 % 2 * 16);
                    int q = format == Format.Q4K
                            ? words[step + (5 + i / 8) * GROUP + lane] >>> (i % 8 * 4) & 15
                            : five(words, step + (5 + i / 32 * 5) * GROUP + lane, i % 32);
                    yield half(dm) * (scales & 63) * q - half(dm >> 16) * (scales >>> 8 & 63);
                }
                case Q6K -> {
                    int d = words[step + lane % LANES] >> (lane / LANES * 16);
                    int scale = (byte) (words[step + LANES + i / 64 * GROUP + lane] >>> (i / 16 % 4 * 8));
                    int q = six(words, step + LANES + (4 + i / 16 * 3) * GROUP + lane, i % 16) - 32;
                    yield half(d) * scale * q;
                }
                case F16 -> half(words[step + lane] >> (i * 16));
                case BF16 -> Float.intBitsToFloat(words[step + lane] >>> (i * 16) << 16);
                case F32 -> Float.intBitsToFloat(words[step + lane]);
            };
        }
    }

    private static float half(int bits) {
        return Float.float16ToFloat((short) bits);
    }

    /** Value {@code i} of a block of 32 with five bits each whose first word is at {@code at}. */
    private static int five(int[] words, int at, int i) {
        if (i < 30) {
            return words[at + i / 6 * GROUP] >>> (i % 6 * 5 + i % 6 / 3) & 31;
        }
        int q = 0;
        for (int bit = 0; bit < 5; bit++) {
            q |= (words[at + bit * GROUP] >>> (15 + i % 2 * 16) & 1) << bit;
        }
        return q;
    }

    /** Value {@code i} of a block of 16 with six bits each whose first word is at {@code at}. */
    private static int six(int[] words, int at, int i) {
        int shift = i % 4 / 2 * 16;
        if (i < 12) {
            return words[at + i / 4 * GROUP] >>> (shift + i % 2 * 6) & 63;
        }
        int half = 0;
        for (int part = 0; part < 3; part++) {
            half |= (words[at + part * GROUP] >>> (shift + 12) & 15) << (4 * part);
        }
        return half >>> (i % 2 * 6) & 63;
    }
}
