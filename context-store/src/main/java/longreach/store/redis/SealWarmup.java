package longreach.store.redis;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.api.Tenant;
import longreach.store.codec.ChunkFormat;
import longreach.store.codec.StoreSecret;

/**
 * Seals and opens a few small chunks in the background. Until the JVM has compiled it, the seal's hash is a hundred times
 * slower, and the first request after a restart is just the one that has a long context to verify.
 */
final class SealWarmup {
    private static final int PAYLOAD_BYTES = 64 << 10;
    private static final int ROUNDS = 40;

    private SealWarmup() {}

    static void start(StoreSecret secret) {
        Thread.ofPlatform()
                .daemon()
                .name("context-store-warmup")
                .start(() -> run(new ChunkFormat(secret), secret.tenant("warmup")));
    }

    private static void run(ChunkFormat format, Tenant tenant) {
        ChunkHeader header = new ChunkHeader(0, ChunkKey.ROOT, ChunkKey.ROOT, 0, 1, Codec.F16, PAYLOAD_BYTES);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(PAYLOAD_BYTES + ChunkFormat.OVERHEAD_BYTES, 64);
            for (int i = 0; i < ROUNDS; i++) {
                format.seal(tenant, header, value);
                format.open(tenant, 0, ChunkKey.ROOT, value);
            }
            ChunkFormat.warmUp(value);
        }
    }
}
