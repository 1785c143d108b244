package longreach.tests.contract;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import longreach.store.api.ContextStore;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.RedisContextStore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** A Redis of the machine's own version, over TCP and with a password, as a deployment has it. */
class ExternalRedisContractTest extends ContextStoreContract {
    @TempDir
    static Path directory;

    private static Process redis;
    private static ContextStore store;

    @BeforeAll
    static void start() throws Exception {
        boolean installed = Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .anyMatch(place -> Files.isExecutable(Path.of(place, "redis-server")));
        assumeTrue(installed, "no redis-server on the PATH");
        int port = freePort();
        redis = new ProcessBuilder(
                        "redis-server",
                        "--port",
                        String.valueOf(port),
                        "--bind",
                        "127.0.0.1",
                        "--requirepass",
                        "secret",
                        "--save",
                        "",
                        "--dir",
                        directory.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("redis.log").toFile())
                .start();
        store = new RedisContextStore(
                StoreProperties.of(Map.of(
                        "redis",
                        "redis://:secret@127.0.0.1:" + port,
                        "stall-timeout",
                        "10s",
                        "connect-timeout",
                        "10s",
                        "tenant-quota",
                        QUOTA_MEGABYTES + "MB")),
                StoreSecret.random(),
                new SimpleMeterRegistry());
        // The store was perhaps there before its server: it comes by itself.
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!store.stats(java.util.Optional.empty()).reachable() && System.nanoTime() < deadline) {
            Thread.sleep(20);
        }
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (redis != null) {
            store.close();
            redis.destroy();
            redis.waitFor();
        }
    }

    @Override
    ContextStore store() {
        return store;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
