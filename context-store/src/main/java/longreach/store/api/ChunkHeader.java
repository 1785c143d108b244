package longreach.store.api;

import java.util.Objects;

/**
 * What a stored chunk, or checkpoint, says about itself. The binary form, with magic and format version, is the codec package's.
 *
 * @param layoutVersion the engine's layout of the payload
 * @param parent {@link ChunkKey#ROOT} for a first chunk; for a checkpoint the chunk that ends where it resumes
 * @param firstToken position of the chunk's first token in its stream; for a checkpoint the position where it resumes
 * @param tokenCount 1 up to the chunk length; less than that for a partial chunk; for a checkpoint the positions behind
 *     it of which it holds something, at least 1
 * @param payloadBytes exact length of the payload
 */
public record ChunkHeader(
        int layoutVersion,
        ChunkKey key,
        ChunkKey parent,
        long firstToken,
        int tokenCount,
        Codec codec,
        long payloadBytes) {
    public ChunkHeader {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(parent, "parent");
        Objects.requireNonNull(codec, "codec");
        if (firstToken < 0 || tokenCount < 1 || payloadBytes < 0) {
            throw new IllegalArgumentException("chunk header: firstToken " + firstToken + ", tokenCount " + tokenCount
                    + ", payloadBytes " + payloadBytes + " (expected: >= 0, >= 1, >= 0)");
        }
    }
}
