package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import longreach.lm.engine.ContextBench;
import longreach.lm.engine.GenerateRequest.CacheMode;
import longreach.lm.model.Precision;
import longreach.store.config.StoreConfiguration;
import longreach.store.config.StoreProperties;
import longreach.store.memory.MemoryContextStore;
import longreach.store.redis.EmbeddedRedis;
import longreach.tensor.kernel.KernelSelector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who shares a stored context, and who does not. */
class SharedContextsTest {
    @TempDir
    Path directory;

    @Test
    void whatOneProcessPrefillsAnotherRestores() throws Exception {
        Path secret = directory.resolve("secret");
        var kernels = KernelSelector.select(1);
        try (var redis = EmbeddedRedis.start(directory.resolve("redis"), 256L << 20)) {
            String answer = prefilled(redis.uri().toString(), secret);
            try (var store = StoreConfiguration.open(
                            Prefiller.properties(redis.uri().toString(), secret), new SimpleMeterRegistry());
                    var bench = ContextBench.synthetic(Prefiller.TOKENS, kernels, Precision.FAST, store, 64L << 20)) {
                var asked = bench.ask(Prefiller.TOKENS, Prefiller.CONTEXT, 0, CacheMode.READ_WRITE);
                assertThat(asked.outcome().receipt().tokensRestored()).isGreaterThanOrEqualTo(Prefiller.TOKENS);
                assertThat(asked.outcome().receipt().tokensByTier()).containsOnlyKeys("redis");
                assertThat(asked.answer().toString()).isEqualTo(answer);
            }
        } finally {
            kernels.pool().close();
        }
    }

    private static String prefilled(String redis, Path secret) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> !argument.startsWith("-agentlib") && !argument.startsWith("-javaagent"))
                .forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Prefiller.class.getName()));
        command.addAll(List.of(redis, secret.toString()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        return said.lines()
                .filter(line -> line.startsWith("[TokenLogprob"))
                .findFirst()
                .orElseThrow();
    }

    /** The end of the older context makes room for the younger one, and its beginning is still restored. */
    @Test
    void aReceiptSaysThatChunksMadeRoom() throws Exception {
        var kernels = KernelSelector.select(1);
        try (var redis = EmbeddedRedis.start(directory.resolve("redis"), 256L << 20)) {
            long bytes;
            try (var store = new MemoryContextStore(1L << 30);
                    var bench = ContextBench.synthetic(Prefiller.TOKENS, kernels, Precision.FAST, store, 64L << 20)) {
                bench.ask(Prefiller.TOKENS, 1, 0, CacheMode.READ_WRITE);
                bench.published();
                bytes = bench.ask(Prefiller.TOKENS, 1, 1, CacheMode.READ_ONLY)
                        .outcome()
                        .receipt()
                        .bytesRestored();
            }
            var registry = new SimpleMeterRegistry();
            var settings = Map.of(
                    "redis",
                    redis.uri().toString(),
                    "secret-file",
                    directory.resolve("secret").toString(),
                    "stall-timeout",
                    "10s",
                    "connect-timeout",
                    "10s",
                    "tenant-quota",
                    bytes * 3 / 2 + "B");
            try (var store = StoreConfiguration.open(StoreProperties.of(settings), registry);
                    var bench = ContextBench.synthetic(Prefiller.TOKENS, kernels, Precision.FAST, store, 64L << 20)) {
                bench.ask(Prefiller.TOKENS, 1, 0, CacheMode.READ_WRITE);
                bench.published();
                bench.ask(Prefiller.TOKENS, 2, 0, CacheMode.READ_WRITE);
                bench.published();
                var young =
                        bench.ask(Prefiller.TOKENS, 2, 0, CacheMode.READ_ONLY).outcome();
                assertThat(young.receipt().tokensRestored()).isGreaterThanOrEqualTo(Prefiller.TOKENS);
                var old = bench.ask(Prefiller.TOKENS, 1, 0, CacheMode.READ_ONLY).outcome();
                assertThat(old.receipt().tokensRestored()).isBetween(256, Prefiller.TOKENS - 256);
                assertThat(old.receipt().missReason()).isEqualTo("evicted");
                assertThat(registry.counter("context.store.evicted").count()).isPositive();
            }
        } finally {
            kernels.pool().close();
        }
    }

    /** Nor can a neighbour tell from the time it takes that somebody asked the same. */
    @Test
    void aNeighbourWithTheSameTextComputesItAll() throws Exception {
        var kernels = KernelSelector.select(1);
        try (var redis = EmbeddedRedis.start(directory.resolve("redis"), 256L << 20);
                var store = StoreConfiguration.open(
                        Prefiller.properties(redis.uri().toString(), directory.resolve("secret")),
                        new SimpleMeterRegistry());
                var bench = ContextBench.synthetic(4096, kernels, Precision.FAST, store, 64L << 20)) {
            bench.ask("owner", 4096, 1, 0, CacheMode.READ_WRITE);
            bench.published();
            long restored = Long.MAX_VALUE;
            long neighbours = Long.MAX_VALUE;
            for (int round = 0; round < 3; round++) {
                var own = bench.ask("owner", 4096, 1, round, CacheMode.READ_ONLY);
                assertThat(own.outcome().receipt().tokensRestored()).isGreaterThanOrEqualTo(4096);
                restored = Math.min(restored, own.firstTokenNanos());
                var other = bench.ask("neighbour", 4096, 1, round, CacheMode.READ_ONLY);
                assertThat(other.outcome().receipt().tokensRestored()).isZero();
                assertThat(other.outcome().receipt().missReason()).isEqualTo("never seen");
                neighbours = Math.min(neighbours, other.firstTokenNanos());
            }
            assertThat(neighbours).isGreaterThan(2 * restored);
        } finally {
            kernels.pool().close();
        }
    }
}
