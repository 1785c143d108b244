package longreach.lm.speculate;

import longreach.lm.prompt.TokenStream;
import longreach.lm.schedule.StepPlan;

/** Guesses at one sequence's next tokens from its own prompt and answer. */
public final class LookupDraft {
    private final PromptLookup lookup;
    private final LookupTrust trust = new LookupTrust();
    private double[] reached = new double[0];
    private int match;

    public LookupDraft(TokenStream prompt) {
        lookup = new PromptLookup(prompt.length());
        for (int p = 0; p < prompt.length(); p++) {
            lookup.add(prompt.id(p));
        }
        match = lookup.find();
    }

    /** The answer has gone on with this token. */
    public void add(int id) {
        if (match > 0) {
            trust.observe(match, lookup.guess() == id);
        }
        lookup.add(id);
        match = lookup.find();
    }

    /**
     * Guesses as many tokens as are worth their rows.
     *
     * @param most room in {@code into}
     */
    public int draft(int[] into, int most, StepPlan plan) {
        if (match == 0 || most <= 0) {
            return 0;
        }
        if (reached.length < most) {
            reached = new double[most];
        }
        int there = lookup.copy(into, most);
        double all = 1;
        for (int i = 0; i < there; i++) {
            all *= trust.rate(match + i);
            reached[i] = all;
        }
        return plan.take(reached, there, 0);
    }
}
