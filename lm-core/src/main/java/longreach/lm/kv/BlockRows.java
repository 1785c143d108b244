package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Rows as blocks of {@link #BLOCK} elements, each with a scale of its own; a row's last block may be shorter. */
abstract class BlockRows implements KvCodec {
    static final int BLOCK = 32;

    private byte[] scratch = new byte[0];

    /** Bytes of a row. */
    abstract int width(int elements);

    /** Writes n elements, at most a block. @return where the next block goes */
    abstract int encode(float[] x, int offset, int n, byte[] to, int at);

    /** Reads n elements, at most a block. @return where the next block is */
    abstract int decode(byte[] from, int at, float[] x, int offset, int n);

    @Override
    public void round(float[] x, int offset, int rows, int width) {
        encodeRows(x, offset, rows, width);
        decodeRows(x, offset, rows, width);
    }

    @Override
    public void roundInto(float[] x, int offset, int rows, int width, MemorySegment to, long bytes) {
        encodeRows(x, offset, rows, width);
        MemorySegment.copy(scratch, 0, to, ValueLayout.JAVA_BYTE, bytes, rows * width(width));
        decodeRows(x, offset, rows, width);
    }

    @Override
    public void read(MemorySegment from, long bytes, float[] x, int offset, int rows, int width) {
        ensure(rows * width(width));
        MemorySegment.copy(from, ValueLayout.JAVA_BYTE, bytes, scratch, 0, rows * width(width));
        decodeRows(x, offset, rows, width);
    }

    private void encodeRows(float[] x, int offset, int rows, int width) {
        ensure(rows * width(width));
        int at = 0;
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < width; i += BLOCK) {
                at = encode(x, offset + row * width + i, Math.min(BLOCK, width - i), scratch, at);
            }
        }
    }

    private void decodeRows(float[] x, int offset, int rows, int width) {
        int at = 0;
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < width; i += BLOCK) {
                at = decode(scratch, at, x, offset + row * width + i, Math.min(BLOCK, width - i));
            }
        }
    }

    private void ensure(int bytes) {
        if (scratch.length < bytes) {
            scratch = new byte[bytes];
        }
    }

    /** The nearest finite binary16. */
    static short half(float value) {
        return Float.floatToFloat16(Math.clamp(value, -65504f, 65504f));
    }

    static void putShort(byte[] to, int at, short value) {
        to[at] = (byte) value;
        to[at + 1] = (byte) (value >> 8);
    }

    static float getHalf(byte[] from, int at) {
        return Float.float16ToFloat((short) (from[at] & 0xff | from[at + 1] << 8));
    }
}
