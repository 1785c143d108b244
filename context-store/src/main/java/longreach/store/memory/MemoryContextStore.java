package longreach.store.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.github.bucket4j.Bucket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.Chunk;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.ContextStore;
import longreach.store.api.Digest;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.PutOutcome;
import longreach.store.api.RecordStore;
import longreach.store.api.Tenant;
import longreach.store.codec.StoreSecret;
import longreach.store.quota.Buckets;

/**
 * Chunks and artifacts in this process's memory, outside the heap. Values are not sealed: nobody else can write here.
 * An evicted payload stays readable for those who hold it, and is freed when they let go.
 */
public final class MemoryContextStore implements ContextStore {
    private static final Duration DEFAULT_TTL = Duration.ofDays(7);

    private final long maxBytes;
    private final InstantSource clock;
    private final MemoryJobs jobs;
    private final StoreSecret secret = StoreSecret.random();
    private final Map<Key, Value> values = new LinkedHashMap<>(16, 0.75f, true);
    private long usedBytes;
    private boolean closed;

    private final long tenantQuota;
    /** By namespace. */
    private final Map<String, MemoryIndex> indices = new HashMap<>();

    private final Map<String, Map<RecordId, Value>> records = new HashMap<>();
    private final Map<String, Bucket> buckets = new ConcurrentHashMap<>();

    private record Key(String namespace, boolean artifact, Digest digest) {}

    /** @param header null for an artifact */
    private record Value(ChunkHeader header, MemorySegment bytes, long expiresMillis) {}

    /** @param maxBytes over which the least recently used values go */
    public MemoryContextStore(long maxBytes) {
        this(maxBytes, 0);
    }

    /** @param tenantQuota of each tenant's chunks; 0: none */
    public MemoryContextStore(long maxBytes, long tenantQuota) {
        this(maxBytes, tenantQuota, InstantSource.system());
    }

    MemoryContextStore(long maxBytes, long tenantQuota, InstantSource clock) {
        if (maxBytes < 1) {
            throw new IllegalArgumentException("maxBytes: " + maxBytes + " (expected: >= 1)");
        }
        this.maxBytes = maxBytes;
        this.tenantQuota = tenantQuota;
        this.clock = clock;
        jobs = new MemoryJobs(clock);
    }

    @Override
    public Tenant tenant(String name) {
        return secret.tenant(name);
    }

    @Override
    public LookupResult get(Tenant tenant, int layoutVersion, List<ChunkKey> keys) {
        List<Lookup> entries = new ArrayList<>(keys.size());
        synchronized (values) {
            for (ChunkKey key : keys) {
                var own = index(tenant.namespace());
                var name = new Key(tenant.namespace(), false, key.digest());
                boolean there = values.containsKey(name);
                Value value = live(name);
                own.used(key);
                if (value == null) {
                    entries.add(new Lookup.Miss(
                            there ? MissReason.EXPIRED : own.wasEvicted(key) ? MissReason.EVICTED : MissReason.ABSENT));
                } else if (value.header.layoutVersion() != layoutVersion) {
                    entries.add(new Lookup.Miss(MissReason.WRONG_VERSION));
                } else {
                    entries.add(new Lookup.Hit(new Chunk(value.header, value.bytes)));
                }
            }
        }
        return new Entries(entries);
    }

    @Override
    public PutOutcome put(Tenant tenant, ChunkHeader header, Consumer<MemorySegment> writePayload) {
        if (header.payloadBytes() > maxBytes) {
            return PutOutcome.DROPPED_TOO_LARGE;
        }
        MemorySegment bytes =
                Arena.ofAuto().allocate(Math.max(1, header.payloadBytes()), 64).asSlice(0, header.payloadBytes());
        writePayload.accept(bytes);
        Key key = new Key(tenant.namespace(), false, header.key().digest());
        Value value = new Value(header, bytes.asReadOnly(), expiry(Duration.ZERO));
        synchronized (values) {
            if (!closed && !hasRoom(key, value)) {
                return PutOutcome.DROPPED_OVER_QUOTA;
            }
            return store(key, value) ? PutOutcome.ACCEPTED : PutOutcome.DROPPED_CLOSED;
        }
    }

