package longreach.store.redis;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import longreach.store.api.ChunkKey;
import longreach.store.api.Digest;
import longreach.store.api.QuotaStore.Allowance;
import longreach.store.api.RecordStore;
import longreach.store.api.RecordStore.RecordId;
import longreach.store.api.Tenant;

/**
 * Names in Redis: {@code lr:<namespace>:c:<key>} for chunks, {@code :a:} for artifacts and {@code :r:<kind>:<name>} for
 * records, {@code :i:} for what a quota counts. Chunks are without a hash tag, so that a long context spreads over all slots of a cluster. Quotas have a prefix of their
 * own: they hold nothing of a tenant's, and erasing a tenant must not fill them up.
 */
final class RedisKeys {
    static final String ALL = "lr:*";

    static final String ALL_CHUNKS = "lr:*:c:*";

    private static final Pattern CHUNK_NAME = Pattern.compile("lr:([0-9a-f]{16,64}):c:([0-9a-f]{64})");

    private static final String PREFIX = "lr:";
    private static final String CHUNK = ":c:";
    private static final String ARTIFACT = ":a:";
    private static final String RECORD = ":r:";
    private static final String INDEX = ":i:{";
    private static final List<String> INDEX_PARTS = List.of("uses", "leaves", "kids", "about", "pins", "gone");
    private static final String QUOTAS = "lrq:";

    private RedisKeys() {}

    static byte[] chunk(Tenant tenant, ChunkKey key) {
        return ascii(PREFIX + tenant.namespace() + CHUNK + key.hex());
    }

    /** What a chunk's name says. */
    record ChunkName(String namespace, ChunkKey key) {}

    /** Empty when it is no chunk's. */
    static Optional<ChunkName> readChunk(byte[] name) {
        Matcher parts = CHUNK_NAME.matcher(new String(name, StandardCharsets.US_ASCII));
        return parts.matches()
                ? Optional.of(new ChunkName(parts.group(1), new ChunkKey(Digest.ofHex(parts.group(2)))))
                : Optional.empty();
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

    /** In one slot of a cluster, and with the tenant's other keys for who erases them. */
    static byte[][] index(Tenant tenant) {
        String before = PREFIX + tenant.namespace() + INDEX + tenant.namespace() + "}:";
        byte[][] names = new byte[INDEX_PARTS.size()][];
        for (int i = 0; i < names.length; i++) {
            names[i] = ascii(before + INDEX_PARTS.get(i));
        }
        return names;
    }

    static boolean isIndex(byte[] key) {
        return new String(key, StandardCharsets.US_ASCII).contains(INDEX);
    }

    /** Beside the quotas: a queue holds jobs of all tenants. */
    static byte[] jobs(Tenant owner, String queue) {
        return ascii(QUOTAS + owner.namespace() + ":jobs:" + RecordStore.checkKind(queue));
    }

    static boolean isChunk(byte[] key) {
        return new String(key, StandardCharsets.US_ASCII).contains(CHUNK);
    }

    private static byte[] ascii(String key) {
        return key.getBytes(StandardCharsets.US_ASCII);
    }
}
