package longreach.tests.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.api.Digest;
import longreach.store.api.KeyChain;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.PutOutcome;
import longreach.store.api.StoreUnavailableException;
import longreach.store.api.Tenant;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.EmbeddedRedis;
import longreach.store.redis.RedisContextStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreFaultsTest {
    private static final int LAYOUT = 1;
    private static final int BYTES = 1 << 20;
    private static final Duration STALL = Duration.ofMillis(700);
    /** For a lookup that meets a fault: the stall timeout, and what a loaded machine adds. */
    private static final Duration BOUND = Duration.ofSeconds(4);
    /** For a request that knows the store is down: nothing but scheduling. */
    private static final Duration FREE = Duration.ofMillis(250);

    @TempDir
    Path directory;

    private final StoreSecret secret = StoreSecret.random();
    private EmbeddedRedis redis;
    private RedisContextStore store;
    private Tenant tenant;

    @BeforeEach
    void start() throws IOException {
        redis = EmbeddedRedis.start(directory, 256L << 20);
        store = open(redis.uri().toString(), secret);
        tenant = store.tenant("t");
    }

    @AfterEach
    void stop() {
        store.close();
        redis.close();
    }

    @Test
    void damagedSwappedAndForeignChunksAreMisses() {
        List<ChunkKey> keys = publish(4);
        try (Raw raw = new Raw()) {
            byte[] sound = raw.redis.get(name(keys.get(0)));
            for (int offset : new int[] {0, 20, 60, 100, 128, sound.length / 2, sound.length - 36, sound.length - 1}) {
                byte[] flipped = sound.clone();
                flipped[offset] ^= 0x10;
                raw.redis.set(name(keys.get(0)), flipped);
                assertThat(miss(keys.get(0))).as("byte %d", offset).isIn(MissReason.CORRUPT, MissReason.FORGED);
            }
            byte[] older = sound.clone();
            older[8] = 0;
            raw.redis.set(name(keys.get(0)), older);
            assertThat(miss(keys.get(0))).isEqualTo(MissReason.WRONG_VERSION);

            for (int length : new int[] {0, 1, 127, 128, 163, sound.length - 1}) {
                raw.redis.set(name(keys.get(0)), java.util.Arrays.copyOf(sound, length));
                assertThat(miss(keys.get(0))).as("length %d", length).isEqualTo(MissReason.CORRUPT);
            }

            raw.redis.set(name(keys.get(0)), raw.redis.get(name(keys.get(1))));
            assertThat(miss(keys.get(0))).isEqualTo(MissReason.WRONG_KEY);

            raw.redis.del(name(keys.get(0)));
            raw.redis.lpush(name(keys.get(0)), new byte[10]);
            assertThat(miss(keys.get(0))).isEqualTo(MissReason.CORRUPT);
        }
        // The others are none the worse, and position is kept.
        try (LookupResult result = store.get(tenant, LAYOUT, keys)) {
            assertThat(result.entry(0)).isInstanceOf(Lookup.Miss.class);
            for (int i = 1; i < 4; i++) {
                assertThat(result.entry(i)).isInstanceOf(Lookup.Hit.class);
            }
        }
    }

    @Test
    void scrubbingRemovesWhatIsDamagedAndNothingElse() throws Exception {
        List<ChunkKey> keys = publish(6);
        try (Raw raw = new Raw();
                RedisContextStore neighbour = open(redis.uri().toString(), StoreSecret.random())) {
            byte[] flipped = raw.redis.get(name(keys.get(1)));
            flipped[500] ^= 1;
            raw.redis.set(name(keys.get(1)), flipped);
            raw.redis.set(name(keys.get(3)), raw.redis.get(name(keys.get(4))));
            // Another deployment's, in the same server: not ours to judge.
            ChunkKey theirs = keys.getFirst();
            Tenant other = neighbour.tenant("t");
            neighbour.put(other, header(theirs), payload());
            assertThat(neighbour.flush(Duration.ofSeconds(20))).isTrue();

            assertThat(store.scrub()).isEqualTo(2);

            assertThat(raw.redis.exists(name(keys.get(1)), name(keys.get(3)))).isZero();
            try (LookupResult result = neighbour.get(other, LAYOUT, List.of(theirs))) {
                assertThat(result.entry(0)).isInstanceOf(Lookup.Hit.class);
            }
            assertThat(reasons(keys)).containsExactly(MissReason.ABSENT, MissReason.ABSENT);
            assertThat(store.scrub()).isZero();
        }
    }

    @Test
    void aChunkSealedWithAnotherKeyIsForeign() {
        ChunkKey key = publish(1).getFirst();
        try (RedisContextStore other = open(redis.uri().toString(), StoreSecret.random());
                LookupResult result = other.get(tenant, LAYOUT, List.of(key))) {
            assertThat(result.entry(0)).isEqualTo(new Lookup.Miss(MissReason.FORGED));
        }
    }

    @Test
    void aStalledServerCostsOneTimeoutAndThenNothing() throws Exception {
        List<ChunkKey> keys = publish(3);
        long pid = redis.server().orElseThrow().pid();
        signal("STOP", pid);
        try {
            within(BOUND, () -> assertThat(reasons(keys)).containsOnly(MissReason.TIMEOUT));
            for (int i = 0; i < 20; i++) {
                within(FREE, () -> assertThat(reasons(keys)).containsOnly(MissReason.DOWN));
            }
            within(FREE, () -> assertThat(put(keys.getFirst())).isEqualTo(PutOutcome.DROPPED_DOWN));
            within(
                    FREE,
                    () -> assertThat(store.getArtifact(tenant, Digest.ZERO))
                            .isEqualTo(new ArtifactLookup.Miss(MissReason.DOWN)));
            within(
                    FREE,
                    () -> assertThat(store.stats(Optional.empty()).reachable()).isFalse());
            assertThatThrownBy(() -> store.erase(tenant)).isInstanceOf(StoreUnavailableException.class);
        } finally {
            signal("CONT", pid);
        }
        awaitHits(keys);
    }

    @Test
    void killedWhileReadingAndBackWithItsData() throws Exception {
        List<ChunkKey> keys = publish(12);
        within(BOUND, () -> {
            try (LookupResult result = store.get(tenant, LAYOUT, keys)) {
                assertThat(result.entry(0)).isInstanceOf(Lookup.Hit.class);
                redis.server().orElseThrow().destroyForcibly();
                for (int i = 1; i < keys.size(); i++) {
                    // What had arrived is good; the rest is down. Nothing throws.
                    if (result.entry(i) instanceof Lookup.Miss miss) {
                        assertThat(miss.reason()).isEqualTo(MissReason.DOWN);
                    }
                }
            }
        });
        redis.close();
        within(FREE, () -> assertThat(reasons(keys)).containsOnly(MissReason.DOWN));

        redis = EmbeddedRedis.start(directory, 256L << 20);

        awaitHits(keys);
    }

    /** A million tokens are four thousand chunks: asking which are there takes its time on a busy machine, and moves no bytes. */
    @Test
    void askingWhichOfManyChunksAreThereIsNotTakenForASlowLink() throws Exception {
        List<ChunkKey> keys = new ArrayList<>(publish(2));
        KeyChain chain = new KeyChain(Digest.ZERO, LAYOUT, tenant);
        while (keys.size() < 20_000) {
            keys.add(chain.child(keys.getLast(), new int[] {keys.size()}));
        }
        long pid = redis.server().orElseThrow().pid();
        var asking = new java.util.concurrent.atomic.AtomicBoolean(true);
        var pauses = new java.util.concurrent.FutureTask<Void>(() -> {
            try {
                while (asking.get()) {
                    signal("STOP", pid);
                    Thread.sleep(STALL.dividedBy(2));
                    signal("CONT", pid);
                }
            } finally {
                signal("CONT", pid);
            }
            return null;
        });
        Thread.ofPlatform().daemon().start(pauses);
        MissReason[] missing;
        try {
            missing = store.missing(tenant, LAYOUT, keys);
        } finally {
            asking.set(false);
            pauses.get();
        }

        assertThat(missing[0]).isNull();
        assertThat(missing[1]).isNull();
        assertThat(java.util.Arrays.copyOfRange(missing, 2, missing.length)).containsOnly(MissReason.ABSENT);
    }

    @Test
    void aServerThatComesBackEmptyIsAbsent() throws Exception {
        List<ChunkKey> keys = publish(2);
        try (Raw raw = new Raw()) {
            raw.redis.flushall();
        }
        assertThat(reasons(keys)).containsOnly(MissReason.ABSENT);
    }

    @Test
    void aFullServerDropsWritesAndServesReads() throws Exception {
        List<ChunkKey> keys = publish(2);
        try (Raw raw = new Raw()) {
            raw.redis.configSet("maxmemory-policy", "noeviction");
            raw.redis.configSet("maxmemory", "1mb");
            ChunkKey more = new KeyChain(Digest.ZERO, LAYOUT, tenant).child(keys.getLast(), new int[] {9});
            assertThat(put(more)).isEqualTo(PutOutcome.ACCEPTED);
            within(BOUND, () -> assertThat(store.flush(Duration.ofSeconds(3))).isTrue());
            assertThat(miss(more)).isEqualTo(MissReason.ABSENT);
            // Known to be full: not even sent.
            assertThat(put(more)).isEqualTo(PutOutcome.DROPPED_DOWN);
            assertThat(store.putArtifact(tenant, Digest.ZERO, new byte[10], Duration.ZERO))
                    .isFalse();
        }
        awaitHits(keys);
    }

    @Test
    void slowWritesAreDroppedOnceTheirMemoryIsFull() throws Exception {
        List<ChunkKey> keys = publish(1);
        long pid = redis.server().orElseThrow().pid();
        signal("STOP", pid);
        List<PutOutcome> outcomes = new ArrayList<>();
        try {
            within(BOUND, () -> {
                for (int i = 0; i < 64; i++) {
                    outcomes.add(put(keys.getFirst()));
                }
            });
        } finally {
            signal("CONT", pid);
        }
        // 16 MB are allowed to wait.
        assertThat(outcomes.stream().filter(PutOutcome.ACCEPTED::equals).count())
                .isBetween(1L, 16L);
        assertThat(outcomes).contains(PutOutcome.DROPPED_BUSY);
    }

    @Test
    void noServerAtStartIsNoError() throws Exception {
        within(Duration.ofSeconds(8), () -> {
            try (RedisContextStore nowhere = open("redis://127.0.0.1:1", secret)) {
                try (LookupResult result = nowhere.get(tenant, LAYOUT, List.of(ChunkKey.ROOT))) {
                    assertThat(result.entry(0)).isEqualTo(new Lookup.Miss(MissReason.DOWN));
                }
            }
        });
    }

    @Test
    void liesAreMissesInBoundedTimeAndMemory() throws Exception {
        byte[] megabyte = new byte[1 << 20];
        Map<String, LyingRedis.Script> lies = Map.of(
                "says nothing", out -> Thread.sleep(60_000),
                "hangs up",
                        out -> {
                            throw new IOException("hung up");
                        },
                "is no Redis", out -> LyingRedis.say(out, "HTTP/1.1 200 OK\r\n\r\n"),
                "sends a value without end",
                        out -> {
                            LyingRedis.say(out, "$400000000\r\n");
                            for (int i = 0; i < 380; i++) {
                                out.write(megabyte);
                            }
                        },
                "drips",
                        out -> {
                            LyingRedis.say(out, "$1000000\r\n");
                            for (int i = 0; i < 600; i++) {
                                LyingRedis.say(out, "x");
                                Thread.sleep(100);
                            }
                        },
                "sends noise", out -> LyingRedis.say(out, "$200\r\n" + "n".repeat(200) + "\r\n"),
                "refuses", out -> LyingRedis.say(out, "-LOADING Redis is loading the dataset in memory\r\n"));
        for (var lie : lies.entrySet()) {
            try (LyingRedis liar = new LyingRedis(lie.getValue());
                    RedisContextStore deceived = open(liar.uri(), secret)) {
                assertThat(deceived.put(tenant, header(ChunkKey.ROOT), payload()))
                        .as(lie.getKey())
                        .isEqualTo(PutOutcome.ACCEPTED);
                within(BOUND, () -> {
                    try (LookupResult result = deceived.get(tenant, LAYOUT, List.of(ChunkKey.ROOT, ChunkKey.ROOT))) {
                        assertThat(result.entry(0)).as(lie.getKey()).isInstanceOf(Lookup.Miss.class);
                        assertThat(result.entry(1)).as(lie.getKey()).isInstanceOf(Lookup.Miss.class);
                    }
                });
            }
        }
    }

    private RedisContextStore open(String uri, StoreSecret with) {
        return new RedisContextStore(
                StoreProperties.of(Map.of(
                        "redis", uri,
                        "stall-timeout", STALL.toMillis() + "ms",
                        "connect-timeout", "5s",
                        "max-value", "32MB",
                        "max-pending", "16MB")),
                with,
                new SimpleMeterRegistry());
    }

    private List<ChunkKey> publish(int chunks) {
        KeyChain chain = new KeyChain(Digest.ZERO, LAYOUT, tenant);
        List<ChunkKey> keys = new ArrayList<>();
        ChunkKey parent = ChunkKey.ROOT;
        for (int i = 0; i < chunks; i++) {
            parent = chain.child(parent, new int[] {i});
            keys.add(parent);
            assertThat(put(parent)).isEqualTo(PutOutcome.ACCEPTED);
        }
        assertThat(store.flush(Duration.ofSeconds(20))).isTrue();
        assertThat(reasons(keys)).isEmpty();
        return keys;
    }

    private PutOutcome put(ChunkKey key) {
        return store.put(tenant, header(key), payload());
    }

    private static ChunkHeader header(ChunkKey key) {
        return new ChunkHeader(LAYOUT, key, ChunkKey.ROOT, 0, 256, Codec.F16, BYTES);
    }

    private static MemorySegment payload() {
        byte[] bytes = new byte[BYTES];
        new Random(3).nextBytes(bytes);
        return MemorySegment.ofArray(bytes);
    }

    private String name(ChunkKey key) {
        return "lr:" + tenant.namespace() + ":c:" + key.hex();
    }

    private MissReason miss(ChunkKey key) {
        return reasons(List.of(key)).getFirst();
    }

    /** Of the misses among the keys. */
    private List<MissReason> reasons(List<ChunkKey> keys) {
        List<MissReason> reasons = new ArrayList<>();
        try (LookupResult result = store.get(tenant, LAYOUT, keys)) {
            for (int i = 0; i < keys.size(); i++) {
                if (result.entry(i) instanceof Lookup.Miss miss) {
                    reasons.add(miss.reason());
                }
            }
        }
        return reasons;
    }

    private void awaitHits(List<ChunkKey> keys) throws InterruptedException {
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!reasons(keys).isEmpty()) {
            assertThat(System.nanoTime()).as("not back within 30 s").isLessThan(deadline);
            Thread.sleep(50);
        }
    }

    private static void signal(String name, long pid) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-" + name, String.valueOf(pid))
                        .start()
                        .waitFor())
                .isZero();
    }

    private interface Action {
        void run() throws Exception;
    }

    private static void within(Duration bound, Action action) throws Exception {
        long start = System.nanoTime();
        action.run();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(bound);
    }

    /** A plain client beside the store: the one who does the damage. */
    private final class Raw implements AutoCloseable {
        private final RedisClient client =
                RedisClient.create(StoreFaultsTest.this.redis.uri().toString());
        private final RedisCommands<String, byte[]> redis = client.connect(
                        RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE))
                .sync();

        Raw() {
            redis.setTimeout(Duration.ofSeconds(20));
        }

        @Override
        public void close() {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
        }
    }
}
