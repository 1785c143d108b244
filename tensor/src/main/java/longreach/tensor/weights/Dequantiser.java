package longreach.tensor.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Stored elements to f32, one element after the other: the specification of what every {@link TensorType} means. The
 * operations and their order are those of the gguf Python package 0.17, so results are equal to its bit for bit.
 */
public final class Dequantiser {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Dequantiser() {}

    /**
     * Bytes of {@code elements} consecutive elements.
     *
     * @param elements a multiple of the type's {@link TensorType#blockElements}
     */
    public static long bytes(TensorType type, long elements) {
        if (elements < 0 || elements % type.blockElements != 0) {
            throw new IllegalArgumentException(
                    "elements: " + elements + " (expected: a multiple of " + type.blockElements + " for " + type + ")");
        }
        return Math.multiplyExact(elements / type.blockElements, (long) type.blockBytes);
    }

    /** Row {@code row} of a row-major matrix with {@code cols} columns, to {@code out[outOffset, outOffset + cols)}. */
    public static void row(TensorType type, MemorySegment data, long row, int cols, float[] out, int outOffset) {
        elements(type, data, row * bytes(type, cols), cols, out, outOffset);
    }

    /**
     * {@code n} elements that begin at byte {@code offset} of {@code data}, to {@code out[outOffset, outOffset + n)}.
     *
     * @param n a multiple of the type's {@link TensorType#blockElements}
     * @throws IndexOutOfBoundsException when data or out is too short
     */
    public static void elements(TensorType type, MemorySegment data, long offset, int n, float[] out, int outOffset) {
        long end = offset + bytes(type, n);
        for (int i = outOffset; offset < end; offset += type.blockBytes, i += type.blockElements) {
            switch (type) {
                case F32 -> out[i] = data.get(FLOAT, offset);
                case F16 -> out[i] = half(data, offset);
                case BF16 -> out[i] = Float.intBitsToFloat(data.get(SHORT, offset) << 16);
                // Adding -0 keeps the sign of a zero.
                case Q4_0 -> q4(data, half(data, offset), -8, -0f, offset + 2, out, i);
                case Q4_1 -> q4(data, half(data, offset), 0, half(data, offset + 2), offset + 4, out, i);
                case Q8_0 -> q8(data, offset, out, i);
                case Q4_K -> q45k(data, offset, false, out, i);
                case Q5_K -> q45k(data, offset, true, out, i);
                case Q6_K -> q6k(data, offset, out, i);
            }
        }
    }

    // 16 bytes: element j in the low nibble of byte j, element j + 16 in the high one.
    private static void q4(MemorySegment data, float d, int shift, float m, long nibbles, float[] out, int i) {
        for (int j = 0; j < 16; j++) {
            int pair = unsigned(data, nibbles + j);
            out[i + j] = d * ((pair & 15) + shift) + m;
            out[i + j + 16] = d * ((pair >> 4) + shift) + m;
        }
    }

    private static void q8(MemorySegment data, long block, float[] out, int i) {
        float d = half(data, block);
        for (int j = 0; j < 32; j++) {
            out[i + j] = data.get(ValueLayout.JAVA_BYTE, block + 2 + j) * d;
        }
    }

    // d, dmin, 12 bytes of 6-bit scales and minima for 8 groups of 32, for Q5_K 32 bytes of fifth bits, 128 of nibbles.
    private static void q45k(MemorySegment data, long block, boolean fifthBit, float[] out, int i) {
        float d = half(data, block);
        float dmin = half(data, block + 2);
        long scales = block + 4;
        long high = block + 16;
        long low = fifthBit ? high + 32 : high;
        for (int group = 0; group < 8; group++) {
            int g = group & 3;
            int first = unsigned(data, scales + g);
            int second = unsigned(data, scales + 4 + g);
            int third = unsigned(data, scales + 8 + g);
            float scale = d * (group < 4 ? first & 63 : (third & 15) | (first >> 2 & 48));
            float min = dmin * (group < 4 ? second & 63 : (third >> 4) | (second >> 2 & 48));
            for (int j = 0; j < 32; j++) {
                int q = unsigned(data, low + group / 2 * 32 + j) >> (group % 2 * 4) & 15;
                if (fifthBit) {
                    q |= (unsigned(data, high + j) >> group & 1) << 4;
                }
                out[i + group * 32 + j] = scale * q - min;
            }
        }
    }

    // Two halves of 128 elements: 64 bytes of low nibbles and 32 of high bit pairs each; then 16 scales, then d.
    private static void q6k(MemorySegment data, long block, float[] out, int i) {
        float d = half(data, block + 208);
        for (int e = 0; e < 256; e++) {
            int half = e / 128;
            int lane = e % 32;
            int quarter = e % 128 / 32;
            int low = unsigned(data, block + half * 64 + quarter % 2 * 32 + lane) >> (quarter / 2 * 4) & 15;
            int high = unsigned(data, block + 128 + half * 32 + lane) >> (quarter * 2) & 3;
            float scale = d * data.get(ValueLayout.JAVA_BYTE, block + 192 + e / 16);
            out[i + e] = scale * ((low | high << 4) - 32);
        }
    }

    private static int unsigned(MemorySegment data, long offset) {
        return data.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
    }

    private static float half(MemorySegment data, long offset) {
        return Float.float16ToFloat(data.get(SHORT, offset));
    }
}
