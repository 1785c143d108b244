package longreach.tests.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import longreach.store.api.ContextStore;
import longreach.store.api.Tenant;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.RedisContextStore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real cluster of three masters. */
class ClusterContractTest extends ContextStoreContract {
    @TempDir
    static Path directory;

    private static RedisServers servers;
    private static List<Integer> ports;
    private static ContextStore store;

    @BeforeAll
    static void start() throws Exception {
        servers = new RedisServers(directory);
        ports = servers.cluster(3);
        store = open("redis-cluster://"
                + ports.stream().map(port -> "127.0.0.1:" + port).collect(Collectors.joining(",")));
        RedisServers.awaitReachable(store);
    }

    static ContextStore open(String uri) {
        return new RedisContextStore(
                StoreProperties.of(Map.of(
                        "redis",
                        uri,
                        "stall-timeout",
                        "10s",
                        "connect-timeout",
                        "10s",
                        "tenant-quota",
                        QUOTA_MEGABYTES + "MB")),
                StoreSecret.random(),
                new SimpleMeterRegistry());
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (store != null) {
            store.close();
        }
        if (servers != null) {
            servers.close();
        }
    }

    @Override
    ContextStore store() {
        return store;
    }

    @Test
    void aContextSpreadsOverAllMasters() {
        Tenant tenant = store.tenant("spread " + System.nanoTime());
        chain(tenant, 48).forEach(key -> put(tenant, key, 200));
        assertThat(store.flush(Duration.ofSeconds(20))).isTrue();
        for (int port : ports) {
            long here = RedisServers.withServer(port, redis ->
                    (long) redis.keys("lr:" + tenant.namespace() + ":*").size());
            // A third of 48 is expected; five would be one chance in ten thousand.
            assertThat(here).as("master on %d", port).isGreaterThan(4);
        }
        assertThat(store.erase(tenant))
                .extracting(erased -> erased.chunksErased(), erased -> erased.remaining())
                .containsExactly(48L, 0L);
    }
}
