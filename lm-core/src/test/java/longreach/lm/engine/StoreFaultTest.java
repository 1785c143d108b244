package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.function.UnaryOperator;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.store.api.Lookup;
import longreach.store.api.MissReason;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import org.junit.jupiter.api.Test;

/** Whatever the store does, the answer is the one that would have been computed without it. */
class StoreFaultTest {
    @Test
    void faultsAreMissesWithAReason() throws Exception {
        assertMiss(LyingStore::cut, false, "chunk does not fit its place");
        assertMiss(LyingStore::moved, false, "chunk does not fit its place");
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
