package longreach.lm.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.model.Batch;
import longreach.lm.model.Llama;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.Test;

/** In FAST a prompt's logits are the same to the last bit however the prompt is cut into steps, on any number of threads. */
class PromptSplitTest {
    // Past a part of the attention's softmax (two pages) and not a multiple of any tile.
    private static final int LENGTH = 677;
    private static final float TOLERANCE = 0;

    @Test
    void everySplitGivesTheSameLogits() {
        int[] ids = TinyModel.prompt(LENGTH, 7);
        float[] whole = logits(KernelSelector.select(1), ids, LENGTH);
        int[][] splits = {{676, 1}, {675, 2}, {674, 3}, {1, 1, 1, 674}, {512, 165}, {300, 300, 77}, {7, 505, 160, 5}};
        Kernels two = KernelSelector.select(2);
        try {
            for (int[] split : splits) {
                assertArrayEquals(whole, logits(two, ids, split), TOLERANCE, () -> "split " + Arrays.toString(split));
            }
        } finally {
            two.pool().close();
        }
    }

    private static float[] logits(Kernels kernels, int[] ids, int... split) {
        Llama model = TinyModel.of(kernels, Precision.FAST);
        try {
            var type = Precision.FAST.kvType();
            long bytes = model.kvShape().blockBytes(kernels, type) * KvPool.blocksFor(LENGTH);
            try (KvPool pool = new KvPool(kernels, model.kvShape(), type, bytes)) {
                var batch = new Batch(model.card(), LENGTH, 1);
                var prompt = TokenStream.ofText(ids);
                try (KvCache cache = new KvCache(pool, model.rotation(), pool.reserve(LENGTH, LENGTH, 0), false)) {
                    int next = 0;
                    for (int tokens : split) {
                        batch.clear();
                        batch.begin(cache, prompt);
                        for (int i = 0; i < tokens; i++) {
                            batch.addToken(ids[next++]);
                        }
                        batch.end(1);
                        model.forward(batch);
                    }
                }
                int at = batch.logitsOffset(0);
                return Arrays.copyOfRange(batch.logits(), at, at + TinyModel.VOCABULARY);
            }
        } finally {
            model.close();
        }
    }
}
