package longreach.lm.sample;

/** Chooses a token. A value: equal logits and an equal draw give the same token. */
public sealed interface Sampler permits GreedySampler, RandomSampler {
    /**
     * What this sampler draws from, given these logits.
     *
     * @param logits logits[offset, offset + n)
     * @param into refilled
     */
    void distribution(float[] logits, int offset, int n, Distribution into);

    /**
     * @param logits logits[offset, offset + n)
     * @param uniform a draw from [0, 1)
     * @return index in [0, n)
     */
    default int pick(float[] logits, int offset, int n, double uniform) {
        var distribution = new Distribution();
        distribution(logits, offset, n, distribution);
        return distribution.pick(uniform);
    }
}
