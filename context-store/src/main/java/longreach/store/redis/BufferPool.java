package longreach.store.redis;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;

/**
 * Blocks of memory outside the heap, kept for the next value: fresh ones cost page faults, which take longer than the
 * copy into them. A block that is not given back is freed by the garbage collector. Safe for use by several threads.
 */
final class BufferPool {
    private static final int ALIGNMENT = 64;
    /** Steps of block size: the chunks of one model are all alike, so few sizes are in use. */
    private static final long STEP = 64 << 10;

    private final long maxIdleBytes;
    private final Map<Long, ArrayDeque<MemorySegment>> idle = new HashMap<>();
    private long idleBytes;

    BufferPool(long maxIdleBytes) {
        this.maxIdleBytes = maxIdleBytes;
    }

    Buffer take(long bytes) {
        long blockBytes = Math.max(1, Math.ceilDiv(bytes, STEP)) * STEP;
        MemorySegment block = null;
        synchronized (idle) {
            ArrayDeque<MemorySegment> blocks = idle.get(blockBytes);
            if (blocks != null && (block = blocks.pollLast()) != null) {
                idleBytes -= blockBytes;
            }
        }
        if (block == null) {
            block = Arena.ofAuto().allocate(blockBytes, ALIGNMENT);
        }
        return new Buffer(block, block.asSlice(0, bytes));
    }

    /** The buffer must not be used again, and be given back once. */
    void giveBack(Buffer buffer) {
        long blockBytes = buffer.block().byteSize();
        synchronized (idle) {
            if (blockBytes > 0 && idleBytes + blockBytes <= maxIdleBytes) {
                idle.computeIfAbsent(blockBytes, size -> new ArrayDeque<>()).add(buffer.block());
                idleBytes += blockBytes;
            }
        }
    }
}
