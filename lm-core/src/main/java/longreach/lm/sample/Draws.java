package longreach.lm.sample;

/** A reproducible sequence of uniform draws: the n-th one depends on the seed and on n alone (SplitMix64). */
public record Draws(long seed) {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** In [0, 1). */
    public double at(long n) {
        long z = seed + (n + 1) * GOLDEN;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return ((z ^ (z >>> 31)) >>> 11) * 0x1p-53;
    }
}
