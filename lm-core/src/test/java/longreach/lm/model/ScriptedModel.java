package longreach.lm.model;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import longreach.lm.kv.KeyRotation;
import longreach.lm.kv.KvShape;
import longreach.tensor.kernel.AttentionShape;

/**
 * A model without arithmetic: each token has its successor, and each step takes so much time on a clock of its own. What a
 * scheduler does with steps can be told from it exactly, on any machine.
 */
public final class ScriptedModel implements LanguageModel {
    public static final int VOCABULARY = 64;
    public static final int CONTEXT = 1 << 17;

    // As on a small machine: 20 ms a step and 2 ms a row that decodes; a prompt's token 5 ms, and as much again for
    // every
    // 10,000 tokens before it.
    private static final long STEP_NANOS = 20_000_000;
    private static final long ROW_NANOS = 2_000_000;
    private static final long PROMPT_NANOS = 5_000_000;
    private static final double DEPTH = 10_000;
    private static final int LAYERS = 10;

    private final AtomicLong clock = new AtomicLong();
    private final IntConsumer beforeStep;
    private int steps;

    /** @param beforeStep called with the number of each step, from 0 */
    public ScriptedModel(IntConsumer beforeStep) {
        this.beforeStep = beforeStep;
    }

    public long nanos() {
        return clock.get();
    }

    @Override
    public ModelCard card() {
        return new ModelCard("scripted", "none", new byte[32], CONTEXT, VOCABULARY, 8, 8, 1);
    }

    @Override
    public KvShape kvShape() {
        return new KvShape((java.util.Collection<AttentionShape>) List.of(AttentionShape.causal(1, 1, 8)));
    }

    @Override
    public KeyRotation rotation() {
        return (layer, keys, offset, tokens, start) -> {};
    }

    @Override
    public void forward(Batch batch) {
        beforeStep.accept(steps++);
        clock.addAndGet((long) nanos(batch));
        compute(batch);
    }

    /** Its layers take the same time each. */
    @Override
    public LayeredPass pass() {
        return new LayeredPass() {
            private Batch batch;
            private int layer;

            @Override
            public void begin(Batch step) {
                batch = step;
                layer = 0;
            }

            @Override
            public boolean next() {
                clock.addAndGet((long) (nanos(batch) / LAYERS));
                if (++layer < LAYERS) {
                    return false;
                }
                compute(batch);
                return true;
            }
        };
    }

    private static double nanos(Batch batch) {
        double nanos = STEP_NANOS;
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            nanos += entry.generated()
                    ? ROW_NANOS * entry.tokens()
                    : PROMPT_NANOS * entry.tokens() * (1 + entry.start() / DEPTH);
        }
        return nanos;
    }

    private static void compute(Batch batch) {
        int row = 0;
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            entry.cache.prepare(entry.end());
            entry.cache.advance(entry.end());
            for (int i = entry.tokens() - entry.logitRows; i < entry.tokens(); i++) {
                int at = batch.logitsOffset(row++);
                Arrays.fill(batch.logits(), at, at + VOCABULARY, 0);
                int id = Math.max(0, batch.ids[entry.row + i]);
                batch.logits()[at + 1 + (id * 5 + 3) % (VOCABULARY - 1)] = 1;
            }
        }
    }

    @Override
    public void close() {}
}
