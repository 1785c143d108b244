package longreach.lm.sample;

/** A reproducible sequence of uniform draws: the n-th one depends on the seed and on n alone (SplitMix64). */
public record Draws(long seed) {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** Another sequence of the same seed, independent of this one; {@code number} is not 0. */
    public Draws stream(int number) {
        return new Draws(mixed(seed ^ number * 0xD1B54A32D192ED03L));
    }

    /** In [0, 1). */
    public double at(long n) {
        return (mixed(seed + (n + 1) * GOLDEN) >>> 11) * 0x1p-53;
    }

    private static long mixed(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
