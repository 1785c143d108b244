package longreach.lm.schedule;

import java.util.function.IntToDoubleFunction;

/**
 * How much a step that decodes is worth while it is put together: its rows, and the tokens that it is expected to give.
 * Guesses are worth their rows when they raise tokens over time of the whole step, whoever's rows fill it: alone on a
 * machine whose steps cost little more with more rows, doubtful guesses pay too; among many sequences only sure ones do.
 */
public final class StepPlan {
    // Estimates err, and a wrong guess costs more than a missed one.
    private static final double WORTH = 1.03;

    private final IntToDoubleFunction cost;
    private int rows;
    private int free;
    private double tokens;
    private double besides;

    /** @param cost time of a step of so many rows, in any unit */
    public StepPlan(IntToDoubleFunction cost) {
        this.cost = cost;
    }

    /**
     * @param sequences that decode, with a row and a token each
     * @param guesses most rows of guesses
     */
    public void begin(int sequences, int guesses) {
        rows = sequences;
        tokens = sequences;
        free = guesses;
        besides = 0;
    }

    /**
     * Takes rows for the guesses of one sequence, as many as serve the step best.
     *
     * @param reached reached[i]: probability that guess i and all before it are right
     * @param most guesses there are
     * @param eachCosts time that making a guess takes beside its row, in the unit of the cost
     * @return how many guesses; 0: none is worth its row
     */
    public int take(double[] reached, int most, double eachCosts) {
        double given = tokens;
        double bestPace = WORTH * tokens / (cost.applyAsDouble(rows) + besides);
        double bestGiven = tokens;
        int best = 0;
        for (int guesses = 1; guesses <= Math.min(most, free); guesses++) {
            given += reached[guesses - 1];
            double pace = given / (cost.applyAsDouble(rows + guesses) + besides + guesses * eachCosts);
            if (pace > bestPace) {
                bestPace = pace;
                bestGiven = given;
                best = guesses;
            }
        }
        rows += best;
        free -= best;
        tokens = bestGiven;
        besides += best * eachCosts;
        return best;
    }

    /** Takes rows for guesses that were decided on elsewhere. */
    public void add(int guesses) {
        rows += guesses;
        free = Math.max(0, free - guesses);
    }

    /** Rows of guesses that are left. */
    public int free() {
        return free;
    }

    /** Rows that decode, guesses included. */
    public int rows() {
        return rows;
    }
}
