package longreach.store.redis;

import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.SetArgs;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.micrometer.core.instrument.MeterRegistry;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.ContextStore;
import longreach.store.api.Digest;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.PutOutcome;
import longreach.store.api.StoreUnavailableException;
import longreach.store.api.Tenant;
import longreach.store.codec.ArtifactFormat;
import longreach.store.codec.ChunkFormat;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;

/** The store in Redis: one value for each chunk and artifact, sealed with the deployment's secret. */
public final class RedisContextStore implements ContextStore {
    private static final long MAX_IDLE_BUFFER_BYTES = 256L << 20;
    private static final int ERASE_ROUNDS = 3;

    private final StoreProperties properties;
    private final StoreSecret secret;
    private final ChunkFormat chunks;
    private final ArtifactFormat artifacts;
    private final StoreMetrics metrics;
    private final BufferPool pool = new BufferPool(MAX_IDLE_BUFFER_BYTES);
    private final RedisLink link;
    private final PutQueue puts;
    private final RedisAdmin admin;
    private final RedisRecords records;
    private final RedisIndex index;
    private final RedisQuotas quotas;
    private final RedisJobs jobs;
    private final Scrubber scrubber;
    private final Touch touch;
    private final AtomicInteger nextReader = new AtomicInteger();

    /** Waits for a first connection no longer than the connect timeout; a store that is down is no error. */
    public RedisContextStore(StoreProperties properties, StoreSecret secret, MeterRegistry registry) {
        this.properties = properties;
        this.secret = secret;
        this.chunks = new ChunkFormat(secret);
        this.artifacts = new ArtifactFormat(secret);
        this.metrics = new StoreMetrics(registry);
        this.touch = new Touch(properties.ttl());
        this.link = new RedisLink(properties, pool);
        this.admin = new RedisAdmin(link);
        this.records = new RedisRecords(admin, pool, artifacts, properties);
        this.quotas = new RedisQuotas(properties);
        this.jobs = new RedisJobs(admin, pool, artifacts, secret);
        this.index =
                new RedisIndex(admin, pool, metrics, properties.tenantQuota().toBytes(), properties.ttl());
        this.puts = new PutQueue(
                link,
                pool,
                chunks,
                metrics,
                index,
                properties.ttl(),
                properties.stallTimeout(),
                properties.maxPending().toBytes());
        this.scrubber = new Scrubber(admin, pool, chunks, metrics, properties.scrubEvery());
        SealWarmup.start(secret);
    }

    @Override
    public Tenant tenant(String name) {
        return secret.tenant(name);
    }

    @Override
    public LookupResult get(Tenant tenant, int layoutVersion, List<ChunkKey> keys) {
        RedisLink.Session session = link.session();
        if (session == null) {
            keys.forEach(key -> metrics.miss("chunk", MissReason.DOWN));
            return new DownLookup(keys.size());
        }
        List<ChunkKey> asked = List.copyOf(keys);
        Patience patience = patience(session);
        var counted = new CountedLookup(index, session, tenant, asked, patience);
        return counted.over(new RedisLookup(
                asked.size(),
                i -> read(session, RedisKeys.chunk(tenant, asked.get(i))),
                (i, reply) -> verified(tenant, layoutVersion, asked.get(i), counted.explained(i, reply)),
                patience,
                pool));
    }

    /** Reads the first byte of each value, which is a use of it: it stays for another time to live. */
    @Override
    public MissReason[] missing(Tenant tenant, int layoutVersion, List<ChunkKey> keys) {
        MissReason[] missing = new MissReason[keys.size()];
        RedisLink.Session session = link.session();
        if (session == null) {
            Arrays.fill(missing, MissReason.DOWN);
            return missing;
        }
        List<RedisFuture<Buffer>> asked = new ArrayList<>(keys.size());
        for (ChunkKey key : keys) {
            byte[] name = RedisKeys.chunk(tenant, key);
            var reader = reader(session);
            touch.used(reader, name);
            asked.add(reader.getrange(name, 0, 0));
        }
        Patience patience = patience(session, 0);
        List<ChunkKey> present = new ArrayList<>();
        for (int i = 0; i < missing.length; i++) {
            missing[i] = switch (patience.await(asked.get(i))) {
                case Reply.None none -> none.reason();
                case Reply.Value value -> {
                    link.succeeded();
                    boolean absent = value.buffer().bytes().byteSize() == 0;
                    pool.giveBack(value.buffer());
                    yield absent ? MissReason.ABSENT : null;
                }
            };
            if (missing[i] == null) {
                present.add(keys.get(i));
            }
        }
        index.used(session, tenant, present);
        return missing;
    }

