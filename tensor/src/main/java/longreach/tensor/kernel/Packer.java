package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import longreach.tensor.kernel.PackedMatrix.Format;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/** Stored tensors to the words of a {@link PackedMatrix}, one group of rows after the other on every thread. */
final class Packer {
    private Packer() {}

    /** The format that holds a stored matrix exactly. */
    static Format format(Tensor weight, MatrixShape shape) {
        return switch (weight.type()) {
            case Q4_0 -> q4FromQ4(weight, shape) ? Format.Q4 : Format.F32;
            case Q4_1 -> Format.Q4;
            case Q8_0 -> Format.Q8;
            case Q4_K -> Format.Q4K;
            case Q5_K -> Format.Q5K;
            case Q6_K -> Format.Q6K;
            case F16 -> Format.F16;
            case BF16 -> Format.BF16;
            case F32 -> Format.F32;
        };
    }

    // -8 d is exact in binary16 unless it overflows, which no sane file does.
    private static boolean q4FromQ4(Tensor weight, MatrixShape shape) {
        long blocks = (long) shape.rows() * shape.cols() / 32;
        for (long b = 0; b < blocks; b++) {
            int low = weight.data().get(ValueLayout.JAVA_BYTE, b * 18) & 0xff;
            int high = weight.data().get(ValueLayout.JAVA_BYTE, b * 18 + 1) & 0xff;
            if (!(Math.abs(Float.float16ToFloat((short) (low | high << 8))) < 8000)) {
                return false;
            }
        }
        return true;
    }

    /** @param packed all zero, of the tensor's shape and {@link #format} */
    static void pack(Tensor weight, PackedMatrix packed, ComputePool pool) {
        int groups = packed.groups();
        int chunks = Math.min(groups, pool.threads() * 8);
        int rowBytes = Math.toIntExact(Dequantiser.bytes(weight.type(), packed.cols()));
        pool.forEach(chunks, (chunk, thread) -> {
            byte[] stored = new byte[rowBytes];
            int from = (int) ((long) groups * chunk / chunks);
            int to = (int) ((long) groups * (chunk + 1) / chunks);
            for (int row = from * GROUP; row < Math.min(packed.rows(), to * GROUP); row++) {
                MemorySegment.copy(weight.data(), ValueLayout.JAVA_BYTE, (long) row * rowBytes, stored, 0, rowBytes);
                put(weight, packed, row, stored);
            }
        });
    }

    private static void put(Tensor weight, PackedMatrix packed, int row, byte[] stored) {
        int[] w = packed.words(row / GROUP);
        int lane = row % GROUP;
        int at = packed.offset(row / GROUP) + lane;
        int steps = packed.steps();
        switch (packed.format()) {
            case Q4 -> putQ4(w, at, steps, stored, weight.type() == TensorType.Q4_0);
            case Q8 -> putQ8(w, at, lane, steps, stored);
            case Q4K -> putQ4K(w, at, steps, stored);
            case Q5K -> putQ5K(w, at, steps, stored);
            case Q6K -> putQ6K(w, at, lane, steps, stored);
            case F16, BF16 -> putHalves(w, at, packed.cols(), stored);
            case F32 -> {
                float[] values = new float[packed.cols()];
                Dequantiser.row(weight.type(), weight.data(), row, packed.cols(), values, 0);
                for (int k = 0; k < values.length; k++) {
                    w[at + k * GROUP] = Float.floatToRawIntBits(values[k]);
                }
            }
        }
    }

    private static int half(byte[] bytes, int offset) {
        return (bytes[offset] & 0xff) | (bytes[offset + 1] & 0xff) << 8;
    }

    private static void putQ4(int[] w, int at, int steps, byte[] stored, boolean symmetric) {
        for (int b = 0; b < steps; b++) {
            int o = b * (symmetric ? 18 : 20);
            int s = at + b * Format.Q4.stepWords;
            int d = half(stored, o);
            int m = symmetric
                    ? Float.floatToFloat16(-8 * Float.float16ToFloat((short) d)) & 0xffff
                    : half(stored, o + 2);
            w[s] = d | m << 16;
            int nibbles = o + (symmetric ? 2 : 4);
            for (int i = 0; i < 4; i++) {
                w[s + (1 + i) * GROUP] = nibbles(stored, nibbles + i % 2 * 8, i / 2 * 4);
            }
        }
    }

    /** Nibbles at bit {@code shift} of eight bytes, the first lowest. */
    private static int nibbles(byte[] bytes, int offset, int shift) {
        int word = 0;
        for (int j = 0; j < 8; j++) {
            word |= (bytes[offset + j] >> shift & 15) << (4 * j);
        }
        return word;
    }

