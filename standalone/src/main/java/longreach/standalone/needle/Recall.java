package longreach.standalone.needle;

import java.util.Arrays;

/** What was found of one length, in one way of seeing it, by one kind of question. */
final class Recall {
    final int length;
    final String mode;
    final boolean paraphrased;
    private final int[] foundAt;
    private final int[] askedAt;
    private int shown;
    private double seconds;

    Recall(int length, String mode, boolean paraphrased, int depths) {
        this.length = length;
        this.mode = mode;
        this.paraphrased = paraphrased;
        foundAt = new int[depths];
        askedAt = new int[depths];
    }

    /** @param held whether the fact lay whole in what the question saw */
    void add(int depth, boolean found, boolean held, double took) {
        askedAt[depth]++;
        foundAt[depth] += found ? 1 : 0;
        shown += held ? 1 : 0;
        seconds += took;
    }

    int found() {
        return Arrays.stream(foundAt).sum();
    }

    int asked() {
        return Arrays.stream(askedAt).sum();
    }

    /** How often the fact was in sight. */
    int shown() {
        return shown;
    }

    double secondsEach() {
        return asked() == 0 ? 0 : seconds / asked();
    }

    Interval interval() {
        return Interval.of(found(), asked());
    }

    int depths() {
        return askedAt.length;
    }

    int foundAt(int depth) {
        return foundAt[depth];
    }

    int askedAt(int depth) {
        return askedAt[depth];
    }

    /** "2k", "7680" */
    static String label(int tokens) {
        return tokens % 1024 == 0 ? tokens / 1024 + "k" : String.valueOf(tokens);
    }
}
