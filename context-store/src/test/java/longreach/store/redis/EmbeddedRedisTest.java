package longreach.store.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.sync.RedisCommands;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedRedisTest {
    private static final long MAX_MEMORY = 64L << 20;

    @TempDir
    Path directory;

    @Test
    void dataOutlivesARestart() throws IOException {
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, MAX_MEMORY)) {
            command(redis.uri().toString(), sync -> sync.set("yesterday", "context"));
        }
        assertThat(ProcessHandle.current().children().filter(ProcessHandle::isAlive))
                .noneMatch(child -> child.info().command().orElse("").startsWith(directory.toString()));
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, MAX_MEMORY)) {
            assertThat(command(redis.uri().toString(), sync -> sync.get("yesterday")))
                    .isEqualTo("context");
            assertThat(command(
                            redis.uri().toString(),
                            sync -> sync.configGet("maxmemory-policy").get("maxmemory-policy")))
                    .isEqualTo("allkeys-lru");
        }
    }

    @Test
    void aKilledProcessLeavesNoServerAndLosesNothing() throws Exception {
        try (Holder holder = new Holder(directory)) {
            command(holder.uri(), sync -> sync.set("before", "the kill"));
            holder.process.destroyForcibly().waitFor();
            holder.awaitServerEnd();
        }
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, MAX_MEMORY)) {
            assertThat(command(redis.uri().toString(), sync -> sync.get("before")))
                    .isEqualTo("the kill");
        }
    }

    @Test
    void aServerWhoseWatcherWasKilledTooIsEndedByTheNextStart() throws Exception {
        try (Holder holder = new Holder(directory)) {
            command(holder.uri(), sync -> sync.set("before", "the kill"));
            holder.process
                    .descendants()
                    .filter(child -> child.pid() != holder.server.pid())
                    .forEach(ProcessHandle::destroyForcibly);
            holder.process.destroyForcibly().waitFor();
            assertThat(holder.server.isAlive()).isTrue();
            try (EmbeddedRedis redis = EmbeddedRedis.start(directory, MAX_MEMORY)) {
                holder.awaitServerEnd();
                assertThat(command(redis.uri().toString(), sync -> sync.get("before")))
                        .isEqualTo("the kill");
            }
        }
    }

    @Test
    void oneProcessForEachDirectory() throws Exception {
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, MAX_MEMORY)) {
            assertThatThrownBy(() -> EmbeddedRedis.start(directory, MAX_MEMORY))
                    .isInstanceOf(DataDirectoryInUseException.class)
                    .hasMessageContaining("this process");
            try (Holder second = new Holder(directory)) {
                assertThat(second.firstLine)
                        .isEqualTo("data directory " + directory + ": in use by process "
                                + ProcessHandle.current().pid() + " (expected: one process for each directory)");
            }
            assertThat(command(redis.uri().toString(), sync -> sync.ping())).isEqualTo("PONG");
        }
    }

    @Test
    void aDeepDirectoryGetsAShortSocketPath() throws IOException {
        Path deep = directory.resolve("d".repeat(120));
        try (EmbeddedRedis redis = EmbeddedRedis.start(deep, MAX_MEMORY)) {
            assertThat(command(redis.uri().toString(), sync -> sync.ping())).isEqualTo("PONG");
            assertThat(redis.uri().getPath().length()).isLessThan(104);
        }
    }

    @Test
    void aTornLogIsReadAsFarAsItGoes() throws IOException {
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, MAX_MEMORY)) {
            command(redis.uri().toString(), sync -> sync.set("first", "whole"));
            command(redis.uri().toString(), sync -> sync.set("second", "torn"));
        }
        Path log = directory.resolve("appendonly.aof");
        byte[] bytes = Files.readAllBytes(log);
        Files.write(log, java.util.Arrays.copyOf(bytes, bytes.length - 3));
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, MAX_MEMORY)) {
            assertThat(command(redis.uri().toString(), sync -> sync.get("first")))
                    .isEqualTo("whole");
            assertThat(command(redis.uri().toString(), sync -> sync.get("second")))
                    .isNull();
        }
    }

    @Test
    void aLogThatCannotBeReadIsNamed() throws IOException {
        Files.writeString(directory.resolve("appendonly.aof"), "not a log\r\n");
        assertThatThrownBy(() -> EmbeddedRedis.start(directory, MAX_MEMORY))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("ended with code 1")
                .hasMessageContaining("append only file");
        // And the directory is free again.
        Files.delete(directory.resolve("appendonly.aof"));
        EmbeddedRedis.start(directory, MAX_MEMORY).close();
    }

    private static String command(String uri, Function<RedisCommands<String, String>, String> command) {
        RedisClient client = RedisClient.create(uri);
        try (var connection = client.connect()) {
            return command.apply(connection.sync());
        } finally {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
        }
    }

    private static final class Holder implements AutoCloseable {
        private final Process process;
        private final String firstLine;
        private final ProcessHandle server;

        Holder(Path directory) throws IOException {
            process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            "--enable-native-access=ALL-UNNAMED",
                            RedisHolder.class.getName(),
                            directory.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
            String line = out.readLine();
            while (line != null && !line.startsWith("redis") && !line.startsWith("data directory")) {
                line = out.readLine();
            }
            firstLine = line;
            server = line != null && line.startsWith("redis")
                    ? ProcessHandle.of(Long.parseLong(line.substring(line.indexOf(' ') + 1)))
                            .orElseThrow()
                    : null;
        }

        String uri() {
            return firstLine.substring(0, firstLine.indexOf(' '));
        }

        void awaitServerEnd() throws Exception {
            server.onExit().get(20, TimeUnit.SECONDS);
        }

        @Override
        public void close() throws InterruptedException {
            process.destroyForcibly().waitFor();
        }
    }
}
