package longreach.lm.engine;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.store.api.Digest;

/** Digests of what keys and values depend on beside tokens and tenant: part of every chunk's key. */
final class Computation {
    private Computation() {}

    /** Where every token sees all tokens before it. */
    static Digest exact(ModelCard card, Precision precision) {
        return sha256(card.digest(), precision.name());
    }

    /** Where a token sees the first ones and a window. */
    static Digest windowed(Digest exact, LongSettings settings) {
        return sha256(exact.bytes(), "window/" + settings.initialTokens() + "/" + settings.windowTokens());
    }

    private static Digest sha256(byte[] first, String second) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            sha.update(first);
            sha.update(second.getBytes(StandardCharsets.US_ASCII));
            return Digest.of(sha.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
