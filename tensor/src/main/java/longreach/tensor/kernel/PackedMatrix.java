package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.LANES;

import java.util.Objects;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/**
 * A matrix whose rows are interleaved in groups of {@link Lanes#GROUP}, so that a lane holds a row and no sum runs
 * across lanes. A group is a run of steps; a step holds {@link Format#stepCols} columns of all rows of the group in
 * 32-bit words, {@code word[i * GROUP + row]}. Rows beyond the last are zero. Words are on the heap: vector loads from
 * an int[] are a third faster than from a memory segment, whose liveness is checked at each.
 */
record PackedMatrix(Format format, int rows, int cols, int[] words) implements Matrix {
    /** What the words of a step hold, least significant bits first. */
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

    @Override
    public long bytes() {
        return 4L * words.length;
    }

    static PackedMatrix of(Tensor weight) {
        MatrixShape shape = MatrixShape.of(weight);
        Format format = switch (weight.type()) {
            case Q4_0 -> q4FromQ4(weight, shape) ? Format.Q4 : Format.F32;
            case Q4_1 -> Format.Q4;
            case Q8_0 -> Format.Q8;
            case F16 -> Format.F16;
            case BF16 -> Format.BF16;
            case F32, Q4_K, Q5_K, Q6_K -> Format.F32;
        };
        PackedMatrix empty = new PackedMatrix(format, shape.rows(), shape.cols(), new int[0]);
        long words = (long) empty.groups() * empty.groupWords();
        if (words > Integer.MAX_VALUE - 16) {
            throw new IllegalArgumentException("tensor " + weight + ": too large for one packed matrix");
        }
        PackedMatrix packed = new PackedMatrix(format, shape.rows(), shape.cols(), new int[(int) words]);
        byte[] stored = new byte[(int) Dequantiser.bytes(weight.type(), shape.cols())];
        float[] values = new float[shape.cols()];
        for (int row = 0; row < shape.rows(); row++) {
            long offset = (long) row * stored.length;
            java.lang.foreign.MemorySegment.copy(
                    weight.data(), java.lang.foreign.ValueLayout.JAVA_BYTE, offset, stored, 0, stored.length);
            switch (format) {
                case Q4 -> packed.putQ4(row, stored, weight.type() == TensorType.Q4_0);
                case Q8 -> packed.putQ8(row, stored);
                case F16, BF16 -> packed.putHalves(row, stored);
                case F32 -> {
                    Dequantiser.row(weight.type(), weight.data(), row, shape.cols(), values, 0);
                    packed.putFloats(row, values);
                }
            }
        }
        return packed;
    }

    // -8 d is exact in binary16 unless it overflows, which no sane file does.
    private static boolean q4FromQ4(Tensor weight, MatrixShape shape) {
        long blocks = (long) shape.rows() * shape.cols() / 32;
        for (long b = 0; b < blocks; b++) {
            int low = weight.data().get(java.lang.foreign.ValueLayout.JAVA_BYTE, b * 18) & 0xff;
            int high = weight.data().get(java.lang.foreign.ValueLayout.JAVA_BYTE, b * 18 + 1) & 0xff;
            if (!(Math.abs(Float.float16ToFloat((short) (low | high << 8))) < 8000)) {
                return false;
            }
        }
        return true;
    }

    private int step(int row, int step) {
        return row / GROUP * groupWords() + step * format.stepWords;
    }

    private static int half(byte[] bytes, int offset) {
        return (bytes[offset] & 0xff) | (bytes[offset + 1] & 0xff) << 8;
    }

    private void putQ4(int row, byte[] stored, boolean symmetric) {
        int lane = row % GROUP;
        for (int b = 0; b < steps(); b++) {
            int o = b * (symmetric ? 18 : 20);
            int d = half(stored, o);
            int m = symmetric
                    ? Float.floatToFloat16(-8 * Float.float16ToFloat((short) d)) & 0xffff
                    : half(stored, o + 2);
            int nibbles = o + (symmetric ? 2 : 4);
            int step = step(row, b);
            words[step + lane] = d | m << 16;
            for (int k = 0; k < 32; k++) {
                int q = stored[nibbles + k % 16] >> (k / 16 * 4) & 15;
                words[step + (1 + k / 8) * GROUP + lane] |= q << (k % 8 * 4);
            }
        }
    }

    private void putQ8(int row, byte[] stored) {
        int lane = row % GROUP;
        for (int b = 0; b < steps(); b++) {
            int o = b * 34;
            int step = step(row, b);
            words[step + lane % LANES] |= half(stored, o) << (lane / LANES * 16);
            for (int k = 0; k < 32; k++) {
                words[step + LANES + k / 4 * GROUP + lane] |= (stored[o + 2 + k] + 128 & 0xff) << (k % 4 * 8);
            }
        }
    }

    private void putHalves(int row, byte[] stored) {
        for (int k = 0; k < cols; k++) {
            words[step(row, k / 2) + row % GROUP] |= half(stored, 2 * k) << (k % 2 * 16);
        }
    }

    private void putFloats(int row, float[] values) {
        for (int k = 0; k < cols; k++) {
            words[step(row, k) + row % GROUP] = Float.floatToRawIntBits(values[k]);
        }
    }

    @Override
    public void row(int row, float[] out, int offset) {
        Objects.checkIndex(row, rows);
        int lane = row % GROUP;
        for (int k = 0; k < cols; k++) {
            int step = step(row, k / format.stepCols);
            int i = k % format.stepCols;
            out[offset + k] = switch (format) {
                case Q4 -> {
                    int dm = words[step + lane];
                    int q = words[step + (1 + i / 8) * GROUP + lane] >>> (i % 8 * 4) & 15;
                    yield Float.float16ToFloat((short) dm) * q + Float.float16ToFloat((short) (dm >> 16));
                }
                case Q8 -> {
                    int d = words[step + lane % LANES] >> (lane / LANES * 16);
                    int q = (words[step + LANES + i / 4 * GROUP + lane] >>> (i % 4 * 8) & 0xff) - 128;
                    yield Float.float16ToFloat((short) d) * q;
                }
                case F16 -> Float.float16ToFloat((short) (words[step + lane] >> (i * 16)));
                case BF16 -> Float.intBitsToFloat(words[step + lane] >>> (i * 16) << 16);
                case F32 -> Float.intBitsToFloat(words[step + lane]);
            };
        }
    }
}
