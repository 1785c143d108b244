package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.store.api.Chunk;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.ChunkStore;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.PutOutcome;
import longreach.store.api.Tenant;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import org.junit.jupiter.api.Test;

/** Whatever the store does, the answer is the one that would have been computed without it. */
class StoreFaultTest {
    /** A store whose answers pass through {@code lie}. */
    private record LyingStore(MemoryContextStore store, UnaryOperator<Lookup> lie, boolean broken)
            implements ChunkStore {
        @Override
        public Tenant tenant(String name) {
            return store.tenant(name);
        }

        @Override
        public LookupResult get(Tenant tenant, int layoutVersion, List<ChunkKey> keys) {
            if (broken) {
                throw new IllegalStateException("broken store");
            }
            LookupResult found = store.get(tenant, layoutVersion, keys);
            return new LookupResult() {
                @Override
                public int size() {
                    return found.size();
                }

                @Override
                public Lookup entry(int position) {
                    return lie.apply(found.entry(position));
                }

                @Override
                public void close() {
                    found.close();
                }
            };
        }

        @Override
        public PutOutcome put(Tenant tenant, ChunkHeader header, Consumer<MemorySegment> writePayload) {
            if (broken) {
                throw new IllegalStateException("broken store");
            }
            return store.put(tenant, header, writePayload);
        }

        @Override
        public boolean flush(Duration limit) {
            return store.flush(limit);
        }

        @Override
        public void close() {
            store.close();
        }
    }

    private static Lookup cut(Lookup entry) {
        if (!(entry instanceof Lookup.Hit hit)) {
            return entry;
        }
        MemorySegment payload = hit.chunk().payload();
        return new Lookup.Hit(new Chunk(hit.chunk().header(), payload.asSlice(0, payload.byteSize() - 2)));
    }

    private static Lookup moved(Lookup entry) {
        if (!(entry instanceof Lookup.Hit hit)) {
            return entry;
        }
        Chunk chunk = hit.chunk();
        ChunkHeader h = chunk.header();
        var header = new ChunkHeader(
                h.layoutVersion(),
                h.key(),
                h.parent(),
                h.firstToken() + 256,
                h.tokenCount(),
                h.codec(),
                h.payloadBytes());
        return new Lookup.Hit(new Chunk(header, chunk.payload()));
    }

    @Test
    void faultsAreMissesWithAReason() throws Exception {
        assertMiss(StoreFaultTest::cut, false, "chunk does not fit its place");
        assertMiss(StoreFaultTest::moved, false, "chunk does not fit its place");
        assertMiss(entry -> new Lookup.Miss(MissReason.DOWN), false, "store down");
        assertMiss(entry -> new Lookup.Miss(MissReason.CORRUPT), false, "corrupt chunk");
        assertMiss(entry -> entry, true, "store down");
    }

    private static void assertMiss(UnaryOperator<Lookup> lie, boolean broken, String reason) throws Exception {
        var kernels = KernelSelector.select(1);
        var request = new GenerateRequest(
                "a",
                TokenStream.ofText(TinyModel.prompt(300, 1)),
                Sampling.GREEDY,
                10,
                GenerateRequest.CacheMode.READ_WRITE,
                GenerateRequest.NO_DEADLINE);
        try (var memory = new MemoryContextStore(64 << 20);
                var engine = new Engine(
                        TinyModel.of(kernels, Precision.FAST),
                        kernels,
                        TinyModel.tokens(),
                        Precision.FAST,
                        new LyingStore(memory, lie, broken),
                        EngineSettings.DEFAULTS,
                        new EngineMetrics(new SimpleMeterRegistry()))) {
            var first = new Collected();
            engine.submit(request, first);
            first.await();
            engine.flush(Duration.ofMinutes(1));
            var second = new Collected();
            engine.submit(request, second);
            assertThat(second.await().receipt().tokensRestored()).isZero();
            assertThat(second.await().receipt().missReason()).isEqualTo(reason);
            assertThat(second.ids()).containsExactly(first.ids());
        }
    }
}
