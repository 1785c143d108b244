package longreach.tests.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.ContextBench;
import longreach.lm.engine.GenerateRequest.CacheMode;
import longreach.lm.model.Precision;
import longreach.store.api.ChunkKey;
import longreach.store.api.ContextStore;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.EmbeddedRedis;
import longreach.store.redis.RedisContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever becomes of the store, an answer is the one that would have been computed without it, logits and all. */
class AnswersUnderFaultsTest {
    private static final int TOKENS = 1100;
    private static final int CONTEXT = 1;
    private static final Duration STALL = Duration.ofMillis(700);
    /** How long a server that stalls says nothing. */
    private static final Duration SILENCE = Duration.ofSeconds(30);

    @TempDir
    Path directory;

    private final Kernels kernels = KernelSelector.select(1);
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private EmbeddedRedis redis;
    private RedisContextStore store;
    private ContextBench bench;
    private List<AnswerSink.TokenLogprob> expected;
    /** What happens when a lookup's second chunk, or a second publication, is asked for. */
    private volatile Fault duringRestore = () -> {};

    private volatile Fault duringPublish = () -> {};

    private interface Fault {
        void happen() throws Exception;
    }

    @BeforeEach
    void start() throws Exception {
        redis = EmbeddedRedis.start(directory, 256L << 20);
        store = new RedisContextStore(
                StoreProperties.of(Map.of(
                        "redis",
                        redis.uri().toString(),
                        "stall-timeout",
                        STALL.toMillis() + "ms",
                        "connect-timeout",
                        "5s")),
                StoreSecret.random(),
                meters);
        bench = ContextBench.synthetic(TOKENS, kernels, Precision.FAST, faulty(), 64L << 20);
        expected = bench.ask(TOKENS, CONTEXT, 0, CacheMode.BYPASS).answer();
    }

    @AfterEach
    void stop() throws Exception {
        bench.close();
        store.close();
        redis.close();
        kernels.pool().close();
    }

