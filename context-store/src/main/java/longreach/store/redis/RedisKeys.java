package longreach.store.redis;

import java.nio.charset.StandardCharsets;
import longreach.store.api.ChunkKey;
import longreach.store.api.Digest;
import longreach.store.api.Tenant;

/**
 * Names in Redis: {@code lr:<namespace>:c:<key>} for chunks, {@code :a:} for artifacts. Without a hash tag, so that a
 * long context spreads over all slots of a cluster.
 */
final class RedisKeys {
    static final String ALL = "lr:*";

    private static final String PREFIX = "lr:";
    private static final String CHUNK = ":c:";
    private static final String ARTIFACT = ":a:";

    private RedisKeys() {}

    static byte[] chunk(Tenant tenant, ChunkKey key) {
        return ascii(PREFIX + tenant.namespace() + CHUNK + key.hex());
    }

    static byte[] artifact(Tenant tenant, Digest digest) {
        return ascii(PREFIX + tenant.namespace() + ARTIFACT + digest.hex());
    }

    /** A namespace is hexadecimal, so nothing in it is a pattern. */
    static String allOf(Tenant tenant) {
        return PREFIX + tenant.namespace() + ":*";
    }

    static boolean isChunk(byte[] key) {
        return new String(key, StandardCharsets.US_ASCII).contains(CHUNK);
    }

    private static byte[] ascii(String key) {
        return key.getBytes(StandardCharsets.US_ASCII);
    }
}
