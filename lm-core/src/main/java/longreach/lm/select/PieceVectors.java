package longreach.lm.select;

import java.util.concurrent.atomic.AtomicReferenceArray;

/** Vectors of a context's pieces, by chunk, in binary16. Chunks are set and read by any thread. */
public final class PieceVectors {
    private final int perChunk;
    private final int dimensions;
    private final AtomicReferenceArray<short[]> chunks;

    /** @param perChunk pieces of a whole chunk */
    public PieceVectors(int chunks, int perChunk, int dimensions) {
        this.chunks = new AtomicReferenceArray<>(chunks);
        this.perChunk = perChunk;
        this.dimensions = dimensions;
    }

    public int chunks() {
        return chunks.length();
    }

    public boolean hasChunk(int chunk) {
        return chunks.get(chunk) != null;
    }

    /** @param vectors [pieces, dimensions] in binary16, pieces at most those of a chunk */
    public void set(int chunk, short[] vectors) {
        chunks.set(chunk, vectors);
    }

    /** The vectors of a chunk that are here, [pieces, dimensions]. */
    short[] chunk(int chunk) {
        return chunks.get(chunk);
    }

    boolean has(int piece) {
        if (piece / perChunk >= chunks.length()) {
            return false;
        }
        short[] vectors = chunks.get(piece / perChunk);
        return vectors != null && (piece % perChunk + 1) * dimensions <= vectors.length;
    }

    float dot(int piece, float[] vector) {
        short[] vectors = chunks.get(piece / perChunk);
        int at = piece % perChunk * dimensions;
        float sum = 0;
        for (int i = 0; i < dimensions; i++) {
            sum += vector[i] * Float.float16ToFloat(vectors[at + i]);
        }
        return sum;
    }
}
