package longreach.lm.sample;

/** The most probable token, the lowest id among equals. */
public record GreedySampler() implements Sampler {
    @Override
    public void distribution(float[] logits, int offset, int n, Distribution into) {
        into.certain(pick(logits, offset, n, 0));
    }

    @Override
    public int pick(float[] logits, int offset, int n, double uniform) {
        int best = 0;
        for (int i = 1; i < n; i++) {
            if (logits[offset + i] > logits[offset + best]) {
                best = i;
            }
        }
        return best;
    }
}
