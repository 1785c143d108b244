package longreach.store.api;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Objects;

/**
 * The prefix chain of chunk keys of one model, layout and tenant. A key is SHA-256 over a domain name, the parent key,
 * the model digest, the layout version, the tenant's salt, the token ids and the media spans; each field is preceded by
 * its length, so no two descriptions give the same bytes. It depends on nothing else: every process and machine agrees.
 *
 * <p>Immutable and safe for use by several threads.
 */
public final class KeyChain {
    /** Stands for a token id wherever a soft token lies. */
    public static final int SOFT = -1;

    private static final byte[] DOMAIN = "longreach/chunk-key/1".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] CHECKPOINT_DOMAIN = "longreach/checkpoint-key/1".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] BESIDE_DOMAIN = "longreach/beside-key/1".getBytes(StandardCharsets.US_ASCII);

    private final Digest model;
    private final int layoutVersion;
    private final Digest salt;

    /**
     * @param model digest of everything that the computation depends on: weights, precision, rope settings
     * @param layoutVersion of the payload, as in {@link ChunkHeader#layoutVersion}
     */
    public KeyChain(Digest model, int layoutVersion, Tenant tenant) {
        this.model = Objects.requireNonNull(model, "model");
        this.layoutVersion = layoutVersion;
        this.salt = tenant.salt();
    }

    public int layoutVersion() {
        return layoutVersion;
    }

    /** The key of a chunk of text tokens alone. */
    public ChunkKey child(ChunkKey parent, int[] tokens) {
        return child(parent, tokens, List.of());
    }

    /**
     * The key of the chunk that follows {@code parent}.
     *
     * @param parent {@link ChunkKey#ROOT} for the first chunk
     * @param tokens at least one; {@link #SOFT} exactly where a span lies
     * @param media in chunk order, not overlapping
     * @throws IllegalArgumentException if tokens and spans disagree
     */
    public ChunkKey child(ChunkKey parent, int[] tokens, List<MediaSpan> media) {
        check(tokens, media);
        MessageDigest sha = sha256();
        field(sha, DOMAIN);
        field(sha, parent.bytes());
        field(sha, model.bytes());
        field(sha, ByteBuffer.allocate(4).putInt(layoutVersion).array());
        field(sha, salt.bytes());
        ByteBuffer ids = ByteBuffer.allocate(4 * tokens.length);
        ids.asIntBuffer().put(tokens);
        field(sha, ids.array());
        ByteBuffer spans = ByteBuffer.allocate(media.size() * (Digest.BYTES + 13));
        for (MediaSpan span : media) {
            spans.put(span.digest().bytes())
                    .putInt(span.mediaOffset())
                    .putInt(span.chunkOffset())
                    .putInt(span.length())
                    .put((byte) (span.bidirectional() ? 1 : 0));
        }
        field(sha, spans.array());
        return ChunkKey.of(sha.digest());
    }

    /**
     * The key of the checkpoint at the end of a chunk: what layers need, beside the chunks up to there, whose state does
     * not grow with the context. It depends on the chunk's key alone, and so on all that that depends on.
     */
    public static ChunkKey checkpoint(ChunkKey chunk) {
        MessageDigest sha = sha256();
        field(sha, CHECKPOINT_DOMAIN);
        field(sha, chunk.bytes());
        return ChunkKey.of(sha.digest());
    }

    /**
     * The key of something that was made of a chunk and is kept beside it. As {@link #checkpoint}, it depends on the
     * chunk's key alone.
     *
     * @param kind what it is, and what it was made by
     */
    public static ChunkKey beside(ChunkKey chunk, String kind) {
        MessageDigest sha = sha256();
        field(sha, BESIDE_DOMAIN);
        field(sha, chunk.bytes());
        field(sha, kind.getBytes(StandardCharsets.UTF_8));
        return ChunkKey.of(sha.digest());
    }

    private static void check(int[] tokens, List<MediaSpan> media) {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("chunk tokens: 0 (expected: at least 1)");
        }
        int next = 0;
        for (MediaSpan span : media) {
            if (span.chunkOffset() < next || span.length() > tokens.length - span.chunkOffset()) {
                throw new IllegalArgumentException("media span at " + span.chunkOffset() + ", length " + span.length()
                        + " (expected: within [" + next + ", " + tokens.length + "))");
            }
            expectSoft(tokens, next, span.chunkOffset(), false);
            next = span.chunkOffset() + span.length();
            expectSoft(tokens, span.chunkOffset(), next, true);
        }
        expectSoft(tokens, next, tokens.length, false);
    }

    private static void expectSoft(int[] tokens, int from, int to, boolean soft) {
        for (int i = from; i < to; i++) {
            if ((tokens[i] == SOFT) != soft) {
                throw new IllegalArgumentException("token " + i + ": " + tokens[i] + " (expected: "
                        + (soft ? "SOFT under a media span" : "a token id outside media spans") + ")");
            }
        }
    }

    private static void field(MessageDigest sha, byte[] value) {
        sha.update(ByteBuffer.allocate(4).putInt(value.length).array());
        sha.update(value);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
