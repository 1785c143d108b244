package longreach.lm.schedule;

import java.util.function.IntToDoubleFunction;

/**
 * How much a step that decodes is worth while it is put together: its rows, and the tokens that it is expected to give. A
 * guess is worth a row as long as it raises tokens over time of the whole step, whoever's rows fill it: alone on a machine
 * whose steps cost little more with more rows, doubtful guesses pay too; among many sequences only sure ones do.
 */
public final class StepPlan {
    // Estimates err, and a wrong guess costs more than a missed one.
    private static final double WORTH = 1.02;

    private final IntToDoubleFunction cost;
    private int rows;
    private int free;
    private double tokens;

    /** @param cost time of a step of so many rows, in any unit */
    public StepPlan(IntToDoubleFunction cost) {
        this.cost = cost;
    }

    /**
     * @param sequences that decode, with a row and a token each
     * @param drafts most rows of guesses
     */
    public void begin(int sequences, int drafts) {
        rows = sequences;
        tokens = sequences;
        free = drafts;
    }

    /** Takes a row for a guess that is right, and so are those before it, with this probability; false: not worth it. */
    public boolean take(double probability) {
        double now = cost.applyAsDouble(rows);
        double then = cost.applyAsDouble(rows + 1);
        if (free == 0 || (tokens + probability) * now < WORTH * tokens * then) {
            return false;
        }
        free--;
        rows++;
        tokens += probability;
        return true;
    }

    /** Rows that decode, guesses included. */
    public int rows() {
        return rows;
    }
}
