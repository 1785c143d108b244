package longreach.lm.speculate;

import longreach.lm.prompt.TokenStream;
import longreach.lm.schedule.StepPlan;

/** Guesses at one sequence's next tokens from its own prompt and answer. */
public final class LookupDraft {
    private final PromptLookup lookup;
    private final LookupTrust trust = new LookupTrust();
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
     * Guesses as many tokens as are worth a row.
     *
     * @param most room in {@code into}
     */
    public int draft(int[] into, int most, StepPlan plan) {
        int count = 0;
        if (match > 0) {
            double all = 1;
            while (count < most && plan.take(all *= trust.rate(match + count))) {
                count++;
            }
        }
        return lookup.copy(into, count);
    }
}
