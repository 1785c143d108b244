package longreach.tests.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.lettuce.core.cluster.SlotHash;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.api.Digest;
import longreach.store.api.KeyChain;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.RedisContextStore;
import longreach.tests.contract.RedisServers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a cluster loses with one of its masters, and what it does not. */
class ClusterFaultsTest {
    private static final int LAYOUT = 1;
    private static final int BYTES = 100_000;
    private static final int CHUNKS = 30;
    /** For a lookup that meets the fault: the stall timeout, and what a loaded machine adds. */
    private static final Duration BOUND = Duration.ofSeconds(8);

    @TempDir
    Path directory;

    @Test
    void aKilledMasterCostsItsOwnChunksUntilItIsBack() throws Exception {
        try (RedisServers servers = new RedisServers(directory)) {
            List<Integer> ports = servers.cluster(3);
            String uri = "redis-cluster://"
                    + ports.stream().map(port -> "127.0.0.1:" + port).collect(Collectors.joining(","));
            try (RedisContextStore store = new RedisContextStore(
                    StoreProperties.of(Map.of("redis", uri, "stall-timeout", "1s", "connect-timeout", "10s")),
                    StoreSecret.random(),
                    new SimpleMeterRegistry())) {
                RedisServers.awaitReachable(store);
                Tenant tenant = store.tenant("t");
                List<ChunkKey> keys = new ArrayList<>();
                KeyChain chain = new KeyChain(Digest.ZERO, LAYOUT, tenant);
                for (int i = 0; i < CHUNKS; i++) {
                    keys.add(chain.child(i == 0 ? ChunkKey.ROOT : keys.getLast(), new int[] {i}));
                }
                publish(store, tenant, keys);
                assertThat(misses(store, tenant, keys)).isEmpty();
                // The first master has the first third of the slots.
                Set<ChunkKey> lost = keys.stream()
                        .filter(key -> SlotHash.getSlot("lr:" + tenant.namespace() + ":c:" + key.hex()) < 16_384 / 3)
                        .collect(Collectors.toSet());
                assertThat(lost).isNotEmpty().hasSizeLessThan(CHUNKS);

                servers.kill(ports.getFirst());

                long began = System.nanoTime();
                assertThat(misses(store, tenant, keys).keySet()).containsAll(lost);
                assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(BOUND);
                RedisServers.await(
                        "the others' chunks",
                        () -> misses(store, tenant, keys).keySet().equals(lost));
                assertThat(misses(store, tenant, keys).values()).isSubsetOf(MissReason.DOWN, MissReason.TIMEOUT);
                // Publishing goes on for the others, and nothing waits for what nobody takes.
                began = System.nanoTime();
                publish(store, tenant, keys);
                assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(BOUND.multipliedBy(2));

                servers.restart(ports.getFirst());

                RedisServers.await("the lost chunks, published again", () -> {
                    publish(store, tenant, keys);
                    return misses(store, tenant, keys).isEmpty();
                });
            }
        }
    }

    private static void publish(RedisContextStore store, Tenant tenant, List<ChunkKey> keys) {
        for (ChunkKey key : keys) {
            store.put(
                    tenant,
                    new ChunkHeader(LAYOUT, key, ChunkKey.ROOT, 0, 256, Codec.F16, BYTES),
                    MemorySegment.ofArray(new byte[BYTES]));
        }
        assertThat(store.flush(Duration.ofSeconds(60))).isTrue();
    }

    private static Map<ChunkKey, MissReason> misses(RedisContextStore store, Tenant tenant, List<ChunkKey> keys) {
        Map<ChunkKey, MissReason> misses = new HashMap<>();
        try (LookupResult result = store.get(tenant, LAYOUT, keys)) {
            for (int i = 0; i < keys.size(); i++) {
                if (result.entry(i) instanceof Lookup.Miss miss) {
                    misses.put(keys.get(i), miss.reason());
                }
            }
        }
        return misses;
    }
}
