package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/**
 * Keys and values of one sequence: its pages, and the raw rows of the chunk that is filling. A forward step calls {@link
 * #append} once for each layer and then {@link #advance}; a restored chunk enters by {@link #restore}. Used by the engine's
 * thread alone; {@link #close} gives every page back.
 */
public final class KvCache implements AutoCloseable {
    private static final int POSITIONS = KvPage.POSITIONS;

    private final KvPool pool;
    private final KeyRotation rotation;
    private final KvCodec codec;
    private final int reservedBlocks;
    private final boolean staging;
    private final long[] stageOffsets;
    private final List<KvPool.Block> blocks = new ArrayList<>();
    private final KvPage[][] pages;
    private final ChunkStage[] stages;
    private float[] restoreK = new float[0];
    private float[] restoreV = new float[0];
    private int length;
    // End of the last position whose raw rows somebody else may be reading.
    private int published;
    private boolean closed;

    /**
     * Takes over a reservation that the caller has made with {@link KvPool#reserve}.
     *
     * @param positions most positions this sequence will have
     * @param staging keep raw rows, so that chunks can be published
     */
    public KvCache(KvPool pool, KeyRotation rotation, int positions, boolean staging) {
        this.pool = pool;
        this.rotation = rotation;
        this.codec = new KvCodec(pool.type());
        this.reservedBlocks = KvPool.blocksFor(positions);
        this.staging = staging;
        int layers = pool.shape().layers().size();
        pages = new KvPage[layers][reservedBlocks];
        stages = new ChunkStage[reservedBlocks];
        stageOffsets = new long[layers];
        for (int layer = 0; layer < layers; layer++) {
            stageOffsets[layer] = ChunkStage.layerOffset(pool.shape(), pool.type(), layer, POSITIONS);
        }
    }

    /** Positions that are complete in every layer. */
    public int length() {
        return length;
    }

    /** Pages of a layer; page i holds positions [256 i, 256 i + 256). Entries past the length may be null. */
    public KvPage[] pages(int layer) {
        return pages[layer];
    }

    /** Makes pages, and stages, for positions up to {@code end}; to be called before the layers of a step. */
    public void prepare(int end) {
        addBlocks(end);
        if (staging) {
            // A chunk that has begun without a stage lacks its first rows: it is never published.
            for (int chunk = KvPool.blocksFor(length); chunk < KvPool.blocksFor(end); chunk++) {
                if (stages[chunk] == null) {
                    stages[chunk] = new ChunkStage(pool);
                }
            }
        }
    }

    private void addBlocks(int end) {
        for (int chunk = blocks.size(); chunk < KvPool.blocksFor(end); chunk++) {
            KvPool.Block block = pool.takeBlock();
            blocks.add(block);
            for (int layer = 0; layer < pages.length; layer++) {
                pages[layer][chunk] = block.pages()[layer];
            }
        }
    }

    /**
     * Adds rows of one layer at positions [start, start + tokens). Rounds k and v in place to what the store holds,
     * keeps them raw, rotates k in place and writes the pages.
     *
     * @param k unrotated keys, [tokens, kvWidth] from {@code kOffset}; overwritten
     * @param v values, [tokens, kvWidth] from {@code vOffset}; overwritten
     */
    public void append(int layer, int start, int tokens, float[] k, int kOffset, float[] v, int vOffset) {
        int width = pool.shape().layers().get(layer).kvWidth();
        if (staging) {
            long rowBytes = (long) width * pool.type().bytes;
            for (int done = 0; done < tokens; ) {
                int slot = (start + done) % POSITIONS;
                int rows = Math.min(tokens - done, POSITIONS - slot);
                ChunkStage stage = stages[(start + done) / POSITIONS];
                if (stage == null) {
                    codec.round(k, kOffset + done * width, rows * width);
                    codec.round(v, vOffset + done * width, rows * width);
                } else {
                    long at = stageOffsets[layer] + slot * rowBytes;
                    codec.roundInto(k, kOffset + done * width, rows * width, stage.segment(), at);
                    codec.roundInto(
                            v, vOffset + done * width, rows * width, stage.segment(), at + POSITIONS * rowBytes);
                }
                done += rows;
            }
        } else {
            codec.round(k, kOffset, tokens * width);
            codec.round(v, vOffset, tokens * width);
        }
        write(layer, start, tokens, k, kOffset, v, vOffset);
    }

