package longreach.tests.bench;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.api.Digest;
import longreach.store.api.KeyChain;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.Tenant;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.EmbeddedRedis;
import longreach.store.redis.RedisContextStore;

/**
 * How fast a context of chunks is published and restored, verified and copied out, beside raw GETs of the same values
 * over one Lettuce connection. Arguments: chunk bytes, chunks, optionally a Redis URI instead of the embedded one.
 */
public final class StoreBench {
    private static final int ROUNDS = 7;

    private StoreBench() {}

    public static void main(String[] arguments) throws Exception {
        int chunkBytes = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 256 * 30 * 2 * 192 * 2;
        int chunks = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 32;
        Path directory = Files.createTempDirectory("store-bench");
        StoreSecret secret = StoreSecret.random();
        if (arguments.length > 2) {
            measure(arguments[2], secret, chunkBytes, chunks);
            return;
        }
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, 4L << 30)) {
            measure(redis.uri().toString(), secret, chunkBytes, chunks);
        }
        long start = System.nanoTime();
        try (EmbeddedRedis redis = EmbeddedRedis.start(directory, 4L << 30)) {
            System.out.printf("restart and read back %.0f MB in %.2f s%n", 1e-6 * chunkBytes * chunks, seconds(start));
        }
    }

    private static void measure(String uri, StoreSecret secret, int chunkBytes, int chunks) {
        for (int connections : new int[] {1, 2, 4}) {
            StoreProperties properties = StoreProperties.of(
                    Map.of("redis", uri, "read-connections", String.valueOf(connections), "max-pending", "4GB"));
            try (RedisContextStore store = new RedisContextStore(properties, secret, new SimpleMeterRegistry());
                    Arena arena = Arena.ofConfined()) {
                MemorySegment payload = arena.allocate(chunkBytes, 64);
                Random random = new Random(1);
                for (long i = 0; i + 8 <= chunkBytes; i += 8) {
                    payload.set(ValueLayout.JAVA_LONG, i, random.nextLong());
                }
                Tenant tenant = store.tenant("bench");
                List<ChunkKey> keys = publish(store, tenant, payload, chunks);
                double[] restore = new double[ROUNDS];
                for (int round = 0; round < ROUNDS; round++) {
                    restore[round] = 1e-9 * chunkBytes * chunks / restore(store, tenant, keys, payload);
                }
                double[] raw = new double[ROUNDS];
                for (int round = 0; round < ROUNDS; round++) {
                    raw[round] = 1e-9 * chunkBytes * chunks / rawGets(uri, tenant, keys);
                }
                System.out.printf(
                        "%s, %d read connections, %d chunks of %d bytes: restore first %.2f, median %.2f GB/s;"
                                + " raw GETs median %.2f GB/s%n",
                        uri.replaceAll(":[^:@/]*@", ":***@"),
                        connections,
                        chunks,
                        chunkBytes,
                        restore[0],
                        median(restore),
                        median(raw));
                store.erase(tenant);
            }
        }
    }

    private static List<ChunkKey> publish(RedisContextStore store, Tenant tenant, MemorySegment payload, int chunks) {
        KeyChain chain = new KeyChain(Digest.ZERO, 1, tenant);
        List<ChunkKey> keys = new ArrayList<>();
        ChunkKey parent = ChunkKey.ROOT;
        long start = System.nanoTime();
        for (int i = 0; i < chunks; i++) {
            ChunkKey key = chain.child(parent, new int[] {i});
            store.put(tenant, new ChunkHeader(1, key, parent, i, 1, Codec.F16, payload.byteSize()), payload);
            keys.add(key);
            parent = key;
        }
        double handed = seconds(start);
        if (!store.flush(Duration.ofMinutes(1))) {
            throw new IllegalStateException("not published within a minute");
        }
        double gigabytes = 1e-9 * payload.byteSize() * chunks;
        System.out.printf(
                "publish: caller %.2f GB/s, written %.2f GB/s%n", gigabytes / handed, gigabytes / seconds(start));
        return keys;
    }

    private static double restore(RedisContextStore store, Tenant tenant, List<ChunkKey> keys, MemorySegment page) {
        long start = System.nanoTime();
        try (LookupResult result = store.get(tenant, 1, keys)) {
            for (int i = 0; i < keys.size(); i++) {
                if (!(result.entry(i) instanceof Lookup.Hit hit)) {
                    throw new IllegalStateException("chunk " + i + ": " + result.entry(i));
                }
                page.copyFrom(hit.chunk().payload());
            }
        }
        return seconds(start);
    }

    private static double rawGets(String uri, Tenant tenant, List<ChunkKey> keys) {
        RedisClient client = RedisClient.create(uri);
        try (StatefulRedisConnection<String, byte[]> connection =
                client.connect(RedisCodec.of(StringCodec.ASCII, ByteArrayCodec.INSTANCE))) {
            long start = System.nanoTime();
            List<RedisFuture<byte[]>> answers = new ArrayList<>();
            for (ChunkKey key : keys) {
                answers.add(connection.async().get("lr:" + tenant.namespace() + ":c:" + key.hex()));
            }
            for (RedisFuture<byte[]> answer : answers) {
                answer.toCompletableFuture().join();
            }
            return seconds(start);
        } finally {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
        }
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
