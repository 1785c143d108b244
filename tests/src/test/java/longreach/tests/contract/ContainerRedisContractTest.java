package longreach.tests.contract;

import static org.junit.jupiter.api.Assumptions.abort;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Map;
import longreach.store.api.ContextStore;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.RedisContextStore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/**
 * The Redis of {@code docker-compose.yml}, in a container, where a Docker engine answers; the machine's own servers are
 * held to the same contract by the other tests here. The system property {@code longreach.redis.image} names another
 * image, which must run {@code redis-server}.
 */
class ContainerRedisContractTest extends ContextStoreContract {
    private static final String IMAGE = System.getProperty("longreach.redis.image", "redis:7.4-alpine");
    private static final int PORT = 6379;

    private static GenericContainer<?> redis;
    private static ContextStore store;

    @BeforeAll
    static void start() {
        if (!DockerClientFactory.instance().isDockerAvailable()) {
            skip("no Docker engine answers");
        }
        redis = new GenericContainer<>(DockerImageName.parse(IMAGE))
                .withExposedPorts(PORT)
                // Not by a look at the port from inside: the smallest images have no tool for that.
                .waitingFor(Wait.forLogMessage(".*Ready to accept connections.*", 1))
                .withCommand("redis-server", "--requirepass", "secret", "--save", "", "--protected-mode", "no");
        redis.start();
        store = new RedisContextStore(
                StoreProperties.of(Map.of(
                        "redis",
                        "redis://:secret@" + redis.getHost() + ":" + redis.getMappedPort(PORT),
                        "stall-timeout",
                        "10s",
                        "connect-timeout",
                        "10s",
                        "tenant-quota",
                        QUOTA_MEGABYTES + "MB")),
                StoreSecret.random(),
                new SimpleMeterRegistry());
    }

    private static void skip(String reason) {
        String message = "store contract in a container: " + reason + "; local servers are tested instead";
        System.out.println(message);
        abort(message);
    }

    @AfterAll
    static void stop() {
        if (store != null) {
            store.close();
        }
        if (redis != null) {
            redis.stop();
        }
    }

    @Override
    ContextStore store() {
        return store;
    }
}
