package longreach.tests.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.api.ContextStore;
import longreach.store.api.Digest;
import longreach.store.api.JobQueue;
import longreach.store.api.JobQueue.Job;
import longreach.store.api.KeyChain;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.PutOutcome;
import longreach.store.api.QuotaStore.Allowance;
import longreach.store.api.QuotaStore.Taken;
import longreach.store.api.RecordStore.RecordId;
import longreach.store.api.RecordStore.StoredRecord;
import longreach.store.api.Tenant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every store promises, whatever holds the bytes. */
abstract class ContextStoreContract {
    private static final int LAYOUT = 3;
    private static final Duration LIMIT = Duration.ofSeconds(20);
    /** Of each tenant in all stores under test: five chunks of {@link #LARGE}, and a little for what is stored around them. */
    static final int QUOTA_MEGABYTES = 21;

    private static final int LARGE = 4 << 20;

    private Tenant tenant;

    /** The same store for all tests of a class; each test has a tenant of its own. */
    abstract ContextStore store();

    @BeforeEach
    void freshTenant() {
        tenant = store().tenant("tenant " + System.nanoTime());
    }

    @Test
    void positionsAreKeptWhateverIsMissing() {
        List<ChunkKey> keys = chain(tenant, 5);
        for (int i : new int[] {0, 2, 4}) {
            assertThat(put(tenant, keys.get(i), 1000 + i)).isEqualTo(PutOutcome.ACCEPTED);
        }
        assertThat(store().flush(LIMIT)).isTrue();

        List<ChunkKey> asked = List.of(keys.get(4), keys.get(1), keys.get(0), keys.get(3), keys.get(2), keys.get(0));
        try (LookupResult result = store().get(tenant, LAYOUT, asked)) {
            assertThat(result.size()).isEqualTo(6);
            assertHit(result.entry(0), keys.get(4), 1004);
            assertMiss(result.entry(1), MissReason.ABSENT);
            assertHit(result.entry(2), keys.get(0), 1000);
            assertMiss(result.entry(3), MissReason.ABSENT);
            assertHit(result.entry(4), keys.get(2), 1002);
            assertHit(result.entry(5), keys.get(0), 1000);
        }
    }