    private RedisFuture<Buffer> read(RedisLink.Session session, byte[] key) {
        return touch.read(reader(session), key);
    }

    private RedisClusterAsyncCommands<byte[], Buffer> reader(RedisLink.Session session) {
        int reader =
                Math.floorMod(nextReader.getAndIncrement(), session.readers().size());
        return session.readers().get(reader).async();
    }

    private Patience patience(RedisLink.Session session) {
        return patience(session, Patience.LEAST_BYTES_PER_SECOND);
    }

    private Patience patience(RedisLink.Session session, long leastBytesPerSecond) {
        return new Patience(
                link,
                session,
                properties.stallTimeout(),
                properties.lookupTimeout(),
                leastBytesPerSecond,
                metrics.waiting());
    }

    private Lookup verified(Tenant tenant, int layoutVersion, ChunkKey key, Reply reply) {
        Lookup entry = switch (reply) {
            case Reply.None none -> new Lookup.Miss(none.reason());
            case Reply.Value value -> {
                link.succeeded();
                yield chunks.open(tenant, layoutVersion, key, value.buffer().bytes());
            }
        };
        switch (entry) {
            case Lookup.Hit hit -> metrics.hit("chunk", hit.chunk().payload().byteSize());
            case Lookup.Miss miss -> metrics.miss("chunk", miss.reason());
        }
        return entry;
    }

    @Override
    public PutOutcome put(Tenant tenant, ChunkHeader header, Consumer<MemorySegment> writePayload) {
        long bytes = header.payloadBytes() + ChunkFormat.OVERHEAD_BYTES;
        PutOutcome outcome =
                bytes > properties.maxValue().toBytes() ? PutOutcome.DROPPED_TOO_LARGE : puts.reserve(bytes);
        if (outcome != null) {
            metrics.put(StoreMetrics.lower(outcome));
            return outcome;
        }
        Buffer buffer = pool.take(bytes);
        boolean written = false;
        try {
            writePayload.accept(ChunkFormat.payload(buffer.bytes()));
            written = true;
        } finally {
            if (!written) {
                puts.release(buffer);
            }
        }
        puts.add(tenant, header, buffer);
        return PutOutcome.ACCEPTED;
    }

    @Override
    public boolean flush(Duration limit) {
        return puts.flush(limit);
    }

    @Override
    public ArtifactLookup getArtifact(Tenant tenant, Digest digest) {
        RedisLink.Session session = link.session();
        Reply reply = session == null
                ? new Reply.None(MissReason.DOWN)
                : patience(session).await(read(session, RedisKeys.artifact(tenant, digest)));
        ArtifactLookup found = switch (reply) {
            case Reply.None none -> new ArtifactLookup.Miss(none.reason());
            case Reply.Value value -> {
                link.succeeded();
                try {
                    yield artifacts.open(tenant, digest, value.buffer().bytes());
                } finally {
                    pool.giveBack(value.buffer());
                }
            }
        };
        switch (found) {
            case ArtifactLookup.Hit hit -> metrics.hit("artifact", hit.value().length);
            case ArtifactLookup.Miss miss -> metrics.miss("artifact", miss.reason());
        }
        return found;
    }

