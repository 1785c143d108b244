package longreach.lm.sample;

/** Chooses a token. A value: equal logits and an equal draw give the same token. */
public sealed interface Sampler permits GreedySampler, RandomSampler {
    /**
     * @param logits logits[offset, offset + n)
     * @param uniform a draw from [0, 1)
     * @return index in [0, n)
     */
    int pick(float[] logits, int offset, int n, double uniform);
}