    @Test
    void entriesAreHadInAnyOrderAndAgain() {
        List<ChunkKey> keys = chain(tenant, 3);
        keys.forEach(key -> put(tenant, key, 500));
        store().flush(LIMIT);
        LookupResult result = store().get(tenant, LAYOUT, keys);
        assertHit(result.entry(2), keys.get(2), 500);
        assertThat(result.entry(2)).isSameAs(result.entry(2));
        assertHit(result.entry(0), keys.get(0), 500);
        assertThatThrownBy(() -> result.entry(3)).isInstanceOf(IndexOutOfBoundsException.class);
        result.close();
        result.close();
        assertThatThrownBy(() -> result.entry(0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void recordsAreListedReplacedAndDeleted() {
        var other = store().tenant("another " + System.nanoTime());
        store().putRecord(tenant, new RecordId("note", "b"), new byte[] {2}, Duration.ZERO);
        store().putRecord(tenant, new RecordId("note", "a"), new byte[] {1}, Duration.ofHours(1));
        store().putRecord(tenant, new RecordId("note", "a"), new byte[] {3}, Duration.ofHours(1));
        store().putRecord(tenant, new RecordId("other-kind", "a"), new byte[0], Duration.ZERO);
        store().putRecord(other, new RecordId("note", "c"), new byte[] {4}, Duration.ZERO);

        assertThat(store().records(tenant, "note"))
                .extracting(StoredRecord::name)
                .containsExactly("a", "b");
        assertThat(store().getRecord(tenant, new RecordId("note", "a"))).contains(new byte[] {3});
        assertThat(store().getRecord(tenant, new RecordId("note", "c"))).isEmpty();
        assertThat(store().deleteRecord(tenant, new RecordId("note", "a"))).isTrue();
        assertThat(store().deleteRecord(tenant, new RecordId("note", "a"))).isFalse();
        assertThat(store().records(tenant, "note"))
                .extracting(StoredRecord::name)
                .containsExactly("b");

        assertThat(store().erase(tenant).artifactsErased()).isEqualTo(2);
        assertThat(store().records(tenant, "note")).isEmpty();
        assertThat(store().records(other, "note")).hasSize(1);
    }

    @Test
    void recordsGoWhenTheirTimeIsOver() throws InterruptedException {
        store().putRecord(tenant, new RecordId("note", "short"), new byte[] {1}, Duration.ofMillis(1));
        long end = System.nanoTime() + LIMIT.toNanos();
        while (store().getRecord(tenant, new RecordId("note", "short")).isPresent() && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        assertThat(store().records(tenant, "note")).isEmpty();
    }

    @Test
    void namesOfRecordsAreNoPatterns() {
        assertThatThrownBy(() -> new RecordId("no*", "a")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RecordId("note", "a:b")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store().records(tenant, "*")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void chunksAreKeptAndErasedByKey() {
        List<ChunkKey> keys = chain(tenant, 3);
        keys.subList(0, 2).forEach(key -> put(tenant, key, 100));
        store().flush(LIMIT);
        assertThat(store().keep(tenant, keys, Duration.ofDays(30))).isEqualTo(2);
        assertThat(store().keep(store().tenant("a stranger"), keys, Duration.ofDays(30)))
                .isZero();

        var erased = store().eraseChunks(tenant, keys.subList(1, 3));
        assertThat(erased.chunksErased()).isEqualTo(1);
        assertThat(erased.remaining()).isZero();
        assertThat(store().keep(tenant, keys, Duration.ofDays(1))).isEqualTo(1);
    }

    @Test
    void allowancesEndFillUpAndGoIntoDebt() {
        var hourly = new Allowance("tokens", 100, Duration.ofHours(1));
        assertThat(store().take(tenant, hourly, 60, false)).isEqualTo(new Taken(true, Duration.ZERO, 40));
        var refused = store().take(tenant, hourly, 60, false);
        assertThat(refused.granted()).isFalse();
        assertThat(refused.retryAfter()).isBetween(Duration.ofMinutes(10), Duration.ofMinutes(12));
        assertThat(store().take(store().tenant("another " + System.nanoTime()), hourly, 60, false)
                        .granted())
                .isTrue();
        // What was used up already counts all the same.
        assertThat(store().take(tenant, hourly, 90, true).remaining()).isBetween(-50L, -49L);

        // More than a bucket holds needs a full one, and leaves the rest as a debt.
        var small = new Allowance("bytes", 10, Duration.ofHours(1));
        assertThat(store().take(tenant, small, 25, false)).isEqualTo(new Taken(true, Duration.ZERO, -15));
        assertThat(store().take(tenant, small, 1, false).granted()).isFalse();
    }

    @Test
    void theOldestChunkThatNoOtherContinuesMakesRoom() throws InterruptedException {
        List<ChunkKey> old = putChain(tenant, 1, 3);
        List<ChunkKey> young = putChain(tenant, 2, 2);
        awaitMissing(old, young);
        List<ChunkKey> next = putChain(tenant, 3, 1);
        awaitMissing(old, young, old.get(2));
        awaitMissing(next, List.of());
        List<ChunkKey> last = putChain(tenant, 4, 1);
        // Only now does no chunk follow it any more.
        awaitMissing(old, young, old.get(1), old.get(2));
        awaitMissing(next, last);
        try (LookupResult result = store().get(tenant, LAYOUT, old)) {
            assertHit(result.entry(0), old.get(0), LARGE);
            assertMiss(result.entry(1), MissReason.EVICTED);
        }
        // What comes back is no longer gone.
        putChild(tenant, old.get(1), old.get(0), 100);
        store().flush(LIMIT);
        try (LookupResult result = store().get(tenant, LAYOUT, old.subList(1, 2))) {
            assertHit(result.entry(0), old.get(1), 100);
        }
    }

    @Test
    void whatWasReadIsYoungAgain() throws InterruptedException {
        List<ChunkKey> old = putChain(tenant, 1, 3);
        List<ChunkKey> young = putChain(tenant, 2, 2);
        store().flush(LIMIT);
        try (LookupResult result = store().get(tenant, LAYOUT, old)) {
            for (int i = 0; i < 3; i++) {
                assertHit(result.entry(i), old.get(i), LARGE);
            }
        }
        putChain(tenant, 3, 1);
        awaitMissing(old, young, young.get(1));
    }

    @Test
    void whatIsKeptStaysAndWhatFindsNoRoomIsNotStored() throws InterruptedException {
        List<ChunkKey> kept = putChain(tenant, 1, 3);
        List<ChunkKey> loose = putChain(tenant, 2, 2);
        store().flush(LIMIT);
        assertThat(store().keep(tenant, kept, Duration.ofDays(30))).isEqualTo(3);
        List<ChunkKey> long1 = putChain(tenant, 3, 3);
        // Two of the three have room; the third must not displace those that it continues.
        awaitMissing(kept, loose, loose.get(0), loose.get(1));
        awaitMissing(long1, List.of(), long1.get(2));

        List<ChunkKey> neighbours = putChain(store().tenant("rich " + System.nanoTime()), 1, 3);
        assertThat(neighbours).hasSize(3);
        awaitMissing(kept, List.of());
    }

    @Test
    void aTimeToKeepThatIsOverKeepsNothing() throws InterruptedException {
        List<ChunkKey> kept = putChain(tenant, 1, 5);
        store().flush(LIMIT);
        store().keep(tenant, kept, Duration.ofMillis(20));
        Thread.sleep(40);
        putChain(tenant, 2, 1);
        awaitMissing(kept, List.of(), kept.get(4));
    }

    @Test
    void whatIsErasedLeavesRoom() throws InterruptedException {
        List<ChunkKey> first = putChain(tenant, 1, 5);
        store().flush(LIMIT);
        assertThat(store().eraseChunks(tenant, first.subList(2, 5)).chunksErased())
                .isEqualTo(3);
        List<ChunkKey> second = putChain(tenant, 2, 3);
        awaitMissing(first.subList(0, 2), second);

        var erased = store().erase(tenant);
        assertThat(erased.chunksErased()).isEqualTo(5);
        assertThat(erased.artifactsErased()).isZero();
        assertThat(erased.remaining()).isZero();
        awaitMissing(putChain(tenant, 3, 5), List.of());
    }

    private List<ChunkKey> putChain(Tenant of, int seed, int length) {
        KeyChain chain = new KeyChain(Digest.ZERO, LAYOUT, of);
        List<ChunkKey> keys = new ArrayList<>();
        ChunkKey parent = ChunkKey.ROOT;
        for (int i = 0; i < length; i++) {
            ChunkKey key = chain.child(parent, new int[] {seed, i});
            putChild(of, key, parent, LARGE);
            keys.add(key);
            parent = key;
        }
        return keys;
    }

    private void putChild(Tenant of, ChunkKey key, ChunkKey parent, int bytes) {
        store().put(of, new ChunkHeader(LAYOUT, key, parent, 0, 256, Codec.F16, bytes), payload(key, bytes));
    }

    /**
     * Of these, exactly the expected ones: chunks that made room go a moment after that. Looking is a use, so it is done one
     * by one, in the order in which they came.
     */
    private void awaitMissing(List<ChunkKey> some, List<ChunkKey> others, ChunkKey... expected)
            throws InterruptedException {
        assertThat(store().flush(LIMIT)).isTrue();
        List<ChunkKey> all = new ArrayList<>(some);
        all.addAll(others);
        long end = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            List<ChunkKey> gone = new ArrayList<>();
            for (ChunkKey key : all) {
                if (store().missing(tenant, LAYOUT, List.of(key))[0] != null) {
                    gone.add(key);
                }
            }
            if (gone.equals(List.of(expected)) || System.nanoTime() > end) {
                assertThat(gone).containsExactly(expected);
                return;
            }
            Thread.sleep(10);
        }
    }

    @Test
    void jobsComeInTheirOrderToOneWorkerEach() {
        String queue = freshQueue();
        assertThat(store().claimJob(queue, "worker-1", LIMIT)).isEmpty();
        assertThat(store().addJob(queue, new byte[] {1}, 2)).isTrue();
        assertThat(store().addJob(queue, new byte[] {2}, 2)).isTrue();
        assertThat(store().addJob(queue, new byte[] {3}, 2)).as("full").isFalse();

        Job first = store().claimJob(queue, "worker-1", LIMIT).orElseThrow();
        Job second = store().claimJob(queue, "worker-2", LIMIT).orElseThrow();
        assertThat(first.value()).containsExactly(1);
        assertThat(second.value()).containsExactly(2);
        assertThat(store().claimJob(queue, "worker-3", LIMIT)).isEmpty();
        assertThat(store().addJob(queue, new byte[] {3}, 2))
                .as("full of held ones")
                .isFalse();

        assertThat(store().holdJob(queue, first.id(), "worker-1")).isTrue();
        assertThat(store().holdJob(queue, first.id(), "worker-2")).isFalse();
        assertThat(store().endJob(queue, first.id())).isTrue();
        assertThat(store().endJob(queue, first.id())).isFalse();
        assertThat(store().holdJob(queue, first.id(), "worker-1")).isFalse();
        assertThat(store().addJob(queue, new byte[] {3}, 2)).isTrue();
        assertThat(store().claimJob(freshQueue(), "worker-3", LIMIT))
                .as("another queue")
                .isEmpty();
    }

    @Test
    void aJobOfASilentWorkerIsTakenOver() throws InterruptedException {
        String queue = freshQueue();
        store().addJob(queue, new byte[] {7}, 10);
        store().addJob(queue, new byte[] {8}, 10);
        Job abandoned = store().claimJob(queue, "dead", LIMIT).orElseThrow();
        Thread.sleep(30);
        Job taken = store().claimJob(queue, "alive", Duration.ofMillis(20)).orElseThrow();
        assertThat(taken.id()).isEqualTo(abandoned.id());
        assertThat(taken.value()).containsExactly(7);
        assertThat(store().holdJob(queue, taken.id(), "dead")).isFalse();
        assertThat(store().holdJob(queue, taken.id(), "alive")).isTrue();
        assertThat(store().claimJob(queue, "third", LIMIT).orElseThrow().value())
                .containsExactly(8);

        assertThat(store().giveJobBack(queue, taken.id(), "dead")).isFalse();
        assertThat(store().giveJobBack(queue, taken.id(), "alive")).isTrue();
        assertThat(store().claimJob(queue, "third", LIMIT).orElseThrow().id()).isEqualTo(taken.id());
    }

    @Test
    void aSilentWorkerIsFoundBehindManyThatAreNot() throws InterruptedException {
        String queue = freshQueue();
        for (int i = 0; i < 40; i++) {
            store().addJob(queue, new byte[] {(byte) i}, 100);
        }
        List<Job> held = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            held.add(store().claimJob(queue, "w-" + i, LIMIT).orElseThrow());
        }
        assertThat(store().giveJobBack(queue, held.get(37).id(), "w-37")).isTrue();
        assertThat(store().claimJob(queue, "next", LIMIT).orElseThrow().value()).containsExactly(37);
        assertThat(store().claimJob(queue, "next", LIMIT)).isEmpty();
    }

    @Test
    void jobsHaveBoundsAndNames() {
        assertThatThrownBy(() -> store().addJob("q*", new byte[1], 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store().addJob("queue", new byte[JobQueue.MAX_JOB_BYTES + 1], 1))
                .hasMessageContaining("4097 bytes (expected: at most 4096)");
        assertThatThrownBy(() -> store().claimJob("queue", "W", LIMIT)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store().claimJob("queue", "w", Duration.ofDays(1)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static String freshQueue() {
        return "queue-"
                + Long.toString(System.nanoTime(), 26)
                        .chars()
                        .mapToObj(digit -> String.valueOf((char) (digit < 'a' ? digit - '0' + 'q' : digit)))
                        .collect(Collectors.joining());
    }

    @Test
    void whatIsThereIsToldWithoutFetchingIt() {
        List<ChunkKey> keys = chain(tenant, 4);
        put(tenant, keys.get(1), 5000);
        put(tenant, keys.get(3), 0);
        store().flush(LIMIT);
        List<ChunkKey> asked = List.of(keys.get(0), keys.get(1), keys.get(2), keys.get(3));
        assertThat(store().missing(tenant, LAYOUT, asked))
                .containsExactly(MissReason.ABSENT, null, MissReason.ABSENT, null);
        assertThat(store().missing(store().tenant("somebody else"), LAYOUT, List.of(keys.get(1))))
                .containsExactly(MissReason.ABSENT);
        assertThat(store().missing(tenant, LAYOUT, List.of())).isEmpty();
    }

    @Test
    void nothingAskedIsNothingAnswered() {
        try (LookupResult result = store().get(tenant, LAYOUT, List.of())) {
            assertThat(result.size()).isZero();
        }
    }

    @Test
    void moreKeysThanAreUnderWayAtOnce() {
        List<ChunkKey> keys = chain(tenant, 150);
        keys.forEach(key -> put(tenant, key, 64));
        store().flush(LIMIT);
        try (LookupResult result = store().get(tenant, LAYOUT, keys)) {
            assertHit(result.entry(149), keys.get(149), 64);
            for (int i = 0; i < 150; i++) {
                assertHit(result.entry(i), keys.get(i), 64);
            }
        }
    }

    @Test
    void aChunkOfARealModelFits() {
        ChunkKey key = chain(tenant, 1).getFirst();
        int bytes = 256 * 30 * 2 * 192 * 4;
        put(tenant, key, bytes);
        assertThat(store().flush(LIMIT)).isTrue();
        try (LookupResult result = store().get(tenant, LAYOUT, List.of(key))) {
            assertHit(result.entry(0), key, bytes);
        }
    }

    @Test
    void headerComesBackAsItWasGiven() {
        List<ChunkKey> keys = chain(tenant, 2);
        ChunkHeader header = new ChunkHeader(LAYOUT, keys.get(1), keys.get(0), 1L << 33, 17, Codec.F32, 0);
        store().put(tenant, header, payload(keys.get(1), 0));
        store().flush(LIMIT);
        try (LookupResult result = store().get(tenant, LAYOUT, List.of(keys.get(1)))) {
            assertThat(((Lookup.Hit) result.entry(0)).chunk().header()).isEqualTo(header);
        }
    }

    @Test
    void otherTenantsAndLayoutsSeeNothing() {
        ChunkKey key = chain(tenant, 1).getFirst();
        put(tenant, key, 100);
        store().flush(LIMIT);
        Tenant other = store().tenant("somebody else");
        assertThat(chain(other, 1).getFirst()).isNotEqualTo(key);
        try (LookupResult result = store().get(other, LAYOUT, List.of(key))) {
            assertMiss(result.entry(0), MissReason.ABSENT);
        }
        try (LookupResult result = store().get(tenant, LAYOUT + 1, List.of(key))) {
            assertMiss(result.entry(0), MissReason.WRONG_VERSION);
        }
    }

    @Test
    void tooLargeIsRefusedAtOnce() {
        ChunkKey key = chain(tenant, 1).getFirst();
        ChunkHeader header = new ChunkHeader(LAYOUT, key, ChunkKey.ROOT, 0, 256, Codec.F16, 1L << 40);
        assertThat(store().put(tenant, header, out -> {
                    throw new AssertionError("no memory for it");
                }))
                .isEqualTo(PutOutcome.DROPPED_TOO_LARGE);
    }

    @Test
    void aWriterThatFailsLeavesNothing() {
        ChunkKey key = chain(tenant, 1).getFirst();
        ChunkHeader header = new ChunkHeader(LAYOUT, key, ChunkKey.ROOT, 0, 256, Codec.F16, 100);
        assertThatThrownBy(() -> store().put(tenant, header, out -> {
                    throw new IllegalStateException("page gone");
                }))
                .hasMessage("page gone");
        assertThat(store().flush(LIMIT)).isTrue();
        try (LookupResult result = store().get(tenant, LAYOUT, List.of(key))) {
            assertMiss(result.entry(0), MissReason.ABSENT);
        }
    }

    @Test
    void artifactsComeBackUntilTheyExpire() throws InterruptedException {
        Digest digest = new Digest(1, 2, 3, 4);
        byte[] value = "what an encoder made".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        assertThat(store().getArtifact(tenant, digest)).isEqualTo(new ArtifactLookup.Miss(MissReason.ABSENT));
        assertThat(store().putArtifact(tenant, digest, value, Duration.ZERO)).isTrue();
        assertThat(((ArtifactLookup.Hit) store().getArtifact(tenant, digest)).value())
                .isEqualTo(value);
        assertThat(store().getArtifact(store().tenant("somebody else"), digest))
                .isEqualTo(new ArtifactLookup.Miss(MissReason.ABSENT));

        Digest brief = new Digest(5, 6, 7, 8);
        assertThat(store().putArtifact(tenant, brief, value, Duration.ofMillis(1)))
                .isTrue();
        Thread.sleep(20);
        assertThat(store().getArtifact(tenant, brief)).isEqualTo(new ArtifactLookup.Miss(MissReason.ABSENT));
    }

    @Test
    void erasureIsCountedVerifiedAndOfOneTenant() {
        Tenant other = store().tenant("neighbour " + System.nanoTime());
        List<ChunkKey> keys = chain(tenant, 7);
        keys.forEach(key -> put(tenant, key, 100));
        store().putArtifact(tenant, new Digest(1, 1, 1, 1), new byte[10], Duration.ZERO);
        ChunkKey kept = chain(other, 1).getFirst();
        put(other, kept, 100);
        store().flush(LIMIT);
        var before = store().stats(Optional.of(tenant));
        assertThat(before.reachable()).isTrue();
        assertThat(before.chunks()).isEqualTo(7);
        assertThat(before.artifacts()).isEqualTo(1);
        assertThat(store().stats(Optional.empty()).chunks()).isGreaterThanOrEqualTo(8);

        var erased = store().erase(tenant);

        assertThat(erased.chunksErased()).isEqualTo(7);
        assertThat(erased.artifactsErased()).isEqualTo(1);
        assertThat(erased.remaining()).isZero();
        try (LookupResult result = store().get(tenant, LAYOUT, keys)) {
            for (int i = 0; i < keys.size(); i++) {
                assertMiss(result.entry(i), MissReason.ABSENT);
            }
        }
        try (LookupResult result = store().get(other, LAYOUT, List.of(kept))) {
            assertHit(result.entry(0), kept, 100);
        }
    }

    @Test
    void manyThreadsGetWhatTheyPut() throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<Void>> tasks = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                Tenant own = store().tenant("thread " + t + " " + System.nanoTime());
                tasks.add(() -> {
                    List<ChunkKey> keys = chain(own, 20);
                    for (ChunkKey key : keys) {
                        put(own, key, 10_000);
                    }
                    store().flush(LIMIT);
                    try (LookupResult result = store().get(own, LAYOUT, keys)) {
                        for (int i = 0; i < keys.size(); i++) {
                            assertHit(result.entry(i), keys.get(i), 10_000);
                        }
                    }
                    return null;
                });
            }
            for (Future<Void> done : threads.invokeAll(tasks)) {
                done.get();
            }
        }
    }

    PutOutcome put(Tenant of, ChunkKey key, int bytes) {
        return store().put(
                        of, new ChunkHeader(LAYOUT, key, ChunkKey.ROOT, 0, 256, Codec.F16, bytes), payload(key, bytes));
    }

    static List<ChunkKey> chain(Tenant of, int length) {
        KeyChain chain = new KeyChain(Digest.ZERO, LAYOUT, of);
        List<ChunkKey> keys = new ArrayList<>();
        ChunkKey parent = ChunkKey.ROOT;
        for (int i = 0; i < length; i++) {
            parent = chain.child(parent, new int[] {i});
            keys.add(parent);
        }
        return keys;
    }

    /** Differs from key to key, so that an answer at the wrong position shows. */
    private static MemorySegment payload(ChunkKey key, int bytes) {
        byte[] payload = new byte[bytes];
        new Random(key.digest().w0()).nextBytes(payload);
        return MemorySegment.ofArray(payload);
    }

    private static void assertHit(Lookup entry, ChunkKey key, int bytes) {
        assertThat(entry).isInstanceOf(Lookup.Hit.class);
        var chunk = ((Lookup.Hit) entry).chunk();
        assertThat(chunk.header().key()).isEqualTo(key);
        assertThat(chunk.payload().byteSize()).isEqualTo(bytes);
        assertThat(chunk.payload().mismatch(payload(key, bytes))).isEqualTo(-1);
        assertThatThrownBy(() -> chunk.payload().set(ValueLayout.JAVA_BYTE, 0, (byte) 0))
                .isInstanceOf(RuntimeException.class);
    }

    private static void assertMiss(Lookup entry, MissReason reason) {
        assertThat(entry).isEqualTo(new Lookup.Miss(reason));
    }
}