    @Override
    public ArtifactLookup getArtifact(Tenant tenant, Digest digest) {
        synchronized (values) {
            Value value = live(new Key(tenant.namespace(), true, digest));
            return value == null
                    ? new ArtifactLookup.Miss(MissReason.ABSENT)
                    : new ArtifactLookup.Hit(value.bytes.toArray(JAVA_BYTE));
        }
    }

    @Override
    public boolean putArtifact(Tenant tenant, Digest digest, byte[] bytes, Duration ttl) {
        MemorySegment copy = MemorySegment.ofArray(bytes.clone()).asReadOnly();
        return bytes.length <= maxBytes
                && store(new Key(tenant.namespace(), true, digest), new Value(null, copy, expiry(ttl)));
    }

    @Override
    public StoreStats stats(Optional<Tenant> tenant) {
        synchronized (values) {
            long chunks = 0;
            long artifacts = 0;
            for (Key key : values.keySet()) {
                if (tenant.isEmpty() || tenant.get().namespace().equals(key.namespace)) {
                    chunks += key.artifact ? 0 : 1;
                    artifacts += key.artifact ? 1 : 0;
                }
            }
            return new StoreStats(!closed, chunks, artifacts, usedBytes, maxBytes, "memory");
        }
    }

    @Override
    public EraseResult erase(Tenant tenant) {
        synchronized (values) {
            long chunks = remove(key -> key.namespace.equals(tenant.namespace()) && !key.artifact);
            long artifacts = remove(key -> key.namespace.equals(tenant.namespace()) && key.artifact);
            Map<RecordId, Value> erased = records.remove(tenant.namespace());
            indices.remove(tenant.namespace());
            StoreStats left = stats(Optional.of(tenant));
            return new EraseResult(
                    chunks, artifacts + (erased == null ? 0 : erased.size()), left.chunks() + left.artifacts());
        }
    }

    @Override
    public EraseResult eraseChunks(Tenant tenant, List<ChunkKey> keys) {
        synchronized (values) {
            var asked = keys.stream()
                    .map(key -> new Key(tenant.namespace(), false, key.digest()))
                    .collect(Collectors.toSet());
            long erased = remove(asked::contains);
            return new EraseResult(
                    erased, 0, asked.stream().filter(values::containsKey).count());
        }
    }

    @Override
    public int keep(Tenant tenant, List<ChunkKey> keys, Duration atLeast) {
        synchronized (values) {
            int present = 0;
            for (ChunkKey chunk : keys) {
                Key key = new Key(tenant.namespace(), false, chunk.digest());
                Value value = live(key);
                if (value != null) {
                    present++;
                    long until = Math.max(value.expiresMillis, expiry(atLeast));
                    index(tenant.namespace()).keep(chunk, expiry(atLeast));
                    values.put(key, new Value(value.header, value.bytes, until));
                }
            }
            return present;
        }
    }

    @Override
    public void putRecord(Tenant tenant, RecordId id, byte[] value, Duration ttl) {
        synchronized (values) {
            records.computeIfAbsent(tenant.namespace(), each -> new TreeMap<>(Comparator.comparing(RecordId::toString)))
                    .put(id, new Value(null, MemorySegment.ofArray(value.clone()), expiry(ttl)));
        }
    }

    @Override
    public Optional<byte[]> getRecord(Tenant tenant, RecordId id) {
        synchronized (values) {
            return Optional.ofNullable(liveRecords(tenant).get(id)).map(value -> value.bytes.toArray(JAVA_BYTE));
        }
    }

    @Override
    public List<StoredRecord> records(Tenant tenant, String kind) {
        RecordStore.checkKind(kind);
        synchronized (values) {
            return liveRecords(tenant).entrySet().stream()
                    .filter(entry -> entry.getKey().kind().equals(kind))
                    .map(entry -> new StoredRecord(
                            entry.getKey().name(), entry.getValue().bytes.toArray(JAVA_BYTE)))
                    .toList();
        }
    }

    @Override
    public boolean deleteRecord(Tenant tenant, RecordId id) {
        synchronized (values) {
            return liveRecords(tenant).remove(id) != null;
        }
    }

