package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.tensor.kernel.KvPage;

/**
 * The unrotated keys and values of one group's layers for the positions of one chunk while it fills. Rows are written once,
 * in order; rows that are written may be read by a publisher while later ones are still being added. Counted references:
 * the pool gets the buffer back when the sequence and every publication are done with it.
 */
public final class ChunkStage {
    private final KvPool pool;
    private final LayerGroup group;
    private final MemorySegment segment;
    private final AtomicInteger references = new AtomicInteger(1);

    ChunkStage(KvPool pool, LayerGroup group) {
        this.pool = pool;
        this.group = group;
        this.segment = pool.takeStage(group.stageBytes());
    }

    ChunkStage retain() {
        references.incrementAndGet();
        return this;
    }

    void release() {
        if (references.decrementAndGet() == 0) {
            pool.giveStage(segment);
        }
    }

    MemorySegment segment() {
        return segment;
    }

    /** Where a row of keys lies; its values follow {@link KvPage#POSITIONS} rows later. */
    long keysAt(int indexInGroup, int slot) {
        return group.stageOffsets()[indexInGroup] + (long) slot * group.rowBytes()[indexInGroup];
    }

    long valuesAt(int indexInGroup, int slot) {
        return keysAt(indexInGroup, slot + KvPage.POSITIONS);
    }

    /** Takes the first {@code tokens} rows from a chunk's payload. */
    void readPayload(int tokens, MemorySegment from) {
        long at = 0;
        for (int i = 0; i < group.layers().length; i++) {
            long bytes = (long) tokens * group.rowBytes()[i];
            MemorySegment.copy(from, at, segment, keysAt(i, 0), bytes);
            MemorySegment.copy(from, at + bytes, segment, valuesAt(i, 0), bytes);
            at += 2 * bytes;
        }
    }

    /** Copies the first {@code tokens} rows as a chunk's payload. */
    void copyPayload(int tokens, MemorySegment to) {
        long at = 0;
        for (int i = 0; i < group.layers().length; i++) {
            long bytes = (long) tokens * group.rowBytes()[i];
            MemorySegment.copy(segment, keysAt(i, 0), to, at, bytes);
            MemorySegment.copy(segment, valuesAt(i, 0), to, at + bytes, bytes);
            at += 2 * bytes;
        }
    }
}
