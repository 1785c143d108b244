package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import longreach.lm.kv.LayerState.Growing;
import longreach.lm.kv.LayerState.Recurrent;
import longreach.lm.kv.LayerState.Sliding;
import longreach.store.api.Codec;
import longreach.tensor.kernel.KvPage;

/**
 * What it takes to resume at one position, held for a publication: the raw rows of sliding layers, by reference, and a copy
 * of recurrent states. To be released once.
 */
final class CheckpointStage {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final KvShape shape;
    private final Codec codec;
    private final int position;
    private final Rows[] rows;
    private final float[][] recurrent;
    private final List<ChunkStage> held;

    /** Where the raw rows of a sliding layer lie: stage i holds the positions from {@code 256 * i}. */
    record Rows(ChunkStage[] stages, int indexInGroup) {}

    /**
     * @param rows of each sliding layer; null for the others
     * @param recurrent of each recurrent layer; null for the others
     * @param held what {@link #release} gives back
     */
    CheckpointStage(KvShape shape, Codec codec, int position, Rows[] rows, float[][] recurrent, List<ChunkStage> held) {
        this.shape = shape;
        this.codec = codec;
        this.position = position;
        this.rows = rows;
        this.recurrent = recurrent;
        this.held = held;
    }

    long payloadBytes() {
        return shape.checkpointBytes(position, codec);
    }

    /** How many positions before it this checkpoint has rows of, at least 1: what its header says. */
    int tokens() {
        return Math.max(1, shape.checkpointReach(position));
    }

    void copyPayload(MemorySegment to) {
        long at = 0;
        for (int layer = 0; layer < rows.length; layer++) {
            switch (shape.layers().get(layer)) {
                case Growing growing -> {}
                case Sliding sliding -> {
                    int count = Math.min(position, sliding.reach());
                    long rowBytes = KvCodec.rowBytes(codec, sliding.attention().kvWidth());
                    copyRows(rows[layer], position - count, to, at, at + count * rowBytes, rowBytes);
                    at += 2 * count * rowBytes;
                }
                case Recurrent state -> {
                    MemorySegment.copy(recurrent[layer], 0, to, FLOAT, at, state.elements());
                    at += state.bytes();
                }
            }
        }
    }

    /** Rows of the positions [from, position). */
    private void copyRows(Rows rows, int from, MemorySegment to, long keysAt, long valuesAt, long rowBytes) {
        for (int p = from; p < position; ) {
            int slot = p % KvPage.POSITIONS;
            int n = Math.min(position - p, KvPage.POSITIONS - slot);
            ChunkStage stage = rows.stages[p / KvPage.POSITIONS];
            long offset = (p - from) * rowBytes;
            MemorySegment.copy(
                    stage.segment(), stage.keysAt(rows.indexInGroup, slot), to, keysAt + offset, n * rowBytes);
            MemorySegment.copy(
                    stage.segment(), stage.valuesAt(rows.indexInGroup, slot), to, valuesAt + offset, n * rowBytes);
            p += n;
        }
    }

    void release() {
        held.forEach(ChunkStage::release);
    }
}
