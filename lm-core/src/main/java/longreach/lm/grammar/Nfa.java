package longreach.lm.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A nondeterministic automaton over bytes, put together from fragments and then made deterministic. */
final class Nfa {
    /** More than any pattern that people write needs, and made in milliseconds. */
    static final int MAX_STATES = 60_000;

    private static final int MAX_DFA_STATES = 20_000;

    /** It grew beyond its bounds. */
    static final class TooLarge extends RuntimeException {
        TooLarge() {
            super("too large", null, false, false);
        }
    }

    /** From one state to another; fragments are used once. */
    record Fragment(int start, int end) {}

    /** Rebuilds an equal fragment each time, for repetitions. */
    interface Part {
        Fragment build();
    }

    private record Edge(int low, int high, int to) {}

    private final List<List<Edge>> edges = new ArrayList<>();
    private final List<int[]> silent = new ArrayList<>();
    private final Work work;

    Nfa(Work work) {
        this.work = work;
    }

    int state() {
        if (edges.size() >= MAX_STATES) {
            throw new TooLarge();
        }
        work.spend(4);
        edges.add(new ArrayList<>(1));
        silent.add(new int[0]);
        return edges.size() - 1;
    }

    void edge(int from, int low, int high, int to) {
        edges.get(from).add(new Edge(low, high, to));
    }

    void silent(int from, int to) {
        int[] old = silent.get(from);
        int[] more = Arrays.copyOf(old, old.length + 1);
        more[old.length] = to;
        silent.set(from, more);
    }

    Fragment empty() {
        int state = state();
        return new Fragment(state, state);
    }

    /** One byte from a range. */
    Fragment range(int low, int high) {
        var fragment = new Fragment(state(), state());
        edge(fragment.start, low, high, fragment.end);
        return fragment;
    }

    Fragment text(String text) {
        return bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    Fragment bytes(byte[] bytes) {
        int start = state();
        int at = start;
        for (byte b : bytes) {
            int next = state();
            edge(at, b & 0xFF, b & 0xFF, next);
            at = next;
        }
        return new Fragment(start, at);
    }

    Fragment then(Fragment first, Fragment second) {
        silent(first.end, second.start);
        return new Fragment(first.start, second.end);
    }

    Fragment either(List<Fragment> fragments) {
        var all = new Fragment(state(), state());
        for (Fragment fragment : fragments) {
            silent(all.start, fragment.start);
            silent(fragment.end, all.end);
        }
        return all;
    }

    Fragment optional(Fragment fragment) {
        var all = new Fragment(state(), state());
        silent(all.start, fragment.start);
        silent(fragment.end, all.end);
        silent(all.start, all.end);
        return all;
    }

    Fragment star(Fragment fragment) {
        int middle = state();
        silent(middle, fragment.start);
        silent(fragment.end, middle);
        return new Fragment(middle, middle);
    }

    /** @param max -1: without end */
    Fragment repeat(Part part, int min, int max) {
        Fragment all = empty();
        for (int i = 0; i < min; i++) {
            all = then(all, part.build());
        }
        if (max < 0) {
            return then(all, star(part.build()));
        }
        int end = state();
        for (int i = min; i < max; i++) {
            silent(all.end, end);
            all = then(all, part.build());
        }
        silent(all.end, end);
        return new Fragment(all.start, end);
    }

    /**
     * The same language as a deterministic automaton without dead ends.
     *
     * @throws TooLarge when it would have too many states
     */
    Dfa toDfa(Fragment whole) {
        int[] classOf = classes();
        int classes = Arrays.stream(classOf).max().orElse(0) + 1;
        int[] representative = new int[classes];
        for (int b = 255; b >= 0; b--) {
            representative[classOf[b]] = b;
        }
        Map<BitSet, Integer> numbers = new HashMap<>();
        List<BitSet> sets = new ArrayList<>();
        List<int[]> rows = new ArrayList<>();
        var begin = new BitSet();
        begin.set(whole.start);
        number(close(begin), numbers, sets);
        for (int at = 0; at < sets.size(); at++) {
            BitSet set = sets.get(at);
            int[] row = new int[classes];
            for (int c = 0; c < classes; c++) {
                var next = new BitSet();
                for (int s = set.nextSetBit(0); s >= 0; s = set.nextSetBit(s + 1)) {
                    work.spend(1 + edges.get(s).size());
                    for (Edge edge : edges.get(s)) {
                        if (edge.low <= representative[c] && representative[c] <= edge.high) {
                            next.set(edge.to);
                        }
                    }
                }
                work.spend(next.size() / 64);
                row[c] = next.isEmpty() ? -1 : number(close(next), numbers, sets);
            }
            if (sets.size() > MAX_DFA_STATES) {
                throw new TooLarge();
            }
            rows.add(row);
        }
        boolean[] accepting = new boolean[sets.size()];
        for (int i = 0; i < accepting.length; i++) {
            accepting[i] = sets.get(i).get(whole.end);
        }
        return Dfa.of(classOf, rows, accepting);
    }

    /** Bytes that no edge tells apart share a class. */
    private int[] classes() {
        var cuts = new BitSet(257);
        cuts.set(0);
        for (List<Edge> from : edges) {
            for (Edge edge : from) {
                cuts.set(edge.low);
                cuts.set(edge.high + 1);
            }
        }
        int[] classOf = new int[256];
        int current = -1;
        for (int b = 0; b < 256; b++) {
            current += cuts.get(b) ? 1 : 0;
            classOf[b] = current;
        }
        return classOf;
    }

    private static int number(BitSet set, Map<BitSet, Integer> numbers, List<BitSet> sets) {
        Integer known = numbers.putIfAbsent(set, sets.size());
        if (known == null) {
            sets.add(set);
            return sets.size() - 1;
        }
        return known;
    }

    private BitSet close(BitSet set) {
        int[] stack = set.stream().toArray();
        int top = stack.length;
        while (top > 0) {
            int[] next = silent.get(stack[--top]);
            work.spend(1 + next.length);
            for (int to : next) {
                if (!set.get(to)) {
                    set.set(to);
                    if (top == stack.length) {
                        stack = Arrays.copyOf(stack, 2 * top + 8);
                    }
                    stack[top++] = to;
                }
            }
        }
        return set;
    }
}
