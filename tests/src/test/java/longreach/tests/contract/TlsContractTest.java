package longreach.tests.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lettuce.core.AclSetuserArgs;
import io.lettuce.core.RedisURI;
import io.lettuce.core.protocol.CommandType;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import longreach.store.api.ContextStore;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.RedisContextStore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Redis that speaks TLS alone, to a user who may touch nothing but the store's own keys. */
class TlsContractTest extends ContextStoreContract {
    @TempDir
    static Path directory;

    private static RedisServers servers;
    private static int port;
    private static Path certificate;
    private static ContextStore store;

    @BeforeAll
    static void start() throws Exception {
        servers = new RedisServers(directory);
        assumeTrue(RedisServers.has("openssl"), "no openssl on the PATH");
        certificate = directory.resolve("server.pem");
        Path key = directory.resolve("server.key");
        Process made = new ProcessBuilder(List.of(
                        "openssl",
                        "req",
                        "-x509",
                        "-newkey",
                        "rsa:2048",
                        "-nodes",
                        "-days",
                        "2",
                        "-subj",
                        "/CN=localhost",
                        "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout",
                        key.toString(),
                        "-out",
                        certificate.toString()))
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("openssl.log").toFile())
                .start();
        assertThat(made.waitFor())
                .as(Files.readString(directory.resolve("openssl.log")))
                .isZero();
        port = servers.start(
                true,
                "--tls-cert-file",
                certificate.toString(),
                "--tls-key-file",
                key.toString(),
                "--tls-ca-cert-file",
                certificate.toString(),
                "--tls-auth-clients",
                "no",
                "--requirepass",
                "of the administrator");
        RedisURI administrator = RedisURI.builder()
                .withHost("127.0.0.1")
                .withPort(port)
                .withSsl(true)
                .withPassword("of the administrator".toCharArray())
                .build();
        RedisServers.withServer(administrator, certificate, redis -> {
            // All that the store needs, of its own keys alone.
            var rules = AclSetuserArgs.Builder.on()
                    .addPassword("secret")
                    .keyPattern("lr:*")
                    .keyPattern("lrq:*")
                    .allCommands()
                    .removeCommand(CommandType.FLUSHALL)
                    .removeCommand(CommandType.CONFIG);
            return redis.aclSetuser("longreach", rules);
        });
        store = open("rediss://longreach:secret@127.0.0.1:" + port, certificate);
        RedisServers.awaitReachable(store);
    }

    private static ContextStore open(String uri, Path trusted) {
        Map<String, String> settings =
                new HashMap<>(Map.of("redis", uri, "stall-timeout", "10s", "connect-timeout", "10s"));
        settings.put("tenant-quota", QUOTA_MEGABYTES + "MB");
        if (trusted != null) {
            settings.put("ca-file", trusted.toString());
        }
        return new RedisContextStore(StoreProperties.of(settings), StoreSecret.random(), new SimpleMeterRegistry());
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
    void aServerWhomNobodyVouchesForIsNoStore() {
        try (ContextStore unsure = open("rediss://longreach:secret@127.0.0.1:" + port, null)) {
            assertThat(unsure.stats(Optional.empty()).reachable()).isFalse();
        }
        try (ContextStore stranger = open("rediss://longreach:wrong@127.0.0.1:" + port, certificate)) {
            assertThat(stranger.stats(Optional.empty()).reachable()).isFalse();
        }
    }
}
