package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import longreach.store.api.Codec;

/**
 * Between f32 activations and stored rows, little endian. What is stored is what attention reads, so a row that is computed
 * is rounded to what the codec can hold before it is used. Not safe for use by several threads: it owns scratch.
 */
interface KvCodec {
    static KvCodec of(Codec codec) {
        return switch (codec) {
            case F32 -> new FloatRows();
            case F16 -> new HalfRows();
            case Q8 -> new ByteBlocks();
            case Q4 -> new NibbleBlocks();
        };
    }

    /** Bytes of a stored row of {@code width} elements. */
    static int rowBytes(Codec codec, int width) {
        return switch (codec) {
            case F32 -> 4 * width;
            case F16 -> 2 * width;
            case Q8 -> ByteBlocks.bytes(width);
            case Q4 -> NibbleBlocks.bytes(width);
        };
    }

    /** Rounds rows x[rows, width] from {@code offset} in place to what the store can hold. */
    void round(float[] x, int offset, int rows, int width);

    /** As {@link #round}, and writes the stored form at {@code bytes} of {@code to}. */
    void roundInto(float[] x, int offset, int rows, int width, MemorySegment to, long bytes);

    /** Reads stored rows at {@code bytes} of {@code from} as f32. */
    void read(MemorySegment from, long bytes, float[] x, int offset, int rows, int width);
}
