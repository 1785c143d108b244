package longreach.store.redis;

import java.nio.charset.StandardCharsets;
import longreach.store.api.ChunkKey;
import longreach.store.api.Digest;
import longreach.store.api.QuotaStore.Allowance;
import longreach.store.api.RecordStore;
import longreach.store.api.RecordStore.RecordId;
import longreach.store.api.Tenant;

/**
 * Names in Redis: {@code lr:<namespace>:c:<key>} for chunks, {@code :a:} for artifacts and {@code :r:<kind>:<name>} for
 * records. Without a hash tag, so that a long context spreads over all slots of a cluster. Quotas have a prefix of their
 * own: they hold nothing of a tenant's, and erasing a tenant must not fill them up.
 */
final class RedisKeys {
    static final String ALL = "lr:*";

    private static final String PREFIX = "lr:";
    private static final String CHUNK = ":c:";
    private static final String ARTIFACT = ":a:";
    private static final String RECORD = ":r:";
    private static final String QUOTAS = "lrq:";

    private RedisKeys() {}

    static byte[] chunk(Tenant tenant, ChunkKey key) {
        return ascii(PREFIX + tenant.namespace() + CHUNK + key.hex());
    }

    static byte[] artifact(Tenant tenant, Digest digest) {
        return ascii(PREFIX + tenant.namespace() + ARTIFACT + digest.hex());
    }

    static byte[] record(Tenant tenant, RecordId id) {
        return ascii(PREFIX + tenant.namespace() + RECORD + id.kind() + ":" + id.name());
    }

    /** Kinds have no letters that mean something in a pattern. */
    static String recordsOf(Tenant tenant, String kind) {
        return PREFIX + tenant.namespace() + RECORD + RecordStore.checkKind(kind) + ":*";
    }

    static String recordName(byte[] key) {
        var text = new String(key, StandardCharsets.US_ASCII);
        return text.substring(text.lastIndexOf(':') + 1);
    }

    /** The size is part of the name, so that a changed allowance begins anew. */
    static byte[] quota(Tenant tenant, Allowance allowance) {
        return ascii(QUOTAS + tenant.namespace() + ":" + allowance.bucket() + ":" + allowance.capacity() + ":"
                + allowance.period().toMillis());
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
