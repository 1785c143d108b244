package longreach.gateway.auth;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import longreach.gateway.error.ApiException;

/** The keys that are let in. Compared by digest, in constant time; the keys themselves are never logged. */
public final class ApiKeys {
    private static final String OPEN_TENANT = "default";
    private static final int TENANT_BYTES = 16;

    private final List<byte[]> digests;
    private final String salt;

    /** @param keys the accepted keys; empty: any key, or none, is let in as one tenant */
    public ApiKeys(List<String> keys, String salt) {
        this.salt = salt;
        digests = keys.stream().map(ApiKeys::digest).toList();
    }

    /** Whether any key will do. */
    public boolean open() {
        return digests.isEmpty();
    }

    /**
     * @param key as the caller sent it, or null
     * @throws ApiException INVALID_ARGUMENT with reason API_KEY_INVALID
     */
    public Tenant admit(String key) {
        if (open()) {
            return new Tenant(OPEN_TENANT);
        }
        if (key == null || key.isBlank()) {
            throw ApiException.badKey();
        }
        var digest = digest(key.strip());
        boolean known = false;
        for (var each : digests) {
            known |= MessageDigest.isEqual(each, digest);
        }
        if (!known) {
            throw ApiException.badKey();
        }
        var name = digest(salt + "\0" + key.strip());
        return new Tenant("t-" + HexFormat.of().formatHex(name, 0, TENANT_BYTES));
    }

    private static byte[] digest(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
