package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Elements as they are. */
final class FloatRows implements KvCodec {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @Override
    public void round(float[] x, int offset, int rows, int width) {
        // Nothing is lost.
    }

    @Override
    public void roundInto(float[] x, int offset, int rows, int width, MemorySegment to, long bytes) {
        MemorySegment.copy(x, offset, to, FLOAT, bytes, rows * width);
    }

    @Override
    public void read(MemorySegment from, long bytes, float[] x, int offset, int rows, int width) {
        MemorySegment.copy(from, FLOAT, bytes, x, offset, rows * width);
    }
}
