package longreach.lm.schedule;

/**
 * What steps take, learnt from those that were made: a line through the times of steps that only decode, over their rows,
 * and the time that a prompt's token adds. Old steps are forgotten, so that the estimate follows growing contexts and a
 * machine that others use too. Used by the engine's thread.
 */
public final class StepCost {
    // Cost of a further row in shares of a step's fixed cost, while nothing is known of it.
    private static final double ASSUMED_SLOPE = 0.25;
    private static final double LEAST_SLOPE = 0.01;
    private static final double MOST_SLOPE = 1;
    // Half the weight goes to the last 35 steps.
    private static final double KEPT = 0.98;
    // A step that was interrupted counts as if it had taken so many times its estimate.
    private static final double OUTLIER = 3;
    private static final double LEAST_VARIANCE = 0.05;
    private static final double PREFILL_SHARE = 0.2;

    private double n;
    private double sumRows;
    private double sumRowsSquared;
    private double sumNanos;
    private double sumRowsNanos;
    private double fixed;
    private double perRow;
    private double perPromptToken;

    /** A step of {@code rows} rows of sequences that decode, and nothing else. */
    public void decoded(int rows, long nanos) {
        double time = fixed == 0 ? nanos : Math.min(nanos, OUTLIER * decodeNanos(rows));
        n = n * KEPT + 1;
        sumRows = sumRows * KEPT + rows;
        sumRowsSquared = sumRowsSquared * KEPT + (double) rows * rows;
        sumNanos = sumNanos * KEPT + time;
        sumRowsNanos = sumRowsNanos * KEPT + rows * time;
        fit();
    }

    private void fit() {
        double meanRows = sumRows / n;
        double meanNanos = sumNanos / n;
        double variance = sumRowsSquared / n - meanRows * meanRows;
        double slope = ASSUMED_SLOPE;
        if (variance > LEAST_VARIANCE) {
            double line = (sumRowsNanos / n - meanRows * meanNanos) / variance;
            double at0 = meanNanos - line * meanRows;
            slope = at0 <= 0 ? MOST_SLOPE : Math.clamp(line / at0, LEAST_SLOPE, MOST_SLOPE);
        }
        fixed = meanNanos / (1 + slope * meanRows);
        perRow = slope * fixed;
    }

    /** A step with {@code promptTokens} tokens of prompts beside {@code rows} rows that decode. */
    public void prefilled(int rows, int promptTokens, long nanos) {
        double time = Math.max(0, nanos - (rows == 0 ? 0 : decodeNanos(rows))) / promptTokens;
        perPromptToken = perPromptToken == 0 ? time : (1 - PREFILL_SHARE) * perPromptToken + PREFILL_SHARE * time;
    }

    /** Whether steps that decode have been seen. */
    public boolean knowsDecode() {
        return fixed > 0;
    }

    /** Expected time of a step that decodes {@code rows} rows; only their ratios mean something before the first one. */
    public double decodeNanos(int rows) {
        return fixed == 0 ? 1 + ASSUMED_SLOPE * rows : fixed + perRow * rows;
    }

    /** Time that a prompt's token adds to a step; 0: not known yet. */
    public double nanosPerPromptToken() {
        return perPromptToken;
    }
}
