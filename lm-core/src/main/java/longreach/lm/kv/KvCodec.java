package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import longreach.tensor.kernel.KvPage;

/**
 * Between f32 activations and stored elements, little endian. Not safe for use by several threads: it owns scratch.
 */
final class KvCodec {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

    private final KvPage.Type type;
    private short[] scratch = new short[0];

    KvCodec(KvPage.Type type) {
        this.type = type;
    }

    /** Rounds x[offset, offset + n) in place to what the store can hold. */
    void round(float[] x, int offset, int n) {
        if (type == KvPage.Type.F16) {
            toHalf(x, offset, n);
            fromHalf(x, offset, n);
        }
    }

    /** As {@link #round}, and writes the stored form at {@code bytes} of {@code to}. */
    void roundInto(float[] x, int offset, int n, MemorySegment to, long bytes) {
        if (type == KvPage.Type.F16) {
            toHalf(x, offset, n);
            MemorySegment.copy(scratch, 0, to, SHORT, bytes, n);
            fromHalf(x, offset, n);
        } else {
            MemorySegment.copy(x, offset, to, FLOAT, bytes, n);
        }
    }

    /** Reads n stored elements at {@code bytes} of {@code from} as f32. */
    void read(MemorySegment from, long bytes, float[] x, int offset, int n) {
        if (type == KvPage.Type.F16) {
            ensure(n);
            MemorySegment.copy(from, SHORT, bytes, scratch, 0, n);
            fromHalf(x, offset, n);
        } else {
            MemorySegment.copy(from, FLOAT, bytes, x, offset, n);
        }
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
