package longreach.lm.grammar;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Decimal spellings of the numbers between two bounds. Digits are bounded, since a model that is not sure where a number
 * ends may never end it: 15 before the point, as many as a double keeps, and {@value #FRACTION} after it.
 */
final class NumberRange {
    private static final int INTEGER_DIGITS = 15;
    private static final int FRACTION = 15;
    private static final int MAX_SCALE = 15;
    private static final BigDecimal FAR = BigDecimal.TEN.pow(INTEGER_DIGITS);

    /** Any number; an exponent has at most two digits. */
    static final Dfa ANY_NUMBER = JsonText.make(nfa -> nfa.then(
            whole(nfa),
            nfa.then(
                    nfa.optional(nfa.then(nfa.text("."), nfa.repeat(() -> nfa.range('0', '9'), 1, FRACTION))),
                    nfa.optional(nfa.then(
                            JsonText.oneOf(nfa, "eE"),
                            nfa.then(
                                    nfa.optional(JsonText.oneOf(nfa, "+-")),
                                    nfa.repeat(() -> nfa.range('0', '9'), 1, 2)))))));

    static final Dfa ANY_INTEGER = JsonText.make(nfa ->
            nfa.either(List.of(nfa.text("0"), nfa.then(nfa.optional(nfa.text("-")), fromOne(nfa)))));

    private final Nfa nfa;
    private final int fraction;
    private final Nfa.Fragment all;

    private NumberRange(Nfa nfa, int fraction) {
        this.nfa = nfa;
        this.fraction = fraction;
        all = new Nfa.Fragment(nfa.state(), nfa.state());
    }

    private static Nfa.Fragment whole(Nfa nfa) {
        return nfa.then(nfa.optional(nfa.text("-")), nfa.either(List.of(nfa.text("0"), fromOne(nfa))));
    }

    private static Nfa.Fragment fromOne(Nfa nfa) {
        return nfa.then(nfa.range('1', '9'), nfa.repeat(() -> nfa.range('0', '9'), 0, INTEGER_DIGITS - 1));
    }

    /** @param exclusive whether the value itself is left out */
    record Bound(BigDecimal value, boolean exclusive) {
        /** @throws IllegalArgumentException for a value that is not spelled out in 15 digits on either side */
        Bound {
            // The scale first: a tiny text can name a number of a billion digits.
            if (Math.abs((long) value.scale()) > 400 || value.precision() > 400 || tooFine(value)) {
                throw new IllegalArgumentException(
                        "more digits than " + INTEGER_DIGITS + " before the point or " + MAX_SCALE + " after it");
            }
        }

        private static boolean tooFine(BigDecimal value) {
            return value.stripTrailingZeros().scale() > MAX_SCALE;
        }
    }

    /**
     * @param low null: none
     * @param high null: none
     * @return an automaton that may be empty
     */
    static Dfa integers(Bound low, Bound high, Work work) {
        BigDecimal from = low == null ? FAR.negate().add(BigDecimal.ONE) : ceiling(low);
        BigDecimal to = high == null ? FAR.subtract(BigDecimal.ONE) : floor(high);
        return between(new Bound(from, false), new Bound(to, false), 0, work);
    }

    private static BigDecimal ceiling(Bound low) {
        BigInteger up = low.value.setScale(0, java.math.RoundingMode.CEILING).toBigInteger();
        boolean whole = new BigDecimal(up).compareTo(low.value) == 0;
        return new BigDecimal(whole && low.exclusive ? up.add(BigInteger.ONE) : up);
    }

    private static BigDecimal floor(Bound high) {
        BigInteger down = high.value.setScale(0, java.math.RoundingMode.FLOOR).toBigInteger();
        boolean whole = new BigDecimal(down).compareTo(high.value) == 0;
        return new BigDecimal(whole && high.exclusive ? down.subtract(BigInteger.ONE) : down);
    }

    static Dfa decimals(Bound low, Bound high, Work work) {
        var from = low == null ? new Bound(FAR.negate(), true) : low;
        var to = high == null ? new Bound(FAR, true) : high;
        return between(from, to, FRACTION, work);
    }

    private static Dfa between(Bound low, Bound high, int fraction, Work work) {
        var nfa = new Nfa(work);
        var range = new NumberRange(nfa, fraction);
        var zero = new Bound(BigDecimal.ZERO, false);
        if (high.value.signum() >= 0) {
            range.positive("", low.value.signum() < 0 ? zero : low, high);
        }
        if (low.value.signum() < 0) {
            // Zero is spelled without a sign.
            var least = high.value.signum() >= 0
                    ? new Bound(BigDecimal.ZERO, true)
                    : new Bound(high.value.negate(), high.exclusive);
            range.positive("-", least, new Bound(low.value.negate(), low.exclusive));
        }
        return nfa.toDfa(range.all);
    }

    /** Both bounds are 0 or more. */
    private void positive(String sign, Bound low, Bound high) {
        int start = all.start();
        if (!sign.isEmpty()) {
            int after = nfa.state();
            nfa.edge(start, sign.charAt(0), sign.charAt(0), after);
            start = after;
        }
        for (int digits = 1; digits <= INTEGER_DIGITS; digits++) {
            BigDecimal least = digits == 1 ? BigDecimal.ZERO : BigDecimal.TEN.pow(digits - 1);
            BigDecimal beyond = BigDecimal.TEN.pow(digits);
            Bound from = low.value.compareTo(least) < 0 ? new Bound(least, false) : low;
            Bound to = high.value.compareTo(beyond) < 0 ? high : new Bound(beyond, true);
            int order = from.value.compareTo(to.value);
            if (order < 0 || order == 0 && !from.exclusive && !to.exclusive) {
                new Digits(digits, from, to).draw(start);
            }
        }
    }

    /** Numbers with so many digits before the point. */
    private final class Digits {
        private final int digits;
        private final String low;
        private final String high;
        private final boolean lowExclusive;
        private final boolean highExclusive;
        private final Map<Integer, Integer> states = new HashMap<>();
        private final List<Integer> open = new ArrayList<>();

        Digits(int digits, Bound from, Bound to) {
            this.digits = digits;
            // 10^digits has one digit too many: "below it" is "at most all nines", and never tight.
            boolean unbounded = to.value.compareTo(BigDecimal.TEN.pow(digits)) == 0;
            low = plain(from.value);
            high = unbounded ? "9".repeat(digits + FRACTION) : plain(to.value);
            lowExclusive = from.exclusive;
            highExclusive = !unbounded && to.exclusive;
        }

        /** Digits before and after the point without the point, the same number for every value. */
        private String plain(BigDecimal value) {
            String all = value.setScale(FRACTION)
                    .movePointRight(FRACTION)
                    .toBigInteger()
                    .toString();
            return "0".repeat(Math.max(0, digits + FRACTION - all.length())) + all;
        }

        void draw(int start) {
            states.put(key(0, true, true), start);
            open.add(key(0, true, true));
            for (int i = 0; i < open.size(); i++) {
                int key = open.get(i);
                expand(key >> 2, (key & 2) != 0, (key & 1) != 0, states.get(key));
            }
        }

        private static int key(int position, boolean tightLow, boolean tightHigh) {
            return position << 2 | (tightLow ? 2 : 0) | (tightHigh ? 1 : 0);
        }

        private void expand(int position, boolean tightLow, boolean tightHigh, int state) {
            if (position >= digits && mayEnd(position, tightLow, tightHigh)) {
                nfa.silent(state, all.end());
            }
            if (position == digits + fraction) {
                return;
            }
            int from = state;
            if (position == digits) {
                from = nfa.state();
                nfa.edge(state, '.', '.', from);
            }
            int least = tightLow ? low.charAt(position) : '0';
            int most = tightHigh ? high.charAt(position) : '9';
            if (position == 0 && digits > 1) {
                least = Math.max(least, '1');
            }
            for (int c = least; c <= most; c++) {
                boolean stillLow = tightLow && c == low.charAt(position);
                boolean stillHigh = tightHigh && c == high.charAt(position);
                nfa.edge(from, c, c, state(position + 1, stillLow, stillHigh));
            }
        }

        private int state(int position, boolean tightLow, boolean tightHigh) {
            int key = key(position, tightLow, tightHigh);
            Integer known = states.get(key);
            if (known == null) {
                known = nfa.state();
                states.put(key, known);
                open.add(key);
            }
            return known;
        }

        private boolean mayEnd(int position, boolean tightLow, boolean tightHigh) {
            boolean lowReached = !tightLow || zeros(low, position) && !lowExclusive;
            boolean highKept = !tightHigh || !highExclusive || !zeros(high, position);
            return lowReached && highKept;
        }

        private static boolean zeros(String digits, int from) {
            for (int i = from; i < digits.length(); i++) {
                if (digits.charAt(i) != '0') {
                    return false;
                }
            }
            return true;
        }
    }
}
