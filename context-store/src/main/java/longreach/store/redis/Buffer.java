package longreach.store.redis;

import java.lang.foreign.MemorySegment;

/**
 * One value's bytes in memory of a {@link BufferPool}.
 *
 * @param block what the pool lent
 * @param bytes the value, a prefix of the block
 */
record Buffer(MemorySegment block, MemorySegment bytes) {
    /** Stands for a value over the size limit, of which nothing was kept. */
    static final Buffer TOO_LARGE = new Buffer(MemorySegment.NULL, MemorySegment.NULL);
}
