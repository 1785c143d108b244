package longreach.store.redis;

import io.lettuce.core.SetArgs;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.Digest;
import longreach.store.api.RecordStore.RecordId;
import longreach.store.api.RecordStore.StoredRecord;
import longreach.store.api.StoreUnavailableException;
import longreach.store.api.Tenant;
import longreach.store.codec.ArtifactFormat;
import longreach.store.config.StoreProperties;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Records in Redis, one sealed value each. */
final class RedisRecords {
    private static final Logger log = LoggerFactory.getLogger(RedisRecords.class);

    private final RedisAdmin admin;
    private final BufferPool pool;
    private final ArtifactFormat format;
    private final Duration usualTtl;
    private final long maxBytes;

    RedisRecords(RedisAdmin admin, BufferPool pool, ArtifactFormat format, StoreProperties properties) {
        this.admin = admin;
        this.pool = pool;
        this.format = format;
        usualTtl = properties.ttl();
        maxBytes = properties.maxValue().toBytes();
    }

    void put(Tenant tenant, RecordId id, byte[] value, Duration ttl) {
        if (value.length > maxBytes) {
            throw new IllegalArgumentException(
                    "record " + id.kind() + ": " + value.length + " bytes (expected: at most " + maxBytes + ")");
        }
        var session = admin.session();
        MemorySegment sealed = MemorySegment.ofArray(format.seal(tenant, digest(id), value));
        admin.answer(session.writer()
                .async()
                .set(
                        RedisKeys.record(tenant, id),
                        new Buffer(sealed, sealed),
                        SetArgs.Builder.px(ttl.isZero() ? usualTtl : ttl)));
    }

    Optional<byte[]> get(Tenant tenant, RecordId id) {
        return read(admin.session(), tenant, id);
    }

    private Optional<byte[]> read(RedisLink.Session session, Tenant tenant, RecordId id) {
        Buffer found = admin.answer(session.readers().getFirst().async().get(RedisKeys.record(tenant, id)));
        if (found == null) {
            return Optional.empty();
        }
        if (found == Buffer.TOO_LARGE) {
            log.warn("a record of kind {} is larger than the store reads; it is passed over", id.kind());
            return Optional.empty();
        }
        try {
            return switch (format.open(tenant, digest(id), found.bytes())) {
                case ArtifactLookup.Hit hit -> Optional.of(hit.value());
                case ArtifactLookup.Miss miss -> {
                    log.warn(
                            "a record of kind {} is passed over: {}",
                            id.kind(),
                            miss.reason().text());
                    yield Optional.empty();
                }
            };
        } finally {
            pool.giveBack(found);
        }
    }

    List<StoredRecord> all(Tenant tenant, String kind) {
        var session = admin.session();
        List<RecordId> ids = new ArrayList<>();
        admin.scan(session, RedisKeys.recordsOf(tenant, kind), keys -> {
            for (byte[] key : keys) {
                ids.add(new RecordId(kind, RedisKeys.recordName(key)));
            }
        });
        // A scan may name a key twice.
        return ids.stream()
                .distinct()
                .sorted(Comparator.comparing(RecordId::name))
                .flatMap(id -> read(session, tenant, id).map(value -> new StoredRecord(id.name(), value)).stream())
                .toList();
    }

    /** @throws StoreUnavailableException */
    boolean delete(Tenant tenant, RecordId id) {
        return admin.answer(admin.session().writer().async().del(RedisKeys.record(tenant, id))) > 0;
    }

    /** Under its own domain, so that no artifact can pass for a record. */
    private static Digest digest(RecordId id) {
        try {
            var text = "longreach record\0" + id.kind() + "\0" + id.name();
            return Digest.of(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
