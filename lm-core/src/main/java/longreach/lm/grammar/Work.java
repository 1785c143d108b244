package longreach.lm.grammar;

/** What making one grammar may cost, in steps of some nanoseconds; a hostile schema runs out of it. */
final class Work {
    private static final long STEPS = 60_000_000;

    private long left = STEPS;

    /** @throws Nfa.TooLarge when nothing is left */
    void spend(long steps) {
        left -= steps;
        if (left < 0) {
            throw new Nfa.TooLarge();
        }
    }
}
