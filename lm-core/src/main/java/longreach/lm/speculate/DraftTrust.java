package longreach.lm.speculate;

import longreach.lm.schedule.StepPlan;

/** How often a draft model's guesses were right in one sequence lately, and how many it is worth making. */
public final class DraftTrust {
    private static final double PRIOR = 0.6;
    private static final double PRIOR_WEIGHT = 4;
    // What was seen loses half its weight over some 16 guesses.
    private static final double KEPT = 0.96;
    // So that guessing begins again: one guess after so many steps without.
    private static final int PAUSE = 24;

    private double right;
    private double judged;
    private int steps;
    private double[] reached = new double[0];

    /** Of the guesses of a step {@code kept} were right; the next one, if there was one, was wrong. */
    public void observe(int guesses, int kept) {
        for (int i = 0; i < Math.min(guesses, kept + 1); i++) {
            right = right * KEPT + (i < kept ? 1 : 0);
            judged = judged * KEPT + 1;
        }
    }

    double rate() {
        return (right + PRIOR * PRIOR_WEIGHT) / (judged + PRIOR_WEIGHT);
    }

    /** @param eachCosts time of one step of the draft model, in the unit of the plan's cost */
    public int length(int most, StepPlan plan, double eachCosts) {
        if (most <= 0) {
            return 0;
        }
        if (reached.length < most) {
            reached = new double[most];
        }
        double all = 1;
        for (int i = 0; i < most; i++) {
            all *= rate();
            reached[i] = all;
        }
        int length = plan.take(reached, most, eachCosts);
        steps = length > 0 ? 0 : steps + 1;
        if (steps > PAUSE && plan.free() > 0) {
            steps = 0;
            plan.add(1);
            return 1;
        }
        return length;
    }
}
