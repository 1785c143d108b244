package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import longreach.lm.kv.KvShape;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.store.api.Chunk;
import longreach.store.api.ChunkKey;
import longreach.store.api.Lookup;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.Test;

class AuditTest {
    private final Kernels kernels = KernelSelector.select(1);
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    private double compared(String result) {
        var counter = meters.find("context.audit.chunks").tag("result", result).counter();
        return counter == null ? 0 : counter.count();
    }

    private static Outcome ask(Engine engine, TokenStream prompt, GenerateRequest.CacheMode cache) throws Exception {
        var sink = new Collected();
        engine.submit(new GenerateRequest("a", prompt, Sampling.GREEDY, 5, cache, GenerateRequest.NO_DEADLINE), sink);
        return sink.await();
    }

    private void awaitCompared(int count, String... results) throws InterruptedException {
        long end = System.nanoTime() + Duration.ofMinutes(2).toNanos();
        while (Arrays.stream(results).mapToDouble(this::compared).sum() < count) {
            assertThat(System.nanoTime() < end).as("%d compared", count).isTrue();
            Thread.sleep(5);
        }
    }

    @Test
    void aChunkThatIsNotWhatItShouldBeIsFoundAndReplaced() throws Exception {
        var prompt = TokenStream.ofText(TinyModel.prompt(600, 3));
        for (Precision precision : Precision.values()) {
            meters.clear();
            try (var store = new MemoryContextStore(64 << 20);
                    var engine = new Engine(
                            TinyModel.of(kernels, precision),
                            kernels,
                            TinyModel.tokens(),
                            precision,
                            store,
                            new EngineSettings(64 << 20, 8, 4, 256, 128),
                            new EngineMetrics(meters))) {
                ask(engine, prompt, GenerateRequest.CacheMode.READ_WRITE);
                assertThat(engine.flush(Duration.ofMinutes(1))).isTrue();
                engine.auditing(1);
                List<ChunkKey> keys =
                        ask(engine, prompt, GenerateRequest.CacheMode.READ_ONLY).promptChunks();
                // Two full chunks and the rest of the prompt.
                awaitCompared(3, "equal", "close");
                assertThat(compared("differs")).isZero();

                var tenant = store.tenant("a");
                Chunk sound;
                try (var result = store.get(tenant, KvShape.LAYOUT_VERSION, keys)) {
                    sound = ((Lookup.Hit) result.entry(1)).chunk();
                }
                byte[] wrong = sound.payload().toArray(ValueLayout.JAVA_BYTE);
                wrong[3] ^= 0x40;
                store.put(tenant, sound.header(), MemorySegment.ofArray(wrong));

                ask(engine, prompt, GenerateRequest.CacheMode.READ_ONLY);
                awaitCompared(1, "differs");
                assertThat(engine.flush(Duration.ofMinutes(1))).isTrue();
                try (var result = store.get(tenant, KvShape.LAYOUT_VERSION, keys)) {
                    byte[] replaced =
                            ((Lookup.Hit) result.entry(1)).chunk().payload().toArray(ValueLayout.JAVA_BYTE);
                    assertThat(replaced).as(precision.name()).isNotEqualTo(wrong);
                    if (precision != Precision.F32) {
                        assertThat(replaced).isEqualTo(sound.payload().toArray(ValueLayout.JAVA_BYTE));
                    }
                }
                assertThat(compared("differs")).isEqualTo(1);
            }
        }
    }
}
