package longreach.lm.kv;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/**
 * Off-heap memory for keys and values under a fixed byte budget. It is handed out in blocks: one page of each layer of a
 * group (those that grow, or those that slide under one window) for the same 256 positions. Room is reserved before a
 * sequence starts, so a sequence that runs never fails for lack of pages; memory is taken from the system when a page is
 * first needed and kept for the next one of the same size. Full blocks of growing layers are shared among sequences that
 * begin alike; they count once. Recurrent states lie on the heap and count in the budget too.
 *
 * <p>Beside the blocks it pools the buffers that raw rows are collected in for publication; they are not in the budget.
 * Safe for use by several threads.
 */
public final class KvPool implements AutoCloseable {
    /** One page of each layer of a group, by index in the group. Counted references, guarded by the pool. */
    static final class Block {
        private final LayerGroup group;
        private final KvPage[] pages;
        private int references = 1;
        // Under which others find it; null: not shared.
        private ChunkKey key;

        private Block(LayerGroup group, KvPage[] pages) {
            this.group = group;
            this.pages = pages;
        }

        KvPage page(int indexInGroup) {
            return pages[indexInGroup];
        }
    }

    private final Kernels kernels;
    private final KvShape shape;
    private final Codec codec;
    private final KvPage.Type type;
    private final List<LayerGroup> groups;
    private final long capacity;
    private final RowPlacer placer;
    private final Arena arena = Arena.ofShared();
    // By size: growing and sliding layers of one geometry share their pages.
    private final Map<Long, ArrayDeque<MemorySegment>> freePages = new HashMap<>();
    private final Map<Long, ArrayDeque<MemorySegment>> freeStages = new HashMap<>();
    // Full blocks of growing layers that some sequence holds. A key names all that they depend on, tenant and model
    // too.
    private final Map<ChunkKey, Block> shared = new HashMap<>();
    private long reserved;
    private long used;
    private int blocksInUse;
    private int stagesInUse;
    private long stageBytesInUse;

    /** With the same element type in chunks and pages. */
    public KvPool(Kernels kernels, KvShape shape, KvPage.Type type, long budgetBytes) {
        this(kernels, shape, type == KvPage.Type.F32 ? Codec.F32 : Codec.F16, budgetBytes);
    }

    /**
     * @param codec of chunks and checkpoints; pages are in f32 where it is F32, else in f16
     * @param budgetBytes upper bound of all pages and recurrent states together
     * @throws IllegalArgumentException when the budget does not hold one chunk of one sequence
     */
    public KvPool(Kernels kernels, KvShape shape, Codec codec, long budgetBytes) {
        this.kernels = kernels;
        this.shape = shape;
        this.codec = codec;
        this.type = codec == Codec.F32 ? KvPage.Type.F32 : KvPage.Type.F16;
        this.groups = LayerGroup.of(shape, kernels, codec, type);
        this.placer = new RowPlacer(kernels, codec, shape.maxKvWidth());
        this.capacity = budgetBytes;
        long least = sequenceBytes(KvPage.POSITIONS, 1, 0);
        if (budgetBytes < least) {
            throw new IllegalArgumentException(
                    "kv-bytes: " + budgetBytes + " (expected: at least " + least + ", one chunk of this model)");
        }
    }

    public KvShape shape() {
        return shape;
    }

    /** What chunks and checkpoints hold. */
    public Codec codec() {
        return codec;
    }

    /** Bytes of one position's keys, and of its values, in a chunk. */
    int rowBytes(AttentionShape layer) {
        return KvCodec.rowBytes(codec, layer.kvWidth());
    }

    /** What pages hold. */
    public KvPage.Type type() {
        return type;
    }

    Kernels kernels() {
        return kernels;
    }

    /** For the engine's thread. */
    RowPlacer placer() {
        return placer;
    }

    List<LayerGroup> groups() {
        return groups;
    }

    public static int blocksFor(int positions) {
        return Math.ceilDiv(positions, KvPage.POSITIONS);
    }

    /**
     * Most bytes that a sequence holds at once.
     *
     * @param positions most positions that it will have
     * @param step most positions that it adds in one step
     * @param rollback most positions that it takes back after a step
     */
    public long sequenceBytes(int positions, int step, int rollback) {
        // The state itself, and a copy at each position that may be gone back to.
        long bytes = shape.recurrentBytes() * (1 + rollback);
        for (LayerGroup group : groups) {
            bytes += group.blockBytes() * group.maxBlocks(positions, step, rollback);
        }
        return bytes;
    }

