package longreach.tests.contract;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.Map;
import longreach.store.api.ContextStore;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.EmbeddedRedis;
import longreach.store.redis.RedisContextStore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedRedisContractTest extends ContextStoreContract {
    @TempDir
    static Path directory;

    private static EmbeddedRedis redis;
    private static ContextStore store;

    @BeforeAll
    static void start() throws Exception {
        redis = EmbeddedRedis.start(directory, 512L << 20);
        // The contract is about answers, not about time: a loaded machine may be slow.
        store = new RedisContextStore(
                StoreProperties.of(Map.of(
                        "redis",
                        redis.uri().toString(),
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
    static void stop() {
        store.close();
        redis.close();
    }

    @Override
    ContextStore store() {
        return store;
    }
}
