package longreach.lm.schedule;

/**
 * What steps that only decode take, by their rows, learnt from those that were made: a shape over the rows, which belongs
 * to model and kernels, times a pace, which wanders with growing contexts and with whoever else uses the machine. Used by
 * the engine's thread.
 */
public final class StepCost {
    // Beyond so many rows a further row costs what it did before.
    private static final int MOST_ROWS = 64;
    // Cost of a further row in shares of a step of one, while nothing is known of it: low enough to be tried.
    private static final double ASSUMED_ROW = 0.2;
    private static final double PACE_SHARE = 0.2;
    // Steps of more rows tell less of the pace: what they took may be their shape.
    private static final double PACE_SHARE_OF_MORE = 0.05;
    private static final double SHAPE_SHARE = 0.1;
    // A step that was interrupted counts as if it had taken so many times its estimate.
    private static final double OUTLIER = 1.5;

    private final double[] shape = new double[MOST_ROWS + 1];
    private double pace;

    public StepCost() {
        for (int rows = 0; rows <= MOST_ROWS; rows++) {
            shape[rows] = 1 + ASSUMED_ROW * (rows - 1);
        }
    }

    /** A step of {@code rows} rows of sequences that decode, and nothing else. */
    public void decoded(int rows, long nanos) {
        int at = Math.min(rows, MOST_ROWS);
        double time = pace == 0 ? nanos : Math.min(nanos, OUTLIER * decodeNanos(rows));
        double now = time / shape[at];
        // The step of one row is the measure of the others.
        if (at > 1 && pace > 0) {
            shape[at] = Math.max(1, (1 - SHAPE_SHARE) * shape[at] + SHAPE_SHARE * time / pace);
        }
        double share = at > 1 ? PACE_SHARE_OF_MORE : PACE_SHARE;
        pace = pace == 0 ? now : (1 - share) * pace + share * now;
    }

    /** Whether steps that decode have been seen. */
    public boolean knowsDecode() {
        return pace > 0;
    }

    /** Expected time of a step that decodes {@code rows} rows; only their ratios mean something before the first one. */
    public double decodeNanos(int rows) {
        double beyond = rows > MOST_ROWS ? (rows - MOST_ROWS) * ASSUMED_ROW : 0;
        return (pace == 0 ? 1 : pace) * (shape[Math.min(rows, MOST_ROWS)] + beyond);
    }
}
