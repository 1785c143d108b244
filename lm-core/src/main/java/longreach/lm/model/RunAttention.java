package longreach.lm.model;

import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;

/**
 * Attention of a sequence's rows under the mask that all families share: a row sees what lies before it, and one of a
 * bidirectional run sees the whole run too; in both cases within the layer's window.
 *
 * @param bidirectional the same layer without causality
 */
record RunAttention(Kernels kernels, AttentionShape causal, AttentionShape bidirectional) {
    static RunAttention of(Kernels kernels, AttentionShape causal) {
        var bidirectional = new AttentionShape(
                causal.queryHeads(),
                causal.kvHeads(),
                causal.headDim(),
                causal.scale(),
                causal.softcap(),
                causal.window(),
                false);
        return new RunAttention(kernels, causal, bidirectional);
    }

    /** Computes every row of the step. */
    void attend(int layer, Batch batch, float[] q, float[] out) {
        for (int e = 0; e < batch.entries(); e++) {
            attend(layer, batch.entry(e), 0, q, out);
        }
    }

    /**
     * Computes the entry's rows from its row {@code from} on, which is not inside a bidirectional run.
     *
     * @param q rotated queries of the whole step, [T, queryWidth]
     * @param out of the whole step, [T, queryWidth]
     */
    private void attend(int layer, Batch.Entry entry, int from, float[] q, float[] out) {
        TokenStream prompt = entry.prompt;
        int end = entry.end();
        // From a place in the cache to the position in the stream.
        int shift = entry.position - entry.start;
        for (int p = entry.start + from; p < end; ) {
            int spanEnd = end;
            AttentionShape shape = causal;
            if (p + shift < prompt.length()) {
                int run = prompt.runAt(p + shift);
                if (prompt.isBidirectional(run)) {
                    shape = bidirectional;
                    spanEnd = prompt.end(run) - shift;
                } else {
                    while (++run < prompt.runs().size()
                            && prompt.start(run) - shift < end
                            && !prompt.isBidirectional(run)) {}
                    spanEnd = run < prompt.runs().size() ? Math.min(end, prompt.start(run) - shift) : end;
                }
            }
            if (spanEnd > end) {
                throw new IllegalStateException("bidirectional run up to " + spanEnd + " (expected: within the step, "
                        + "which ends at " + end + ")");
            }
            int at = (entry.row + p - entry.start) * causal.queryWidth();
            attend(kernels, shape, entry, q, at, spanEnd - p, layer, p, spanEnd, out);
            p = spanEnd;
        }
    }

    /** Rows of a prompt the way of prompts, generated ones the way of those, whatever else the step has. */
    static void attend(
            Kernels kernels,
            AttentionShape shape,
            Batch.Entry entry,
            float[] q,
            int at,
            int tokens,
            int layer,
            int start,
            int length,
            float[] out) {
        if (entry.generated()) {
            kernels.attention(shape, q, at, tokens, entry.cache.pages(layer), start, length, out, at);
        } else {
            kernels.prefillAttention(shape, q, at, tokens, entry.cache.pages(layer), start, length, out, at);
        }
    }

    /**
     * Computes the rows whose logits the batch's entries ask for, and others where a run hangs together; then moves the
     * wanted rows to the front, to [0, logitRows).
     */
    void attendForLogits(int layer, Batch batch, float[] q, float[] out) {
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            if (entry.logitRows > 0) {
                int wanted = entry.position + entry.tokens - entry.logitRows;
                attend(layer, entry, entry.prompt.resumableAt(wanted) - entry.position, q, out);
            }
        }
        batch.keepLogitRows(out, causal.queryWidth());
    }
}
