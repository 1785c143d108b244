package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Elements in binary16. */
final class HalfRows implements KvCodec {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private short[] scratch = new short[0];

    @Override
    public void round(float[] x, int offset, int rows, int width) {
        toHalf(x, offset, rows * width);
        fromHalf(x, offset, rows * width);
    }

    @Override
    public void roundInto(float[] x, int offset, int rows, int width, MemorySegment to, long bytes) {
        toHalf(x, offset, rows * width);
        MemorySegment.copy(scratch, 0, to, SHORT, bytes, rows * width);
        fromHalf(x, offset, rows * width);
    }

    @Override
    public void read(MemorySegment from, long bytes, float[] x, int offset, int rows, int width) {
        ensure(rows * width);
        MemorySegment.copy(from, SHORT, bytes, scratch, 0, rows * width);
        fromHalf(x, offset, rows * width);
    }

    private void toHalf(float[] x, int offset, int n) {
        ensure(n);
        short[] half = scratch;
        for (int i = 0; i < n; i++) {
            half[i] = Float.floatToFloat16(x[offset + i]);
        }
    }

    private void fromHalf(float[] x, int offset, int n) {
        short[] half = scratch;
        for (int i = 0; i < n; i++) {
            x[offset + i] = Float.float16ToFloat(half[i]);
        }
    }

    private void ensure(int n) {
        if (scratch.length < n) {
            scratch = new short[n];
        }
    }
}
