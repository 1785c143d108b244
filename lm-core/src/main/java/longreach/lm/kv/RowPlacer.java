package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import longreach.store.api.Codec;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/**
 * Puts rows into pages: stored ones are decoded, keys are rotated to their places. Each thread of the kernels' pool has
 * scratch here, so that the layers of a chunk can be placed side by side; otherwise for use by the engine's thread alone.
 */
final class RowPlacer {
    private static final int POSITIONS = KvPage.POSITIONS;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Kernels kernels;
    private final Codec codec;
    private final int maxWidth;
    private final Scratch[] scratches;

    /** Rows of one layer and page; made when a thread first needs them. */
    private static final class Scratch {
        final KvCodec codec;
        final float[] keys;
        final float[] values;
        /** Of values that pages take as they are stored. */
        final short[] halves;

        Scratch(Codec codec, int elements) {
            this.codec = KvCodec.of(codec);
            keys = new float[elements];
            values = new float[codec == Codec.F16 ? 0 : elements];
            halves = new short[codec == Codec.F16 ? elements : 0];
        }
    }

    RowPlacer(Kernels kernels, Codec codec, int maxWidth) {
        this.kernels = kernels;
        this.codec = codec;
        this.maxWidth = maxWidth;
        scratches = new Scratch[kernels.pool().threads()];
    }

    /**
     * Places stored rows.
     *
     * @param start place of the first in the layer's pages
     * @param rows at most a page
     */
    void place(
            KeyRotation rotation,
            int layer,
            AttentionShape shape,
            KvPage[] pages,
            int start,
            MemorySegment from,
            long keysAt,
            long valuesAt,
            int rows) {
        int thread = kernels.pool().thread();
        if (scratches[thread] == null) {
            scratches[thread] = new Scratch(codec, POSITIONS * maxWidth);
        }
        Scratch scratch = scratches[thread];
        int width = shape.kvWidth();
        scratch.codec.read(from, keysAt, scratch.keys, 0, rows, width);
        if (codec != Codec.F16) {
            scratch.codec.read(from, valuesAt, scratch.values, 0, rows, width);
            place(rotation, layer, shape, pages, start, rows, scratch.keys, 0, scratch.values, 0);
            return;
        }
        MemorySegment.copy(from, SHORT, valuesAt, scratch.halves, 0, rows * width);
        rotation.rotate(layer, scratch.keys, 0, rows, start);
        for (int done = 0; done < rows; ) {
            int slot = (start + done) % POSITIONS;
            int n = Math.min(rows - done, POSITIONS - slot);
            KvPage page = pages[(start + done) / POSITIONS];
            int at = done * width;
            kernels.writeHalves(shape, page, slot, scratch.keys, at, scratch.halves, at, n);
            done += n;
        }
    }

    /** Places computed rows: k and v are [rows, kvWidth], rounded to what the store holds; k is rotated in place. */
    void place(
            KeyRotation rotation,
            int layer,
            AttentionShape shape,
            KvPage[] pages,
            int start,
            int rows,
            float[] k,
            int kOffset,
            float[] v,
            int vOffset) {
        rotation.rotate(layer, k, kOffset, rows, start);
        int width = shape.kvWidth();
        for (int done = 0; done < rows; ) {
            int slot = (start + done) % POSITIONS;
            int n = Math.min(rows - done, POSITIONS - slot);
            KvPage page = pages[(start + done) / POSITIONS];
            kernels.writeKv(shape, page, slot, k, kOffset + done * width, v, vOffset + done * width, n);
            done += n;
        }
    }
}
