package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.model.Batch;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.KernelSelector;
import org.junit.jupiter.api.Test;

/**
 * What a RecurrentGemma sequence holds does not grow with its length. {@code -Dlongreach.state.tokens=1048576} measures up
 * to another length than the default, and prints what it finds.
 */
class StateMemoryTest {
    private static final int TOKENS = Integer.getInteger("longreach.state.tokens", 65_536);
    private static final int STEP = 512;
    private static final int FIRST = 2048;

    @Test
    void aSequenceHoldsTheSameAtAnyLength() {
        var kernels = KernelSelector.select(1);
        var model = TinyRecurrent.of("RRA", TOKENS, kernels, Precision.FAST);
        Map<Integer, Long> held = new LinkedHashMap<>();
        var random = new Random(1);
        try (var pool = new KvPool(kernels, model.kvShape(), Precision.FAST.kvType(), 1 << 20)) {
            var batch = new Batch(model.card(), STEP, 1);
            var prompt = TokenStream.ofText(1);
            var reservation = pool.reserve(TOKENS, STEP, 0);
            assertThat(reservation).as("room for %d tokens in 1 MiB", TOKENS).isNotNull();
            long began = System.nanoTime();
            try (var cache = new KvCache(pool, model.rotation(), reservation, false)) {
                for (int next = FIRST; cache.length() < TOKENS; ) {
                    batch.clear();
                    batch.begin(cache, prompt);
                    for (int i = 0; i < STEP; i++) {
                        batch.addToken(1 + random.nextInt(TinyModel.VOCABULARY - 1));
                    }
                    batch.end(0);
                    model.forward(batch);
                    if (cache.length() == next) {
                        held.put(next, pool.bytesInUse());
                        next *= 2;
                    }
                }
                assertThat(pool.bytesInUse()).isLessThanOrEqualTo(pool.sequenceBytes(FIRST, STEP, 0));
            }
            System.out.printf(
                    "bytes held at each length, %d tokens in %.1f s: %s%n",
                    TOKENS, (System.nanoTime() - began) / 1e9, held);
        } finally {
            model.close();
        }
        assertThat(held.values()).hasSizeGreaterThan(4).containsOnly(held.get(FIRST));
    }
}
