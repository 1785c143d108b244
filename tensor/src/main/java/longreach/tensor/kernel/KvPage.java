package longreach.tensor.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Keys and values of {@link #POSITIONS} consecutive positions of one layer, as attention reads them. The layout inside
 * the segment is the business of the {@link Kernels} that wrote it; nobody else looks inside.
 *
 * @param segment {@link Kernels#kvPageBytes} bytes; owned by the page pool that made it
 */
public record KvPage(MemorySegment segment, Type type) {
    /** Equals the chunk length, so that a restored chunk fills one page per layer. */
    public static final int POSITIONS = 256;

    /** How a page stores its elements. F16: values are rounded to binary16, and binary16 subnormals to zero. */
    public enum Type {
        F32(4),
        F16(2);

        public final int bytes;

        Type(int bytes) {
            this.bytes = bytes;
        }
    }
}
