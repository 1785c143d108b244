package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.IntConsumer;
import longreach.lm.kv.LayerState.Recurrent;
import longreach.lm.kv.LayerState.Sliding;
import longreach.tensor.kernel.KvPage;

/**
 * What one sequence remembers: pages of keys and values, recurrent states, and the raw rows of what may be published. A
 * forward step calls {@link #prepare}, then for each layer {@link #append} or the methods of its {@link RecurrentState}, and
 * then {@link #advance}; a restored chunk enters by {@link #restore}, a checkpoint by {@link #restoreCheckpoint}. Used by
 * the engine's thread alone; {@link #close} gives everything back.
 *
 * <p>Pages behind the window of a sliding layer go back to the pool at the beginning of the next step.
 */
public final class KvCache implements AutoCloseable {
    private static final int POSITIONS = KvPage.POSITIONS;

    private final KvPool pool;
    private final KvShape shape;
    private final KeyRotation rotation;
    private final KvCodec codec;
    private final KvReservation reservation;
    private final boolean staging;
    private final Group[] groups;
    private final Group[] groupOf;
    private final int[] indexInGroup;
    private final KvPage[][] pages;
    private final RecurrentState[] recurrent;
    private final TreeSet<Integer> marks = new TreeSet<>();
    private int length;
    // A position less this is its place in the pages.
    private int shift;
    // Of each place, which position lies there; null where every position lies at its own place.
    private final int[] sources;
    // Places whose sources are known.
    private int arranged;
    // End of the last position whose raw rows somebody else may be reading.
    private int published;
    private boolean closed;

    /** One group's blocks and stages by chunk; those before {@code first} are gone, null ones are not there yet. */
    private static final class Group {
        final LayerGroup layers;
        final KvPool.Block[] blocks;
        final ChunkStage[] stages;
        int first;

        Group(LayerGroup layers, int chunks, int streamChunks) {
            this.layers = layers;
            blocks = new KvPool.Block[chunks];
            stages = new ChunkStage[streamChunks];
        }
    }

    /**
     * @param reservation taken over
     * @param staging keep raw rows, so that chunks and checkpoints can be published
     */
    public KvCache(KvPool pool, KeyRotation rotation, KvReservation reservation, boolean staging) {
        this(pool, rotation, reservation, staging, reservation.positions(), false);
    }

    /**
     * A cache whose pages hold a choice of the positions: the reservation's positions are places, and the raw rows of the
     * stream stay until they are dropped, to be placed by {@link #arrange}.
     *
     * @param positions most positions of the stream
     * @throws IllegalArgumentException for a model with layers that slide or recur
     */
    public static KvCache arranged(KvPool pool, KeyRotation rotation, KvReservation reservation, int positions) {
        if (pool.shape().needsCheckpoint()) {
            throw new IllegalArgumentException("arranged positions: a layer slides or recurs (expected: all grow)");
        }
        return new KvCache(pool, rotation, reservation, true, positions, true);
    }

    private KvCache(
            KvPool pool,
            KeyRotation rotation,
            KvReservation reservation,
            boolean staging,
            int positions,
            boolean arranged) {
        sources = arranged ? new int[reservation.positions()] : null;
        this.pool = pool;
        this.shape = pool.shape();
        this.rotation = rotation;
        this.codec = KvCodec.of(pool.codec());
        this.reservation = reservation;
        this.staging = staging;
        int chunks = KvPool.blocksFor(reservation.positions());
        int layers = shape.layers().size();
        groups = new Group[pool.groups().size()];
        groupOf = new Group[layers];
        indexInGroup = new int[layers];
        pages = new KvPage[layers][];
        for (int g = 0; g < groups.length; g++) {
            groups[g] = new Group(pool.groups().get(g), chunks, KvPool.blocksFor(positions));
            int[] members = groups[g].layers.layers();
            for (int i = 0; i < members.length; i++) {
                groupOf[members[i]] = groups[g];
                indexInGroup[members[i]] = i;
                pages[members[i]] = new KvPage[chunks];
            }
        }
        recurrent = new RecurrentState[layers];
        for (int layer = 0; layer < layers; layer++) {
            if (shape.layers().get(layer) instanceof Recurrent state) {
                recurrent[layer] = new RecurrentState(state);
            }
        }
        pool.useRecurrent(reservation);
    }

    /** Whether resuming takes a checkpoint beside the chunks. */
    public boolean needsCheckpoint() {
        return shape.needsCheckpoint();
    }

    /** Whether chunks hold anything. */
    public boolean hasGrowing() {
        return shape.hasGrowing();
    }