    /** The store, with faults at the moments that matter. */
    private ContextStore faulty() {
        var puts = new AtomicInteger();
        return (ContextStore) Proxy.newProxyInstance(
                ContextStore.class.getClassLoader(),
                new Class<?>[] {ContextStore.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("put") && puts.incrementAndGet() % 5 == 2) {
                        duringPublish.happen();
                    }
                    Object result = method.invoke(store, arguments);
                    return result instanceof LookupResult found ? new FaultyResult(found) : result;
                });
    }

    private final class FaultyResult implements LookupResult {
        private final LookupResult found;

        FaultyResult(LookupResult found) {
            this.found = found;
        }

        @Override
        public int size() {
            return found.size();
        }

        @Override
        public Lookup entry(int position) {
            if (position == 1) {
                try {
                    duringRestore.happen();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
            return found.entry(position);
        }

        @Override
        public void release(int position) {
            found.release(position);
        }

        @Override
        public void close() {
            found.close();
        }
    }

    private void publish() throws InterruptedException {
        assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_WRITE));
        bench.published();
        var restored = bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY);
        assertSame(restored);
        assertThat(restored.outcome().receipt().tokensRestored()).isGreaterThanOrEqualTo(TOKENS);
    }

    private void assertSame(ContextBench.Asked asked) {
        assertThat(asked.answer()).isEqualTo(expected);
    }

    private double count(String meter, String tag, String value) {
        return meters.find(meter).tag(tag, value).counters().stream()
                .mapToDouble(counter -> counter.count())
                .sum();
    }

    private void assertMissNamed(String result, String reason) throws InterruptedException {
        double before = count("context.store.lookups", "result", result);
        var asked = bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY);
        assertSame(asked);
        assertThat(count("context.store.lookups", "result", result)).as(result).isGreaterThan(before);
        assertThat(asked.outcome().receipt().missReason()).isEqualTo(reason);
    }

    @Test
    void killedDuringRestore() throws Exception {
        publish();
        duringRestore = () -> {
            redis.server().ifPresent(ProcessHandle::destroyForcibly);
            duringRestore = () -> {};
            // What had come in already may serve; the connection's end is what must be seen.
            long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (redis.server().filter(ProcessHandle::isAlive).isPresent() && System.nanoTime() < end) {
                Thread.sleep(5);
            }
        };
        assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY));
        assertMissNamed("down", "store down");
    }

    @Test
    void killedDuringPublish() throws Exception {
        duringPublish = () -> redis.server().ifPresent(ProcessHandle::destroyForcibly);
        assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_WRITE));
        bench.published();
        assertThat(count("context.store.puts", "outcome", "down")
                        + count("context.store.puts", "outcome", "dropped_down"))
                .isPositive();
        assertMissNamed("down", "store down");
    }

    @Test
    void stalledWhileRestoring() throws Exception {
        publish();
        long pid = redis.server().orElseThrow().pid();
        duringRestore = () -> signal("STOP", pid);
        try {
            long began = System.nanoTime();
            // Values that were under way when it stopped may have come whole.
            assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY));
            duringRestore = () -> {};
            assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY));
            assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_WRITE));
            // Nobody waited for it.
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(25));
            assertThat(count("context.store.lookups", "result", "timeout")
                            + count("context.store.lookups", "result", "down"))
                    .isPositive();
            Thread.sleep(Math.max(0, SILENCE.toMillis() - (System.nanoTime() - began) / 1_000_000));
            assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY));
        } finally {
            signal("CONT", pid);
        }
        awaitRestored();
    }

    /** Until the store, which is well again, is asked again. */
    private void awaitRestored() throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (true) {
            var asked = bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY);
            assertSame(asked);
            if (asked.outcome().receipt().tokensRestored() >= TOKENS) {
                return;
            }
            assertThat(System.nanoTime())
                    .as("nothing restored: " + asked.outcome().receipt().missReason())
                    .isLessThan(end);
            Thread.sleep(200);
        }
    }

    @Test
    void fullWithoutEviction() throws Exception {
        raw(server -> {
            server.configSet("maxmemory-policy", "noeviction");
            server.configSet("maxmemory", "1mb");
        });
        assertSame(bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_WRITE));
        bench.published();
        assertThat(count("context.store.puts", "outcome", "full")).isPositive();
        assertMissNamed("absent", "never seen");
    }

    @Test
    void restartedEmpty() throws Exception {
        publish();
        redis.server().ifPresent(ProcessHandle::destroyForcibly);
        redis.close();
        try (var files = Files.list(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.delete(file);
            }
        }
        redis = EmbeddedRedis.start(directory, 256L << 20);
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        String reason;
        do {
            var asked = bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY);
            assertSame(asked);
            reason = asked.outcome().receipt().missReason();
            assertThat(System.nanoTime()).as(reason).isLessThan(end);
        } while (!reason.equals("never seen"));
        assertThat(count("context.store.lookups", "result", "absent")).isPositive();
        publish();
    }

    @Test
    void badChunksAreComputedAgain() throws Exception {
        publish();
        List<ChunkKey> keys =
                bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY).outcome().promptChunks();
        String name = "lr:" + bench.tenant().namespace() + ":c:" + keys.get(1).hex();
        Map<String, byte[]> values = new HashMap<>();
        raw(server -> keys.forEach(
                key -> values.put(key.hex(), server.get("lr:" + bench.tenant().namespace() + ":c:" + key.hex()))));
        byte[] sound = values.get(keys.get(1).hex());

        bad(name, sound, bytes -> flipped(bytes, bytes.length / 2), "corrupt", "corrupt chunk");
        bad(name, sound, bytes -> Arrays.copyOf(bytes, bytes.length - 1), "corrupt", "corrupt chunk");
        bad(name, sound, bytes -> values.get(keys.get(2).hex()), "wrong_key", "swapped chunk");
        bad(name, sound, bytes -> older(bytes), "wrong_version", "other version");
        // A header that says another position, with a checksum that fits but without the key to seal it.
        bad(name, sound, AnswersUnderFaultsTest::forged, "forged", "foreign chunk");

        raw(server -> server.set(name, sound));
        var whole = bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_ONLY);
        assertSame(whole);
        assertThat(whole.outcome().receipt().tokensRestored()).isGreaterThanOrEqualTo(TOKENS);
    }

    private void bad(String name, byte[] sound, UnaryOperator<byte[]> damage, String result, String reason)
            throws InterruptedException {
        raw(server -> server.set(name, damage.apply(sound.clone())));
        assertMissNamed(result, reason);
    }

    private static byte[] flipped(byte[] bytes, int at) {
        bytes[at] ^= 1;
        return bytes;
    }

    private static byte[] older(byte[] bytes) {
        bytes[8] = 0;
        return bytes;
    }

    private static byte[] forged(byte[] bytes) {
        bytes[80] ^= 1;
        var crc = new CRC32C();
        crc.update(bytes, 0, bytes.length - 36);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length - 36, (int) crc.getValue());
        return bytes;
    }

    private void raw(Consumer<RedisCommands<String, byte[]>> commands) {
        RedisClient client = RedisClient.create(redis.uri().toString());
        try {
            var connection = client.connect(RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE));
            connection.setTimeout(Duration.ofSeconds(20));
            commands.accept(connection.sync());
        } finally {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        }
    }

    private static void signal(String name, long pid) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-" + name, String.valueOf(pid))
                        .start()
                        .waitFor())
                .isZero();
    }
}
