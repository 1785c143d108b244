package longreach.lm.select;

import java.util.concurrent.atomic.AtomicReferenceArray;

/** Where a context's pieces are, and their vectors in binary16, by chunk. Chunks are set and read by any thread. */
public final class PieceVectors {
    // Pieces that have nothing in common: what few pieces share is hardly the text's.
    private static final int PRIOR = 16;

    private final int dimensions;
    private final AtomicReferenceArray<Chunk> chunks;

    /**
     * @param bounds start and end of each piece, [pieces, 2] positions
     * @param halves [pieces, dimensions] in binary16
     */
    record Chunk(int[] bounds, short[] halves) {
        int pieces() {
            return bounds.length / 2;
        }

        int middle(int piece) {
            return (bounds[2 * piece] + bounds[2 * piece + 1]) / 2;
        }
    }

    public PieceVectors(int chunks, int dimensions) {
        this.chunks = new AtomicReferenceArray<>(chunks);
        this.dimensions = dimensions;
    }

    public int chunks() {
        return chunks.length();
    }

    public boolean hasChunk(int chunk) {
        return chunks.get(chunk) != null;
    }

    void set(int chunk, Chunk pieces) {
        chunks.set(chunk, pieces);
    }

    /** Null: it is not here. */
    Chunk chunk(int chunk) {
        return chunks.get(chunk);
    }

    /** What the vectors have in common: their mean, shorter where they are few. */
    float[] common() {
        double[] sum = new double[dimensions];
        int count = PRIOR;
        for (int c = 0; c < chunks.length(); c++) {
            Chunk chunk = chunks.get(c);
            if (chunk != null) {
                count += chunk.pieces();
                for (int piece = 0; piece < chunk.pieces(); piece++) {
                    int at = piece * dimensions;
                    for (int i = 0; i < dimensions; i++) {
                        sum[i] += Float.float16ToFloat(chunk.halves[at + i]);
                    }
                }
            }
        }
        float[] mean = new float[dimensions];
        for (int i = 0; i < dimensions; i++) {
            mean[i] = (float) (sum[i] / count);
        }
        return mean;
    }
}
