package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.KvPage;

/**
 * The unrotated keys and values of one chunk while it fills. Rows are written once, in order; rows that are written may
 * be read by a publisher while later ones are still being added. Counted references: the pool gets the buffer back when
 * the sequence and every publication are done with it.
 */
public final class ChunkStage {
    private final KvPool pool;
    private final MemorySegment segment;
    private final AtomicInteger references = new AtomicInteger(1);

    ChunkStage(KvPool pool) {
        this.pool = pool;
        this.segment = pool.takeStage();
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

    /** Where the keys of a layer begin; its values follow {@link KvPage#POSITIONS} rows later. */
    static long layerOffset(KvShape shape, KvPage.Type type, int layer, int rows) {
        long elements = 0;
        for (int i = 0; i < layer; i++) {
            elements += 2L * rows * shape.layers().get(i).kvWidth();
        }
        return elements * type.bytes;
    }

    /** Copies the first {@code tokens} rows as a chunk's payload. */
    void copyPayload(int tokens, MemorySegment to) {
        long from = 0;
        long at = 0;
        for (AttentionShape layer : pool.shape().layers()) {
            long rowBytes = (long) layer.kvWidth() * pool.type().bytes;
            for (int half = 0; half < 2; half++) {
                MemorySegment.copy(segment, from, to, at, tokens * rowBytes);
                from += KvPage.POSITIONS * rowBytes;
                at += tokens * rowBytes;
            }
        }
    }
}
