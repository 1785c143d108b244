package longreach.lm.grammar;

/**
 * The part of a grammar that takes bytes: a machine whose whole state is one long. From every state that it reaches it can
 * come to an accepting one.
 */
sealed interface Leaf extends Node permits Leaf.Regular, Leaf.Counted {
    long start();

    /** The next state, or -1. */
    long step(long state, int b);

    boolean accepting(long state);

    /** Whether any byte may follow. */
    boolean continues(long state);

    /** An automaton that tells apart every two bytes that this machine tells apart. */
    Dfa alphabet();

    /** What tells machines apart that take different bytes from equal {@link #local} states. */
    Object kind();

    /**
     * A state that takes the same bytes as this one for the next {@code horizon} bytes: states that only far counters
     * tell apart become one.
     */
    long local(long state, int horizon);

    /** A regular language. */
    record Regular(Dfa dfa) implements Leaf {
        @Override
        public long start() {
            return 0;
        }

        @Override
        public long step(long state, int b) {
            return dfa.step((int) state, b);
        }

        @Override
        public boolean accepting(long state) {
            return dfa.accepting((int) state);
        }

        @Override
        public boolean continues(long state) {
            return dfa.continues((int) state);
        }

        @Override
        public Dfa alphabet() {
            return dfa;
        }

        @Override
        public Object kind() {
            return dfa;
        }

        @Override
        public long local(long state, int horizon) {
            return state;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(dfa);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Regular regular && regular.dfa == dfa;
        }
    }

    /**
     * The rest of a string of [min, max] characters after its opening quote. States count characters: an automaton would
     * need some copies of a character's for each.
     *
     * @param max -1: without end
     */
    record Counted(int min, int max) implements Leaf {
        private static final Dfa CHARACTER = JsonText.ANY_CHARACTER;
        private static final int BITS = 8;
        private static final long END = (1 << BITS) - 1;
        private static final Object KIND = new Object();

        // State: the character's automaton in the low bits, characters still possible and still needed above.
        private static long pack(long state, long possible, long needed) {
            return needed << 36 | possible << BITS | state;
        }

        private static long possible(long state) {
            return state >> BITS & 0xFFF_FFFFL;
        }

        private static long needed(long state) {
            return state >> 36;
        }

        private static final long ENDLESS = 0xFFF_FFFFL;

        @Override
        public long start() {
            return pack(0, max < 0 ? ENDLESS : max, min);
        }

        @Override
        public long step(long state, int b) {
            long inner = state & END;
            long possible = possible(state);
            long needed = needed(state);
            if (inner == END) {
                return -1;
            }
            if (inner == 0) {
                if (b == '"') {
                    return needed == 0 ? pack(END, 0, 0) : -1;
                }
                if (possible == 0) {
                    return -1;
                }
            }
            int next = CHARACTER.step((int) inner, b);
            if (next < 0) {
                return -1;
            }
            return CHARACTER.accepting(next)
                    ? pack(0, possible == ENDLESS ? ENDLESS : possible - 1, Math.max(0, needed - 1))
                    : pack(next, possible, needed);
        }

        @Override
        public boolean accepting(long state) {
            return (state & END) == END;
        }

        @Override
        public boolean continues(long state) {
            return (state & END) != END;
        }

        @Override
        public Dfa alphabet() {
            return CHARACTER;
        }

        @Override
        public Object kind() {
            return KIND;
        }

        @Override
        public long local(long state, int horizon) {
            long possible = possible(state);
            return pack(state & END, possible > horizon ? ENDLESS : possible, Math.min(needed(state), horizon + 1));
        }
    }
}