    /** Positions that are complete in every layer. */
    public int length() {
        return length;
    }

    /** Where the next position will lie in the pages: the length, unless others were arranged before it. */
    public int place() {
        return length - shift;
    }

    /**
     * Pages of a layer of attention; page i holds positions [256 i, 256 i + 256). Entries past the length, and those
     * behind a sliding layer's window, may be null.
     */
    public KvPage[] pages(int layer) {
        return pages[layer];
    }

    /** State of a recurrent layer after {@link #length} positions. */
    public RecurrentState recurrent(int layer) {
        return recurrent[layer];
    }

    /**
     * Has recurrent layers keep a copy of their state after {@code position} positions when the next step passes there, so
     * that it can be gone back to, or published, until the step after that.
     */
    public void mark(int position) {
        if (shape.hasRecurrent()) {
            marks.add(position);
        }
    }

    /** The first mark in (from, end), where recurrent layers report that they reached it; else {@code end}. */
    public int nextMark(int from, int end) {
        Integer next = marks.higher(from);
        return next == null ? end : Math.min(next, end);
    }

    /** Makes room for places up to {@code end}; to be called before the layers of a step. */
    public void prepare(int end) {
        if (end - place() > reservation.step() || end > reservation.positions()) {
            throw new IllegalArgumentException("step: [" + place() + ", " + end + ") (expected: at most "
                    + reservation.step() + " positions, up to " + reservation.positions() + ")");
        }
        for (RecurrentState state : recurrent) {
            if (state != null) {
                state.dropSnapshots();
            }
        }
        marks.headSet(length, true).clear();
        for (Group group : groups) {
            slide(group, group.layers.firstSeen(length, reservation.rollback()) / POSITIONS);
            addBlocks(group, place() / POSITIONS, end);
            if (staging) {
                // A chunk that has begun without a stage lacks its first rows: it is never published.
                for (int chunk = KvPool.blocksFor(length); chunk < KvPool.blocksFor(end + shift); chunk++) {
                    if (group.stages[chunk] == null) {
                        group.stages[chunk] = new ChunkStage(pool, group.layers);
                    }
                }
            }
        }
    }

    /** Gives back what lies before a chunk. */
    private void slide(Group group, int first) {
        for (int chunk = group.first; chunk < first; chunk++) {
            if (group.blocks[chunk] != null) {
                pool.giveBlock(group.blocks[chunk], reservation);
                setBlock(group, chunk, null);
            }
            dropStage(group, chunk);
        }
        group.first = Math.max(group.first, first);
    }

    private void addBlocks(Group group, int first, int end) {
        for (int chunk = first; chunk < KvPool.blocksFor(end); chunk++) {
            if (group.blocks[chunk] == null) {
                setBlock(group, chunk, pool.takeBlock(group.layers, reservation));
            }
        }
    }

    private void setBlock(Group group, int chunk, KvPool.Block block) {
        group.blocks[chunk] = block;
        int[] members = group.layers.layers();
        for (int i = 0; i < members.length; i++) {
            pages[members[i]][chunk] = block == null ? null : block.page(i);
        }
    }

    /**
     * Adds rows of one layer of attention at places [start, start + tokens). Rounds k and v in place to what the store
     * holds, keeps them raw, rotates k in place and writes the pages.
     *
     * @param k unrotated keys, [tokens, kvWidth] from {@code kOffset}; overwritten
     * @param v values, [tokens, kvWidth] from {@code vOffset}; overwritten
     */
    public void append(int layer, int start, int tokens, float[] k, int kOffset, float[] v, int vOffset) {
        int width = shape.attention(layer).kvWidth();
        ChunkStage[] stages = groupOf[layer].stages;
        for (int done = 0; done < tokens; ) {
            int position = start + shift + done;
            int slot = position % POSITIONS;
            int rows = Math.min(tokens - done, POSITIONS - slot);
            ChunkStage stage = stages[position / POSITIONS];
            if (stage == null) {
                codec.round(k, kOffset + done * width, rows, width);
                codec.round(v, vOffset + done * width, rows, width);
            } else {
                int index = indexInGroup[layer];
                codec.roundInto(k, kOffset + done * width, rows, width, stage.segment(), stage.keysAt(index, slot));
                codec.roundInto(v, vOffset + done * width, rows, width, stage.segment(), stage.valuesAt(index, slot));
            }
            done += rows;
        }
        pool.placer()
                .place(rotation, layer, shape.attention(layer), pages[layer], start, tokens, k, kOffset, v, vOffset);
    }

