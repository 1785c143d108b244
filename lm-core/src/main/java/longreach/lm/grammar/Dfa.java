package longreach.lm.grammar;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A deterministic automaton over bytes. From every state that it reaches some bytes lead to acceptance. State 0 begins. */
final class Dfa {
    private static final int MAX_PRODUCT_STATES = 60_000;

    private final int[] classOf;
    private final int classes;
    // [states, classes], -1: no way on
    private final int[] next;
    private final boolean[] accepting;
    private final boolean[] continues;

    private Dfa(int[] classOf, int classes, int[] next, boolean[] accepting) {
        this.classOf = classOf;
        this.classes = classes;
        this.next = next;
        this.accepting = accepting;
        continues = new boolean[accepting.length];
        for (int i = 0; i < next.length; i++) {
            continues[i / classes] |= next[i] >= 0;
        }
    }

    /** Takes the rows over; transitions into dead ends are taken out. */
    static Dfa of(int[] classOf, List<int[]> rows, boolean[] accepting) {
        int classes = rows.getFirst().length;
        int[] next = new int[rows.size() * classes];
        for (int s = 0; s < rows.size(); s++) {
            System.arraycopy(rows.get(s), 0, next, s * classes, classes);
        }
        boolean[] alive = alive(next, classes, accepting);
        for (int i = 0; i < next.length; i++) {
            if (next[i] >= 0 && !alive[next[i]]) {
                next[i] = -1;
            }
        }
        return new Dfa(classOf, classes, next, accepting);
    }

    private static boolean[] alive(int[] next, int classes, boolean[] accepting) {
        List<List<Integer>> from = new ArrayList<>();
        for (int s = 0; s < accepting.length; s++) {
            from.add(new ArrayList<>(2));
        }
        for (int i = 0; i < next.length; i++) {
            if (next[i] >= 0) {
                from.get(next[i]).add(i / classes);
            }
        }
        boolean[] alive = accepting.clone();
        var open = new ArrayDeque<Integer>();
        for (int s = 0; s < alive.length; s++) {
            if (alive[s]) {
                open.add(s);
            }
        }
        while (!open.isEmpty()) {
            for (int s : from.get(open.remove())) {
                if (!alive[s]) {
                    alive[s] = true;
                    open.add(s);
                }
            }
        }
        return alive;
    }

    /** The automaton of a set of texts. */
    static Dfa ofTexts(List<byte[]> texts) {
        List<Map<Integer, Integer>> tree = new ArrayList<>();
        List<Boolean> ends = new ArrayList<>();
        tree.add(new HashMap<>());
        ends.add(false);
        int[] classOf = new int[256];
        int classes = 1;
        for (byte[] text : texts) {
            int at = 0;
            for (byte b : text) {
                if (classOf[b & 0xFF] == 0) {
                    classOf[b & 0xFF] = classes++;
                }
                Integer to = tree.get(at).get(b & 0xFF);
                if (to == null) {
                    to = tree.size();
                    tree.get(at).put(b & 0xFF, to);
                    tree.add(new HashMap<>(2));
                    ends.add(false);
                }
                at = to;
            }
            ends.set(at, true);
        }
        List<int[]> rows = new ArrayList<>();
        for (Map<Integer, Integer> branches : tree) {
            int[] row = new int[classes];
            Arrays.fill(row, -1);
            branches.forEach((b, to) -> row[classOf[b]] = to);
            rows.add(row);
        }
        boolean[] accepting = new boolean[rows.size()];
        for (int i = 0; i < accepting.length; i++) {
            accepting[i] = ends.get(i);
        }
        return of(classOf, rows, accepting);
    }

    /** States of a product. @param theirs -1: the other one has come to nothing */
    private record Pair(int mine, long theirs) {}

    /**
     * What both accept, or, with {@code inverted}, what this accepts and the other does not.
     *
     * @throws Nfa.TooLarge when it would have too many states, or cost too much
     */
    Dfa and(Leaf other, boolean inverted, Work work) {
        Dfa alphabet = other.alphabet();
        Map<Integer, Integer> jointNumbers = new HashMap<>();
        List<Integer> representative = new ArrayList<>();
        int[] joint = new int[256];
        for (int b = 0; b < 256; b++) {
            Integer known = jointNumbers.putIfAbsent(classOf[b] * 256 + alphabet.classOf[b], representative.size());
            joint[b] = known == null ? representative.size() : known;
            if (known == null) {
                representative.add(b);
            }
        }
        Map<Pair, Integer> numbers = new HashMap<>();
        List<Pair> pairs = new ArrayList<>();
        List<int[]> rows = new ArrayList<>();
        number(new Pair(0, other.start()), numbers, pairs);
        for (int at = 0; at < pairs.size(); at++) {
            Pair pair = pairs.get(at);
            int[] row = new int[representative.size()];
            work.spend(8L * row.length);
            for (int c = 0; c < row.length; c++) {
                int mine = step(pair.mine, representative.get(c));
                long theirs = pair.theirs < 0 ? -1 : other.step(pair.theirs, representative.get(c));
                row[c] = mine < 0 || theirs < 0 && !inverted ? -1 : number(new Pair(mine, theirs), numbers, pairs);
            }
            rows.add(row);
            if (pairs.size() > MAX_PRODUCT_STATES) {
                throw new Nfa.TooLarge();
            }
        }
        boolean[] both = new boolean[pairs.size()];
        for (int i = 0; i < both.length; i++) {
            Pair pair = pairs.get(i);
            both[i] = accepting[pair.mine] && (pair.theirs >= 0 && other.accepting(pair.theirs)) != inverted;
        }
        return of(joint, rows, both);
    }

    private static int number(Pair pair, Map<Pair, Integer> numbers, List<Pair> pairs) {
        Integer known = numbers.putIfAbsent(pair, pairs.size());
        if (known == null) {
            pairs.add(pair);
            return pairs.size() - 1;
        }
        return known;
    }

    int states() {
        return accepting.length;
    }

    /** The next state, or -1. */
    int step(int state, int b) {
        return next[state * classes + classOf[b]];
    }

    boolean accepting(int state) {
        return accepting[state];
    }

    /** Whether any byte may follow. */
    boolean continues(int state) {
        return continues[state];
    }

    /** Whether it accepts nothing at all. */
    boolean isEmpty() {
        return !accepting[0] && !continues[0];
    }

    boolean matches(byte[] text) {
        int state = 0;
        for (byte b : text) {
            state = step(state, b & 0xFF);
            if (state < 0) {
                return false;
            }
        }
        return accepting[state];
    }
}