    /** The positions up to {@code end} are complete in every layer. */
    public void advance(int end) {
        length = end;
    }

    /**
     * Takes the last positions back, so that the next step begins at {@code end}: what it adds replaces them in pages and
     * stages. Blocks stay with this sequence.
     *
     * @throws IllegalArgumentException unless {@code end} lies between what was offered for publication and the length
     */
    public void truncate(int end) {
        if (end < published || end > length) {
            throw new IllegalArgumentException("truncate: " + end + " (expected: between " + published
                    + ", the end of what was offered for publication, and the length " + length + ")");
        }
        length = end;
    }

    /**
     * Restores the positions [length, end) from a chunk's payload.
     *
     * @param span the chunk; begins at the current length
     * @param payload as this package's documentation says; borrowed
     * @param end at most the end of the chunk
     * @throws IllegalArgumentException when the payload's length does not fit the span
     */
    public void restore(ChunkSpan span, MemorySegment payload, int end) {
        KvShape shape = pool.shape();
        if (payload.byteSize() != shape.payloadBytes(span.tokens(), pool.type())) {
            throw new IllegalArgumentException("chunk payload: " + payload.byteSize() + " bytes (expected: "
                    + shape.payloadBytes(span.tokens(), pool.type()) + ")");
        }
        if (span.start() != length || end <= length || end > span.end()) {
            throw new IllegalArgumentException("chunk [" + span.start() + ", " + end + ") (expected: from " + length
                    + ", up to " + span.end() + ")");
        }
        addBlocks(end);
        int rows = end - span.start();
        // A chunk that goes on filling needs its raw rows for its own publication; a full one is published already.
        boolean fills = staging && rows < POSITIONS;
        if (fills) {
            stages[span.start() / POSITIONS] = new ChunkStage(pool);
        }
        if (restoreK.length == 0) {
            restoreK = new float[POSITIONS * shape.maxKvWidth()];
            restoreV = new float[POSITIONS * shape.maxKvWidth()];
        }
        long at = 0;
        for (int layer = 0; layer < pages.length; layer++) {
            int width = shape.layers().get(layer).kvWidth();
            long halfBytes = (long) span.tokens() * width * pool.type().bytes;
            codec.read(payload, at, restoreK, 0, rows * width);
            codec.read(payload, at + halfBytes, restoreV, 0, rows * width);
            if (fills) {
                long rowBytes = (long) width * pool.type().bytes;
                MemorySegment stage = stages[span.start() / POSITIONS].segment();
                MemorySegment.copy(payload, at, stage, stageOffsets[layer], rows * rowBytes);
                MemorySegment.copy(
                        payload, at + halfBytes, stage, stageOffsets[layer] + POSITIONS * rowBytes, rows * rowBytes);
            }
            write(layer, span.start(), rows, restoreK, 0, restoreV, 0);
            at += 2 * halfBytes;
        }
        advance(end);
    }

    private void write(int layer, int start, int tokens, float[] k, int kOffset, float[] v, int vOffset) {
        rotation.rotate(layer, k, kOffset, tokens, start);
        AttentionShape shape = pool.shape().layers().get(layer);
        Kernels kernels = pool.kernels();
        int width = shape.kvWidth();
        for (int done = 0; done < tokens; ) {
            int slot = (start + done) % POSITIONS;
            int rows = Math.min(tokens - done, POSITIONS - slot);
            KvPage page = pages[layer][(start + done) / POSITIONS];
            kernels.writeKv(shape, page, slot, k, kOffset + done * width, v, vOffset + done * width, rows);
            done += rows;
        }
    }

    /** The raw rows of a chunk that is complete, for a publication, which must release them; or null. */
    ChunkStage retainStage(ChunkSpan span) {
        ChunkStage stage = stages[span.start() / POSITIONS];
        if (stage == null) {
            return null;
        }
        published = Math.max(published, span.end());
        return stage.retain();
    }

    /** The chunk that begins at {@code start} needs its raw rows no more. */
    public void dropStage(int start) {
        ChunkStage stage = stages[start / POSITIONS];
        if (stage != null) {
            stages[start / POSITIONS] = null;
            stage.release();
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (int chunk = 0; chunk < stages.length; chunk++) {
            dropStage(chunk * POSITIONS);
        }
        blocks.forEach(pool::giveBlock);
        pool.release(reservedBlocks);
    }
}