    /** The places up to {@code end} are complete in every layer. */
    public void advance(int end) {
        if (sources != null) {
            for (int place = place(); place < end; place++) {
                sources[place] = place + shift;
            }
            arranged = end;
        }
        length = end + shift;
    }

    /**
     * Takes the last positions back, so that the next step begins at {@code end}: what it adds replaces them in pages and
     * stages. Blocks stay with this sequence. Sliding layers go back no further than the reservation's rollback, recurrent
     * ones to marks of the last step only.
     *
     * @throws IllegalArgumentException when {@code end} lies before what was offered for publication, after the length, or
     *     where a layer cannot go back to
     */
    public void truncate(int end) {
        if (end < published || end > length) {
            throw new IllegalArgumentException("truncate: " + end + " (expected: between " + published
                    + ", the end of what was offered for publication, and the length " + length + ")");
        }
        if (end == length) {
            return;
        }
        for (Group group : groups) {
            if (group.layers.firstSeen(end, 0) / POSITIONS < group.first) {
                throw new IllegalArgumentException(
                        "truncate: " + end + " (expected: at most " + reservation.rollback() + " positions back)");
            }
        }
        for (RecurrentState state : recurrent) {
            if (state != null && !state.hasSnapshot(end)) {
                throw new IllegalArgumentException("truncate: " + end + " (expected: a mark of the last step)");
            }
        }
        for (RecurrentState state : recurrent) {
            if (state != null) {
                state.goBackTo(end);
            }
        }
        arranged = Math.min(arranged, end - shift);
        length = end;
    }

    /** Takes over the positions of a full chunk of growing layers from the pages of another sequence. */
    void adopt(ChunkSpan span, KvPool.Block block) {
        if (span.start() != length || span.tokens() != POSITIONS) {
            throw new IllegalArgumentException("shared chunk at " + span.start() + ", " + span.tokens()
                    + " tokens (expected: at " + length + ", " + POSITIONS + " tokens)");
        }
        pool.adopt(block, reservation);
        setBlock(growing(), span.start() / POSITIONS, block);
        published = Math.max(published, span.end());
        advance(span.end());
    }

    /** Lets sequences that begin later have the pages of a full chunk that is complete; it is not taken back any more. */
    public void share(ChunkSpan span) {
        Group growing = growing();
        if (growing != null && span.tokens() == POSITIONS) {
            published = Math.max(published, span.end());
            pool.share(span.key(), growing.blocks[span.start() / POSITIONS]);
        }
    }

    /** The layers that grow; null when there are none. */
    private Group growing() {
        for (Group group : groups) {
            if (!group.layers.slides()) {
                return group;
            }
        }
        return null;
    }

    /**
     * Restores the positions [length, end) of growing layers from a chunk's payload.
     *
     * @param span the chunk; begins at the current length
     * @param payload as this package's documentation says; borrowed
     * @param end at most the end of the chunk
     * @throws IllegalArgumentException when the payload's length does not fit the span
     */
    public void restore(ChunkSpan span, MemorySegment payload, int end) {
        if (payload.byteSize() != shape.payloadBytes(span.tokens(), pool.codec())) {
            throw new IllegalArgumentException("chunk payload: " + payload.byteSize() + " bytes (expected: "
                    + shape.payloadBytes(span.tokens(), pool.codec()) + ")");
        }
        if (span.start() != length || end <= length || end > span.end()) {
            throw new IllegalArgumentException("chunk [" + span.start() + ", " + end + ") (expected: from " + length
                    + ", up to " + span.end() + ")");
        }
        int chunk = span.start() / POSITIONS;
        int rows = end - span.start();
        // A chunk that goes on filling needs its raw rows for its own publication; a full one is published already.
        boolean fills = staging && rows < POSITIONS;
        Group growing = growing();
        if (growing != null) {
            addBlocks(growing, chunk, end);
            if (fills) {
                growing.stages[chunk] = new ChunkStage(pool, growing.layers);
            }
        }
        if (growing != null) {
            LayerGroup layers = growing.layers;
            eachLayer(layers, i -> {
                long keysAt = layers.payloadAt(i, span.tokens());
                long valuesAt = keysAt + (long) span.tokens() * layers.rowBytes()[i];
                restoreRows(layers.layers()[i], span.start(), rows, payload, keysAt, valuesAt);
            });
        }
        advance(end);
    }

