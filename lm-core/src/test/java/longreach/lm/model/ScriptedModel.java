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
        double nanos = STEP_NANOS;
        int row = 0;
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            entry.cache.prepare(entry.end());
            entry.cache.advance(entry.end());
            nanos += entry.generated()
                    ? ROW_NANOS * entry.tokens()
                    : PROMPT_NANOS * entry.tokens() * (1 + entry.start() / DEPTH);
            for (int i = entry.tokens() - entry.logitRows; i < entry.tokens(); i++) {
                int at = batch.logitsOffset(row++);
                Arrays.fill(batch.logits(), at, at + VOCABULARY, 0);
                int id = Math.max(0, batch.ids[entry.row + i]);
                batch.logits()[at + 1 + (id * 5 + 3) % (VOCABULARY - 1)] = 1;
            }
        }
        clock.addAndGet((long) nanos);
    }

    @Override
    public void close() {}
}