    /** Most positions of a single sequence that has the whole budget; at most 2^30. */
    public int mostPositions(int step, int rollback) {
        int low = 0;
        int high = 1 << 30;
        while (low < high) {
            int middle = low + (high - low + 1) / 2;
            if (sequenceBytes(middle, step, rollback) <= capacity) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    /** Sets memory aside for one sequence; null when so much is not free now. Parameters as {@link #sequenceBytes}. */
    public synchronized KvReservation reserve(int positions, int step, int rollback) {
        long bytes = sequenceBytes(positions, step, rollback);
        if (bytes > capacity - reserved - used) {
            return null;
        }
        reserved += bytes;
        return new KvReservation(positions, step, rollback, bytes);
    }

    public long capacityBytes() {
        return capacity;
    }

    /** Bytes that are in use or set aside. */
    public synchronized long bytesReserved() {
        return reserved + used;
    }

    /** Bytes of pages and recurrent states that hold somebody's positions now. */
    public synchronized long bytesInUse() {
        return used;
    }

    /** Blocks that hold somebody's positions now. */
    public synchronized int blocksInUse() {
        return blocksInUse;
    }

    public synchronized int stagesInUse() {
        return stagesInUse;
    }

    /** Bytes of raw rows that somebody holds now. */
    public synchronized long stageBytesInUse() {
        return stageBytesInUse;
    }

    /** Puts bytes of a reservation to use. */
    private void use(KvReservation reservation, long bytes) {
        if (bytes > reservation.unused) {
            throw new IllegalStateException("KV memory: " + bytes + " bytes more (expected: at most "
                    + reservation.unused + ", what is left of the reservation)");
        }
        reservation.unused -= bytes;
        reserved -= bytes;
        used += bytes;
    }

    synchronized Block takeBlock(LayerGroup group, KvReservation reservation) {
        use(reservation, group.blockBytes());
        blocksInUse++;
        KvPage[] pages = new KvPage[group.layers().length];
        for (int i = 0; i < pages.length; i++) {
            long bytes = group.pageBytes()[i];
            MemorySegment free = free(freePages, bytes).poll();
            pages[i] = new KvPage(free != null ? free : arena.allocate(bytes, 64), type);
        }
        return new Block(group, pages);
    }

    /** Takes a block back; unless others hold it too, the sequence may take another one in its place. */
    synchronized void giveBlock(Block block, KvReservation reservation) {
        if (released(block)) {
            unuse(reservation, block.group.blockBytes());
        }
    }

    /** Counts a reference down; true when it was the last, and the pages are free. */
    private boolean released(Block block) {
        if (--block.references > 0) {
            return false;
        }
        for (KvPage page : block.pages) {
            free(freePages, page.segment().byteSize()).push(page.segment());
        }
        if (block.key != null) {
            shared.remove(block.key);
        }
        blocksInUse--;
        return true;
    }

    /** Lets sequences that begin later take a full block, of which nothing will change. */
    synchronized void share(ChunkKey key, Block block) {
        if (block.key == null && shared.putIfAbsent(key, block) == null) {
            block.key = key;
        }
    }

    /** Blocks of the longest prefix of a chain of full chunks that running sequences hold, each with a reference more. */
    synchronized List<Block> retainShared(List<ChunkSpan> full) {
        List<Block> found = new ArrayList<>();
        for (ChunkSpan span : full) {
            Block block = shared.get(span.key());
            if (block == null) {
                break;
            }
            block.references++;
            found.add(block);
        }
        return found;
    }

    /** Gives references of {@link #retainShared} back that no sequence took over. */
    synchronized void releaseShared(Collection<Block> blocks) {
        for (Block block : blocks) {
            if (released(block)) {
                used -= block.group.blockBytes();
            }
        }
    }

    /** A sequence takes over a reference of {@link #retainShared}, and needs no block of its own there. */
    synchronized void adopt(Block block, KvReservation reservation) {
        reservation.unused -= block.group.blockBytes();
        reserved -= block.group.blockBytes();
    }

    private void unuse(KvReservation reservation, long bytes) {
        used -= bytes;
        reserved += bytes;
        reservation.unused += bytes;
    }

    /** Counts recurrent states, which the cache itself makes. */
    synchronized void useRecurrent(KvReservation reservation) {
        use(reservation, shape.recurrentBytes());
    }

    /** A sequence that has given back its blocks has ended. */
    synchronized void release(KvReservation reservation) {
        unuse(reservation, shape.recurrentBytes());
        reserved -= reservation.unused;
        reservation.unused = 0;
    }

    synchronized MemorySegment takeStage(long bytes) {
        stagesInUse++;
        stageBytesInUse += bytes;
        MemorySegment free = free(freeStages, bytes).poll();
        return free != null ? free : arena.allocate(bytes, 64);
    }

    synchronized void giveStage(MemorySegment stage) {
        stagesInUse--;
        stageBytesInUse -= stage.byteSize();
        free(freeStages, stage.byteSize()).push(stage);
    }

    private static ArrayDeque<MemorySegment> free(Map<Long, ArrayDeque<MemorySegment>> bySize, long bytes) {
        return bySize.computeIfAbsent(bytes, size -> new ArrayDeque<>());
    }

    /** Gives all memory back to the system; no cache of this pool may be in use. */
    @Override
    public void close() {
        arena.close();
    }
}
