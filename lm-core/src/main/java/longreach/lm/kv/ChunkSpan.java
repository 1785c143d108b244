package longreach.lm.kv;

import longreach.store.api.ChunkKey;

/** A chunk by name and place: the positions [start, end), start a multiple of the chunk length. */
public record ChunkSpan(ChunkKey key, ChunkKey parent, int start, int end) {
    public int tokens() {
        return end - start;
    }
}
