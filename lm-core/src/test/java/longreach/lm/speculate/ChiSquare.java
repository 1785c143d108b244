package longreach.lm.speculate;

import java.util.Arrays;
import java.util.Comparator;

/** Pearson's test of counts against probabilities, cells merged until each expects at least five. */
record ChiSquare(double statistic, int degrees) {
    // Upper 0.001 point of the standard normal distribution.
    private static final double Z = 3.0902;
    private static final double LEAST_EXPECTED = 5;

    static ChiSquare of(long[] counts, double[] probabilities) {
        long total = Arrays.stream(counts).sum();
        Integer[] cells = new Integer[counts.length];
        Arrays.setAll(cells, i -> i);
        Arrays.sort(cells, Comparator.comparingDouble(i -> probabilities[i]));
        double statistic = 0;
        int merged = 0;
        double observed = 0;
        double expected = 0;
        double left = total;
        for (int cell : cells) {
            observed += counts[cell];
            expected += probabilities[cell] * total;
            left -= probabilities[cell] * total;
            // The last cells go together rather than leave one that expects too little.
            if (expected >= LEAST_EXPECTED && left >= LEAST_EXPECTED) {
                statistic += (observed - expected) * (observed - expected) / expected;
                merged++;
                observed = 0;
                expected = 0;
            }
        }
        statistic += (observed - expected) * (observed - expected) / expected;
        return new ChiSquare(statistic, merged);
    }

    /** The value that a true hypothesis exceeds once in a thousand times (Wilson and Hilferty's approximation). */
    double limit() {
        double a = 2.0 / (9.0 * degrees);
        return degrees * Math.pow(1 - a + Z * Math.sqrt(a), 3);
    }

    boolean rejects() {
        return statistic > limit();
    }
}
