package longreach.store.api;

import java.util.Objects;

/**
 * The part of one media item that lies in a chunk.
 *
 * @param digest of the item: content, encoder, options and index
 * @param mediaOffset first soft token of the item that lies in the chunk
 * @param chunkOffset where in the chunk that token lies
 * @param length soft tokens, at least 1
 * @param bidirectional the item's tokens see each other both ways
 */
public record MediaSpan(Digest digest, int mediaOffset, int chunkOffset, int length, boolean bidirectional) {
    public MediaSpan {
        Objects.requireNonNull(digest, "digest");
        if (mediaOffset < 0 || chunkOffset < 0 || length < 1) {
            throw new IllegalArgumentException("media span: mediaOffset " + mediaOffset + ", chunkOffset " + chunkOffset
                    + ", length " + length + " (expected: >= 0, >= 0, >= 1)");
        }
    }
}