    private Map<RecordId, Value> liveRecords(Tenant tenant) {
        var own = records.getOrDefault(tenant.namespace(), new HashMap<>());
        own.values().removeIf(value -> value.expiresMillis <= clock.millis());
        return own;
    }

    @Override
    public Taken take(Tenant tenant, Allowance allowance, long amount, boolean force) {
        Bucket bucket = buckets.computeIfAbsent(tenant.namespace() + allowance, each -> {
            var built = Bucket.builder();
            for (var limit : Buckets.configuration(allowance).getBandwidths()) {
                built.addLimit(limit);
            }
            return built.build();
        });
        return Buckets.take(bucket, allowance, amount, force);
    }

    @Override
    public boolean addJob(String queue, byte[] value, int most) {
        return jobs.addJob(queue, value, most);
    }

    @Override
    public Optional<Job> claimJob(String queue, String worker, Duration silence) {
        return jobs.claimJob(queue, worker, silence);
    }

    @Override
    public boolean holdJob(String queue, String id, String worker) {
        return jobs.holdJob(queue, id, worker);
    }

    @Override
    public boolean giveJobBack(String queue, String id, String worker) {
        return jobs.giveJobBack(queue, id, worker);
    }

    @Override
    public boolean endJob(String queue, String id) {
        return jobs.endJob(queue, id);
    }

    @Override
    public boolean flush(Duration limit) {
        return true;
    }

    @Override
    public void close() {
        synchronized (values) {
            closed = true;
            remove(key -> true);
        }
    }

    private long expiry(Duration ttl) {
        return clock.millis() + (ttl.isZero() ? DEFAULT_TTL : ttl).toMillis();
    }

    private Value live(Key key) {
        Value value = values.get(key);
        if (value != null && value.expiresMillis <= clock.millis()) {
            remove(key::equals);
            return null;
        }
        return value;
    }

    private boolean store(Key key, Value value) {
        synchronized (values) {
            if (closed) {
                return false;
            }
            Value old = values.put(key, value);
            usedBytes += value.bytes.byteSize() - (old == null ? 0 : old.bytes.byteSize());
            Iterator<Map.Entry<Key, Value>> eldest = values.entrySet().iterator();
            while (usedBytes > maxBytes) {
                var evicted = eldest.next();
                usedBytes -= evicted.getValue().bytes.byteSize();
                eldest.remove();
                if (!evicted.getKey().artifact) {
                    index(evicted.getKey().namespace).evicted(new ChunkKey(evicted.getKey().digest));
                }
            }
            return true;
        }
    }

    private MemoryIndex index(String namespace) {
        return indices.computeIfAbsent(namespace, each -> new MemoryIndex(tenantQuota));
    }

    private boolean hasRoom(Key key, Value value) {
        var room = index(key.namespace)
                .reserve(new ChunkKey(key.digest), value.header.parent(), value.bytes.byteSize(), clock.millis());
        room.evicted().forEach(evicted -> {
            Value gone = values.remove(new Key(key.namespace, false, evicted.digest()));
            usedBytes -= gone == null ? 0 : gone.bytes.byteSize();
        });
        return room.fits();
    }

    private long remove(Predicate<Key> which) {
        long removed = 0;
        for (Iterator<Map.Entry<Key, Value>> i = values.entrySet().iterator(); i.hasNext(); ) {
            Map.Entry<Key, Value> entry = i.next();
            if (which.test(entry.getKey())) {
                usedBytes -= entry.getValue().bytes.byteSize();
                i.remove();
                removed++;
                if (!entry.getKey().artifact) {
                    index(entry.getKey().namespace).forget(new ChunkKey(entry.getKey().digest));
                }
            }
        }
        return removed;
    }

    private static final class Entries implements LookupResult {
        private final List<Lookup> entries;
        private boolean closed;

        Entries(List<Lookup> entries) {
            this.entries = entries;
        }

        @Override
        public int size() {
            return entries.size();
        }

        @Override
        public Lookup entry(int position) {
            Objects.checkIndex(position, entries.size());
            if (closed) {
                throw new IllegalStateException("lookup result is closed");
            }
            return entries.get(position);
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
