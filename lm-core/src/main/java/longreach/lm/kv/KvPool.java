package longreach.lm.kv;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/**
 * Off-heap memory for keys and values under a fixed byte budget. It is handed out in blocks: one page of each layer for
 * the same 256 positions. Room is reserved by count before a sequence starts, so a sequence that runs never fails for
 * lack of pages; memory is taken from the system when a block is first needed and kept for the next one.
 *
 * <p>Beside the blocks it pools the buffers that unfinished chunks are collected in. Safe for use by several threads.
 */
public final class KvPool implements AutoCloseable {
    /** One page of each layer. */
    record Block(KvPage[] pages) {}

    private final Kernels kernels;
    private final KvShape shape;
    private final KvPage.Type type;
    private final int capacity;
    private final Arena arena = Arena.ofShared();
    private final ArrayDeque<Block> freeBlocks = new ArrayDeque<>();
    private final ArrayDeque<MemorySegment> freeStages = new ArrayDeque<>();
    private int reserved;
    private int inUse;
    private int stagesInUse;

    /**
     * @param budgetBytes upper bound of all pages together
     * @throws IllegalArgumentException when the budget does not hold a single block
     */
    public KvPool(Kernels kernels, KvShape shape, KvPage.Type type, long budgetBytes) {
        long blockBytes = shape.blockBytes(kernels, type);
        if (budgetBytes < blockBytes) {
            throw new IllegalArgumentException(
                    "kv-bytes: " + budgetBytes + " (expected: at least " + blockBytes + ", one chunk of this model)");
        }
        this.kernels = kernels;
        this.shape = shape;
        this.type = type;
        this.capacity = Math.toIntExact(Math.min(Integer.MAX_VALUE, budgetBytes / blockBytes));
    }

    public KvShape shape() {
        return shape;
    }

    public KvPage.Type type() {
        return type;
    }

    Kernels kernels() {
        return kernels;
    }

    /** Blocks that the budget holds. */
    public int capacityBlocks() {
        return capacity;
    }

    public static int blocksFor(int positions) {
        return Math.ceilDiv(positions, KvPage.POSITIONS);
    }

    /** Sets blocks aside for one sequence; false when that many are not free now. */
    public synchronized boolean reserve(int blocks) {
        if (blocks > capacity - reserved) {
            return false;
        }
        reserved += blocks;
        return true;
    }

    synchronized void release(int blocks) {
        reserved -= blocks;
    }

    /** Blocks that hold somebody's positions now. */
    public synchronized int blocksInUse() {
        return inUse;
    }

    public synchronized int blocksReserved() {
        return reserved;
    }

    public synchronized int stagesInUse() {
        return stagesInUse;
    }

    synchronized Block takeBlock() {
        if (inUse == capacity) {
            throw new IllegalStateException("KV pages: " + inUse + " blocks in use (expected: a reservation first)");
        }
        inUse++;
        Block free = freeBlocks.poll();
        return free != null ? free : allocate();
    }

    synchronized void giveBlock(Block block) {
        inUse--;
        freeBlocks.push(block);
    }

    synchronized MemorySegment takeStage() {
        stagesInUse++;
        MemorySegment free = freeStages.poll();
        return free != null ? free : arena.allocate(shape.payloadBytes(KvPage.POSITIONS, type), 64);
    }

    synchronized void giveStage(MemorySegment stage) {
        stagesInUse--;
        freeStages.push(stage);
    }

    private Block allocate() {
        KvPage[] pages = new KvPage[shape.layers().size()];
        for (int layer = 0; layer < pages.length; layer++) {
            long bytes = kernels.kvPageBytes(shape.layers().get(layer), type);
            pages[layer] = new KvPage(arena.allocate(bytes, 64), type);
        }
        return new Block(pages);
    }

    /** Gives all memory back to the system; no cache of this pool may be in use. */
    @Override
    public void close() {
        arena.close();
    }
}
