package longreach.tensor.kernel;

/**
 * Geometry and mask of one attention layer. Query head h reads kv head h / (queryHeads / kvHeads).
 *
 * @param scale multiplies q.k before the mask, for instance headDim^-0.5
 * @param softcap s becomes softcap * tanh(s / softcap) before the mask; 0: off
 * @param window a query at position p sees keys j with p - window &lt; j &lt;= p; 0: no window
 * @param causal false: every query sees every key (encoders)
 */
public record AttentionShape(
        int queryHeads, int kvHeads, int headDim, float scale, float softcap, int window, boolean causal) {
    public AttentionShape {
        if (kvHeads <= 0 || queryHeads <= 0 || queryHeads % kvHeads != 0) {
            throw new IllegalArgumentException(
                    "queryHeads: " + queryHeads + " (expected: a positive multiple of kvHeads " + kvHeads + ")");
        }
    }

    public static AttentionShape causal(int queryHeads, int kvHeads, int headDim) {
        return new AttentionShape(queryHeads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), 0, 0, true);
    }

    public static AttentionShape full(int heads, int headDim) {
        return new AttentionShape(heads, heads, headDim, (float) (1 / Math.sqrt(headDim)), 0, 0, false);
    }

    public int queryWidth() {
        return queryHeads * headDim;
    }

    public int kvWidth() {
        return kvHeads * headDim;
    }
}