    private static void putQ8(int[] w, int at, int lane, int steps, byte[] stored) {
        for (int b = 0; b < steps; b++) {
            int o = b * 34;
            int s = at + b * Format.Q8.stepWords;
            w[s - lane + lane % LANES] |= half(stored, o) << (lane / LANES * 16);
            for (int i = 0; i < 8; i++) {
                int q = o + 2 + i * 4;
                // Adding 128 to a signed byte flips its highest bit.
                w[s + LANES + i * GROUP] = ((stored[q] & 0xff)
                                | (stored[q + 1] & 0xff) << 8
                                | (stored[q + 2] & 0xff) << 16
                                | stored[q + 3] << 24)
                        ^ 0x80808080;
            }
        }
    }

    /** Scales and minima of the eight blocks of a Q4_K or Q5_K super-block; d and dmin before them. */
    private static void putScales(int[] w, int s, byte[] stored, int o) {
        w[s] = half(stored, o) | half(stored, o + 2) << 16;
        for (int block = 0; block < 8; block++) {
            int first = stored[o + 4 + block % 4] & 0xff;
            int second = stored[o + 8 + block % 4] & 0xff;
            int third = stored[o + 12 + block % 4] & 0xff;
            int scale = block < 4 ? first & 63 : (third & 15) | (first >> 2 & 48);
            int min = block < 4 ? second & 63 : (third >> 4) | (second >> 2 & 48);
            w[s + (1 + block / 2) * GROUP] |= (scale | min << 8) << (block % 2 * 16);
        }
    }

    private static void putQ4K(int[] w, int at, int steps, byte[] stored) {
        for (int b = 0; b < steps; b++) {
            int o = b * TensorType.Q4_K.blockBytes;
            int s = at + b * Format.Q4K.stepWords;
            putScales(w, s, stored, o);
            for (int i = 0; i < 32; i++) {
                // Block i / 4: its 32 values are in the low or the high nibbles of 32 bytes.
                w[s + (5 + i) * GROUP] = nibbles(stored, o + 16 + i / 8 * 32 + i % 4 * 8, i / 4 % 2 * 4);
            }
        }
    }

    private static void putQ5K(int[] w, int at, int steps, byte[] stored) {
        int[] q = new int[32];
        for (int b = 0; b < steps; b++) {
            int o = b * TensorType.Q5_K.blockBytes;
            int s = at + b * Format.Q5K.stepWords;
            putScales(w, s, stored, o);
            for (int block = 0; block < 8; block++) {
                for (int j = 0; j < 32; j++) {
                    int low = stored[o + 48 + block / 2 * 32 + j] >> (block % 2 * 4) & 15;
                    q[j] = low | (stored[o + 16 + j] >> block & 1) << 4;
                }
                for (int i = 0; i < 5; i++) {
                    w[s + (5 + block * 5 + i) * GROUP] = q[6 * i]
                            | q[6 * i + 1] << 5
                            | q[6 * i + 2] << 10
                            | q[6 * i + 3] << 16
                            | q[6 * i + 4] << 21
                            | q[6 * i + 5] << 26
                            | (q[30] >> i & 1) << 15
                            | q[31] >> i << 31;
                }
            }
        }
    }

    private static void putQ6K(int[] w, int at, int lane, int steps, byte[] stored) {
        int[] q = new int[16];
        for (int b = 0; b < steps; b++) {
            int o = b * TensorType.Q6_K.blockBytes;
            int s = at + b * Format.Q6K.stepWords;
            w[s - lane + lane % LANES] |= half(stored, o + 208) << (lane / LANES * 16);
            for (int i = 0; i < 16; i++) {
                w[s + LANES + i / 4 * GROUP] |= (stored[o + 192 + i] & 0xff) << (i % 4 * 8);
            }
            for (int block = 0; block < 16; block++) {
                // Two halves of 128 values; in each, four quarters share 64 bytes of nibbles and 32 of bit pairs.
                int quarter = block / 2 % 4;
                int low = o + block / 8 * 64 + quarter % 2 * 32 + block % 2 * 16;
                int high = o + 128 + block / 8 * 32 + block % 2 * 16;
                for (int j = 0; j < 16; j++) {
                    q[j] = stored[low + j] >> (quarter / 2 * 4) & 15 | (stored[high + j] >> (quarter * 2) & 3) << 4;
                }
                int last = q[12] | q[13] << 6 | q[14] << 16 | q[15] << 22;
                for (int i = 0; i < 3; i++) {
                    w[s + LANES + (4 + block * 3 + i) * GROUP] = q[4 * i]
                            | q[4 * i + 1] << 6
                            | q[4 * i + 2] << 16
                            | q[4 * i + 3] << 22
                            | (last >>> (4 * i) & 0x000f000f) << 12;
                }
            }
        }
    }

    private static void putHalves(int[] w, int at, int cols, byte[] stored) {
        for (int k = 0; k < cols; k++) {
            w[at + k / 2 * GROUP] |= half(stored, 2 * k) << (k % 2 * 16);
        }
    }
}