    @Override
    public boolean putArtifact(Tenant tenant, Digest digest, byte[] value, Duration ttl) {
        RedisLink.Session session = link.session();
        if (session == null || value.length > properties.maxValue().toBytes()) {
            metrics.put(session == null ? "dropped_down" : "dropped_too_large");
            return false;
        }
        MemorySegment sealed = MemorySegment.ofArray(artifacts.seal(tenant, digest, value));
        byte[] key = RedisKeys.artifact(tenant, digest);
        SetArgs args = SetArgs.Builder.px(ttl.isZero() ? properties.ttl() : ttl);
        long start = System.nanoTime();
        long limit = properties.stallTimeout().toNanos()
                + sealed.byteSize() * TimeUnit.SECONDS.toNanos(1) / Patience.LEAST_BYTES_PER_SECOND;
        try {
            // Not behind the chunks that wait on the writing connection.
            session.readers()
                    .getFirst()
                    .async()
                    .set(key, new Buffer(sealed, sealed), args)
                    .get(limit, TimeUnit.NANOSECONDS);
            metrics.written(sealed.byteSize(), System.nanoTime() - start);
            return true;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RedisCommandExecutionException) {
                metrics.put("refused");
            } else {
                metrics.put("down");
                link.connectionFailed(session, e.getCause().toString());
            }
        } catch (CancellationException e) {
            metrics.put("down");
            link.failed(session, "connection lost");
        } catch (TimeoutException e) {
            metrics.put("timeout");
            link.failed(session, sealed.byteSize() + " bytes not taken in time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }

    @Override
    public StoreStats stats(Optional<Tenant> tenant) {
        RedisLink.Session session = link.session();
        if (session == null) {
            return StoreStats.UNREACHABLE;
        }
        try {
            List<Map<String, String>> servers = admin.info(session);
            long[] counts = new long[3];
            admin.scan(session, tenant.map(RedisKeys::allOf).orElse(RedisKeys.ALL), keys -> {
                for (byte[] key : keys) {
                    counts[part(key)]++;
                }
            });
            return new StoreStats(
                    true,
                    counts[0],
                    counts[1],
                    RedisAdmin.sum(servers, "used_memory"),
                    RedisAdmin.sum(servers, "maxmemory"),
                    servers.getFirst().getOrDefault("redis_version", ""));
        } catch (StoreUnavailableException e) {
            return StoreStats.UNREACHABLE;
        }
    }

    /**
     * Verifies every stored chunk now, and removes what is damaged.
     *
     * @return how many were removed
     * @throws StoreUnavailableException if the store cannot be reached, also half-way
     */
    public long scrub() throws InterruptedException {
        return scrubber.round(Long.MAX_VALUE / TimeUnit.SECONDS.toNanos(1));
    }

    @Override
    public EraseResult erase(Tenant tenant) {
        RedisLink.Session session = admin.session();
        // What is on its way now would arrive after the scan.
        puts.flush(RedisAdmin.TIMEOUT);
        String pattern = RedisKeys.allOf(tenant);
        long[] erased = new long[3];
        long[] left = {1};
        for (int round = 0; round < ERASE_ROUNDS && left[0] > 0; round++) {
            // Collected first: removing keys while they are scanned is allowed, but then a count of one scan proves
            // less.
            List<byte[]> found = new ArrayList<>();
            admin.scan(session, pattern, found::addAll);
            for (byte[] key : found) {
                erased[part(key)] += admin.answer(session.writer().async().unlink(key));
            }
            left[0] = 0;
            admin.scan(session, pattern, keys -> left[0] += keys.size());
        }
        return new EraseResult(erased[0], erased[1], left[0]);
    }

    /** Chunks, what else is a tenant's own, and what is only noted of both. */
    private static int part(byte[] key) {
        return RedisKeys.isChunk(key) ? 0 : RedisKeys.isIndex(key) ? 2 : 1;
    }

    @Override
    public EraseResult eraseChunks(Tenant tenant, List<ChunkKey> keys) {
        RedisLink.Session session = admin.session();
        puts.flush(RedisAdmin.TIMEOUT);
        var names = keys.stream().map(key -> RedisKeys.chunk(tenant, key)).toList();
        long erased =
                admin.sum(names, key -> session.writer().async().unlink(key).toCompletableFuture());
        index.forget(session, tenant, keys);
        long left = admin.sum(names, key -> session.writer().async().exists(key).toCompletableFuture());
        return new EraseResult(erased, 0, left);
    }

    @Override
    public int keep(Tenant tenant, List<ChunkKey> keys, Duration atLeast) {
        RedisLink.Session session = admin.session();
        var names = keys.stream().map(key -> RedisKeys.chunk(tenant, key)).toList();
        // First, so that nothing that is counted as kept makes room meanwhile.
        index.keep(session, tenant, keys, atLeast);
        return (int) admin.sum(names, key -> touch.keep(session.writer().async(), key, atLeast));
    }

    @Override
    public void putRecord(Tenant tenant, RecordId id, byte[] value, Duration ttl) {
        records.put(tenant, id, value, ttl);
    }

    @Override
    public Optional<byte[]> getRecord(Tenant tenant, RecordId id) {
        return records.get(tenant, id);
    }

    @Override
    public List<StoredRecord> records(Tenant tenant, String kind) {
        return records.all(tenant, kind);
    }

    @Override
    public boolean deleteRecord(Tenant tenant, RecordId id) {
        return records.delete(tenant, id);
    }

    @Override
    public Taken take(Tenant tenant, Allowance allowance, long amount, boolean force) {
        return quotas.take(tenant, allowance, amount, force);
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
    public void close() {
        scrubber.close();
        puts.close();
        quotas.close();
        link.close();
    }
}