    /**
     * Restores what sliding and recurrent layers need at {@code position}. Growing layers, where there are any, are at
     * that position already; else this moves the length there.
     *
     * @param payload as this package's documentation says; borrowed
     * @throws IllegalArgumentException when the payload's length does not fit
     */
    public void restoreCheckpoint(int position, MemorySegment payload) {
        long expected = shape.checkpointBytes(position, pool.codec());
        if (payload.byteSize() != expected) {
            throw new IllegalArgumentException(
                    "checkpoint payload: " + payload.byteSize() + " bytes (expected: " + expected + ")");
        }
        if (shape.hasGrowing() ? position != length : length != 0 || position > reservation.positions()) {
            throw new IllegalArgumentException("checkpoint at " + position + " (expected: at the length " + length
                    + ", or anywhere before the first step without growing layers)");
        }
        for (Group group : groups) {
            if (group.layers.slides()) {
                int first = group.layers.firstSeen(position, 0) / POSITIONS;
                slide(group, first);
                addBlocks(group, first, position);
                // The rows before the window are not in the checkpoint. Attention weighs them with zero, which only a
                // finite number survives.
                clear(group, first);
                if (staging) {
                    for (int chunk = first; chunk < KvPool.blocksFor(position); chunk++) {
                        group.stages[chunk] = new ChunkStage(pool, group.layers);
                    }
                }
            }
        }
        long at = 0;
        for (int layer = 0; layer < pages.length; layer++) {
            switch (shape.layers().get(layer)) {
                case LayerState.Growing growing -> {}
                case Sliding sliding -> {
                    int rows = Math.min(position, sliding.reach());
                    long halfBytes = (long) rows * pool.rowBytes(sliding.attention());
                    restoreRows(layer, position - rows, rows, payload, at, at + halfBytes);
                    at += 2 * halfBytes;
                }
                case Recurrent state -> {
                    float[] elements = new float[state.elements()];
                    MemorySegment.copy(payload, CheckpointStage.FLOAT, at, elements, 0, elements.length);
                    recurrent[layer].set(elements);
                    at += state.bytes();
                }
            }
        }
        length = position;
    }

    private static void clear(Group group, int chunk) {
        if (chunk < group.blocks.length && group.blocks[chunk] != null) {
            for (int i = 0; i < group.layers.layers().length; i++) {
                group.blocks[chunk].page(i).segment().fill((byte) 0);
            }
        }
    }

    /** Rows [start, start + rows) of one layer from stored keys and values: into its stages, where it has any, and pages. */
    private void restoreRows(int layer, int start, int rows, MemorySegment payload, long keysAt, long valuesAt) {
        long rowBytes = pool.rowBytes(shape.attention(layer));
        for (int done = 0; done < rows; ) {
            int slot = (start + done) % POSITIONS;
            int n = Math.min(rows - done, POSITIONS - slot);
            long keys = keysAt + done * rowBytes;
            long values = valuesAt + done * rowBytes;
            ChunkStage stage = groupOf[layer].stages[(start + done) / POSITIONS];
            if (stage != null) {
                int index = indexInGroup[layer];
                MemorySegment.copy(payload, keys, stage.segment(), stage.keysAt(index, slot), n * rowBytes);
                MemorySegment.copy(payload, values, stage.segment(), stage.valuesAt(index, slot), n * rowBytes);
            }
            pool.placer()
                    .place(
                            rotation,
                            layer,
                            shape.attention(layer),
                            pages[layer],
                            start + done,
                            payload,
                            keys,
                            values,
                            n);
            done += n;
        }
    }

    /** Layers of one group side by side: nothing of one depends on another. */
    private void eachLayer(LayerGroup group, IntConsumer place) {
        pool.kernels().pool().forEach(group.layers().length, (i, thread) -> place.accept(i));
    }

    /**
     * Arranges the pages: the ranges of the stream lie in them one behind the other, from place 0, each key rotated to its
     * place, and the next position comes after the last. What lies where it should already is left alone.
     *
     * @throws IllegalArgumentException when the ranges do not end at the length
     * @throws IllegalStateException when raw rows of a range are gone
     */
    public void arrange(Arrangement arrangement) {
        if (arrangement.end() != length) {
            throw new IllegalArgumentException(
                    "arrangement up to " + arrangement.end() + " (expected: " + length + ", the length)");
        }
        int places = arrangement.places();
        int same = 0;
        int lying = Math.min(arranged, places);
        while (same < lying && sources[same] == arrangement.source(same)) {
            same++;
        }
        arranged = places;
        shift = length - places;
        Group growing = growing();
        addBlocks(growing, 0, places);
        int place = same;
        while (place < places) {
            int source = arrangement.source(place);
            int slot = source % POSITIONS;
            int rows = Math.min(arrangement.together(place), POSITIONS - slot);
            ChunkStage stage = growing.stages[source / POSITIONS];
            if (stage == null) {
                throw new IllegalStateException("raw rows at " + source + " (expected: held)");
            }
            place(stage, slot, place, rows);
            for (int i = 0; i < rows; i++) {
                sources[place + i] = source + i;
            }
            place += rows;
        }
    }

