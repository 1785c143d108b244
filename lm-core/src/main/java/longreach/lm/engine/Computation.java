package longreach.lm.engine;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.store.api.Digest;
import longreach.tensor.kernel.Kernels;

/**
 * Digests of what keys and values depend on beside tokens and tenant: part of every chunk's key.
 *
 * @param exact where every token sees all tokens before it
 * @param windowed where a token sees the first ones and a window: never to be taken for the other
 */
record Computation(Digest exact, Digest windowed) {
    static Computation of(ModelCard card, Precision precision, Kernels kernels, LongSettings settings) {
        Digest exact = sha256(card.digest(), precision.identity(kernels));
        String window = "window/" + settings.initialTokens() + "/" + settings.windowTokens();
        return new Computation(exact, sha256(exact.bytes(), window));
    }

    Digest of(Sequence sequence) {
        return sequence.reach != null && sequence.reach.shape.windowed() ? windowed : exact;
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
