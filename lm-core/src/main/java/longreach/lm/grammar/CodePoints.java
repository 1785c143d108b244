package longreach.lm.grammar;

import java.util.ArrayList;
import java.util.List;

/** A set of Unicode code points as sorted ranges that do not touch; surrogates are never in it. */
record CodePoints(List<int[]> ranges) {
    private static final int LAST = Character.MAX_CODE_POINT;
    static final CodePoints NONE = new CodePoints(List.of());
    static final CodePoints ALL = of(0, LAST);

    static CodePoints of(int low, int high) {
        List<int[]> raw = new ArrayList<>();
        raw.add(new int[] {low, high});
        return normal(raw);
    }

    static CodePoints of(int point) {
        return of(point, point);
    }

    CodePoints or(CodePoints other) {
        List<int[]> raw = new ArrayList<>(ranges);
        raw.addAll(other.ranges);
        return normal(raw);
    }

    CodePoints not() {
        List<int[]> rest = new ArrayList<>();
        int from = 0;
        for (int[] range : ranges) {
            if (range[0] > from) {
                rest.add(new int[] {from, range[0] - 1});
            }
            from = range[1] + 1;
        }
        if (from <= LAST) {
            rest.add(new int[] {from, LAST});
        }
        return normal(rest);
    }

    CodePoints and(CodePoints other) {
        return not().or(other.not()).not();
    }

    boolean has(int point) {
        for (int[] range : ranges) {
            if (range[0] <= point && point <= range[1]) {
                return true;
            }
        }
        return false;
    }

    private static CodePoints normal(List<int[]> raw) {
        List<int[]> split = new ArrayList<>();
        for (int[] range : raw) {
            if (range[0] < Character.MIN_SURROGATE) {
                split.add(new int[] {range[0], Math.min(range[1], Character.MIN_SURROGATE - 1)});
            }
            if (range[1] > Character.MAX_SURROGATE) {
                split.add(new int[] {Math.max(range[0], Character.MAX_SURROGATE + 1), range[1]});
            }
        }
        split.sort((a, b) -> Integer.compare(a[0], b[0]));
        List<int[]> joined = new ArrayList<>();
        for (int[] range : split) {
            if (!joined.isEmpty() && range[0] <= joined.getLast()[1] + 1) {
                joined.getLast()[1] = Math.max(joined.getLast()[1], range[1]);
            } else {
                joined.add(range.clone());
            }
        }
        return new CodePoints(joined);
    }

    /** UTF-8 sequences of exactly these code points. */
    Nfa.Fragment utf8(Nfa nfa) {
        var all = new Nfa.Fragment(nfa.state(), nfa.state());
        int[] limits = {0x7F, 0x7FF, 0xFFFF, LAST};
        for (int[] range : ranges) {
            int from = range[0];
            for (int size = 1; size <= 4 && from <= range[1]; size++) {
                int to = Math.min(range[1], limits[size - 1]);
                if (from <= to) {
                    encode(nfa, all.start(), all.end(), from, to, size);
                    from = to + 1;
                }
            }
        }
        return all;
    }

    /** Adds the encodings of [low, high], all of {@code size} bytes. */
    private static void encode(Nfa nfa, int start, int end, int low, int high, int size) {
        if (size == 1) {
            nfa.edge(start, low, high, end);
            return;
        }
        int lead = switch (size) {
            case 2 -> 0xC0;
            case 3 -> 0xE0;
            default -> 0xF0;
        };
        tail(nfa, start, end, low, high, size - 1, lead);
    }

    /** @param following bytes after this one @param mark the high bits of this byte */
    private static void tail(Nfa nfa, int start, int end, int low, int high, int following, int mark) {
        if (following == 0) {
            nfa.edge(start, mark | low, mark | high, end);
            return;
        }
        int shift = 6 * following;
        int mask = (1 << shift) - 1;
        int first = low >> shift;
        int last = high >> shift;
        if ((low & mask) != 0 && first < last) {
            step(nfa, start, end, first, first, low & mask, mask, following, mark);
            first++;
        }
        if ((high & mask) != mask && first < last) {
            step(nfa, start, end, last, last, 0, high & mask, following, mark);
            last--;
        }
        boolean one = first == last;
        step(
                nfa,
                start,
                end,
                first,
                last,
                one ? low(low, first, shift, mask) : 0,
                one ? high(high, last, shift, mask) : mask,
                following,
                mark);
    }

    private static int low(int low, int first, int shift, int mask) {
        return low >> shift == first ? low & mask : 0;
    }

    private static int high(int high, int last, int shift, int mask) {
        return high >> shift == last ? high & mask : mask;
    }

    private static void step(
            Nfa nfa, int start, int end, int first, int last, int low, int high, int following, int mark) {
        int middle = nfa.state();
        nfa.edge(start, mark | first, mark | last, middle);
        tail(nfa, middle, end, low, high, following - 1, 0x80);
    }
}