    /** Writes raw rows of every layer into the pages. */
    private void place(ChunkStage stage, int slot, int place, int rows) {
        LayerGroup group = growing().layers;
        eachLayer(group, i -> {
            int layer = group.layers()[i];
            long keys = stage.keysAt(i, slot);
            long values = stage.valuesAt(i, slot);
            pool.placer()
                    .place(
                            rotation,
                            layer,
                            shape.attention(layer),
                            pages[layer],
                            place,
                            stage.segment(),
                            keys,
                            values,
                            rows);
        });
    }

    /** Whether the raw rows of a chunk of the stream are here. */
    public boolean holds(int chunk) {
        return growing().stages[chunk] != null;
    }

    /**
     * Takes the raw rows of a chunk of the stream, to be arranged.
     *
     * @param payload as this package's documentation says; borrowed
     * @throws IllegalArgumentException when the payload's length does not fit the span
     */
    public void hold(ChunkSpan span, MemorySegment payload) {
        if (payload.byteSize() != shape.payloadBytes(span.tokens(), pool.codec())) {
            throw new IllegalArgumentException("chunk payload: " + payload.byteSize() + " bytes (expected: "
                    + shape.payloadBytes(span.tokens(), pool.codec()) + ")");
        }
        Group growing = growing();
        int chunk = span.start() / POSITIONS;
        if (growing.stages[chunk] == null) {
            growing.stages[chunk] = new ChunkStage(pool, growing.layers);
        }
        growing.stages[chunk].readPayload(span.tokens(), payload);
    }

    /** The stream goes on at {@code position}, when the rows that it needs are arranged. */
    public void resume(int position) {
        if (sources == null || length != 0) {
            throw new IllegalStateException("resume at " + position + " (expected: before the first step)");
        }
        length = position;
        shift = position;
        arranged = 0;
    }

    /** The raw rows of a chunk that is complete, for a publication, which must release them; or null. */
    ChunkStage retainStage(ChunkSpan span) {
        Group growing = growing();
        ChunkStage stage = growing == null ? null : growing.stages[span.start() / POSITIONS];
        if (stage == null) {
            return null;
        }
        published = Math.max(published, span.end());
        return stage.retain();
    }

    /**
     * What it takes to resume at {@code position}, for a publication, which must release it; or null when it is not there.
     *
     * @param position the length, or a position that the last step has passed; a mark of it where layers are recurrent
     */
    CheckpointStage retainCheckpoint(int position) {
        int layers = shape.layers().size();
        var rows = new CheckpointStage.Rows[layers];
        float[][] states = new float[layers][];
        for (int layer = 0; layer < layers; layer++) {
            if (recurrent[layer] != null) {
                if (position != length && !recurrent[layer].hasSnapshot(position)) {
                    return null;
                }
                states[layer] = position == length ? recurrent[layer].now() : recurrent[layer].at(position);
            }
        }
        List<ChunkStage> held = new ArrayList<>();
        for (Group group : groups) {
            if (group.layers.slides()) {
                ChunkStage[] stages = new ChunkStage[KvPool.blocksFor(position)];
                for (int chunk = group.layers.firstSeen(position, 0) / POSITIONS; chunk < stages.length; chunk++) {
                    if (group.stages[chunk] == null) {
                        held.forEach(ChunkStage::release);
                        return null;
                    }
                    stages[chunk] = group.stages[chunk].retain();
                    held.add(stages[chunk]);
                }
                int[] members = group.layers.layers();
                for (int i = 0; i < members.length; i++) {
                    rows[members[i]] = new CheckpointStage.Rows(stages, i);
                }
            }
        }
        published = Math.max(published, position);
        return new CheckpointStage(shape, pool.codec(), position, rows, states, held);
    }

    /** The chunk that begins at {@code start} needs its raw rows for its own publication no more. */
    public void dropStage(int start) {
        Group growing = growing();
        if (growing != null) {
            dropStage(growing, start / POSITIONS);
        }
    }

    private static void dropStage(Group group, int chunk) {
        ChunkStage stage = group.stages[chunk];
        if (stage != null) {
            group.stages[chunk] = null;
            stage.release();
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (Group group : groups) {
            slide(group, group.blocks.length);
            for (int chunk = 0; chunk < group.stages.length; chunk++) {
                dropStage(group, chunk);
            }
        }
        pool.release(reservation);
    }
}
