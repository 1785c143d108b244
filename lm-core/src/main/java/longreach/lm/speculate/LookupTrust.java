package longreach.lm.speculate;

/**
 * How likely the token after a match is the right one, by the match's length. Begins with what was measured over document
 * questions and learns from every token of its sequence, also where nothing was drafted: comparing a guess with the token
 * that came costs nothing. So guessing stops after a few wrong guesses and begins again when guesses would have been right.
 */
final class LookupTrust {
    // Lower bounds of the classes of match lengths.
    private static final int[] FROM = {2, 3, 4, 6, 9, 14};
    private static final double[] PRIOR = {0.3, 0.45, 0.6, 0.75, 0.85, 0.9};
    // Of so many tokens the prior is worth.
    private static final double PRIOR_WEIGHT = 3;
    // What was seen loses half its weight over some 16 tokens of its class.
    private static final double KEPT = 0.96;

    private final double[] right = new double[FROM.length];
    private final double[] seen = new double[FROM.length];

    void observe(int matchLength, boolean wasRight) {
        int at = classOf(matchLength);
        right[at] = right[at] * KEPT + (wasRight ? 1 : 0);
        seen[at] = seen[at] * KEPT + 1;
    }

    double rate(int matchLength) {
        int at = classOf(matchLength);
        return (right[at] + PRIOR[at] * PRIOR_WEIGHT) / (seen[at] + PRIOR_WEIGHT);
    }

    private static int classOf(int matchLength) {
        int at = 0;
        while (at + 1 < FROM.length && matchLength >= FROM[at + 1]) {
            at++;
        }
        return at;
    }
}
