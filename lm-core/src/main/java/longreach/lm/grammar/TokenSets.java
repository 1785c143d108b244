package longreach.lm.grammar;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Which tokens may follow a position, for one vocabulary.
 *
 * <p>The work is split as in Dong et al., XGrammar (arXiv:2411.15100), section 3: whether a token fits is known from the
 * leaf on top alone, whatever lies below, as long as the leaf does not end inside the token. These tokens are found once
 * for each state of a leaf, and every string of every schema shares them. The rest, tokens that run over a leaf's end,
 * are kept as the places in the token tree where the leaf may end, and only from there on is the tree walked with the
 * stack. Sets of whole positions are kept too. Safe for use by several threads.
 */
final class TokenSets {
    private static final long LOCAL_BYTES = 32 << 20;
    private static final long POSITION_BYTES = 32 << 20;
    // Nodes looked at for one set: the engine waits for it, and with it everybody's next token.
    private static final int MAX_VISITS = 2_000_000;

    private final TokenTrie trie;
    private final Map<Object, Local> locals;
    private final Map<Grammar.Position, TokenSet> sets;
    private long visits;

    /** What is known from a leaf's state alone. */
    private static final class Local {
        /** Tokens that stay inside the leaf. */
        final long[] within;
        /** Nodes of the tree at which the leaf may end inside a token; null before anybody has asked. */
        int[] exits;

        Local(long[] within) {
            this.within = within;
        }
    }

    private record LocalKey(Object kind, long state) {}

    TokenSets(TokenTrie trie) {
        this.trie = trie;
        long setBytes = trie.vocabulary() / 8 + 64;
        locals = lastUsed((int) Math.max(64, LOCAL_BYTES / setBytes));
        sets = lastUsed((int) Math.max(64, POSITION_BYTES / setBytes));
        // What every grammar needs, before anybody waits for it.
        local(new Leaf.Regular(JsonText.ANY_REST), 0);
    }

    private static <K, V> Map<K, V> lastUsed(int most) {
        return new LinkedHashMap<>(64, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
                return size() > most;
            }
        };
    }

    TokenTrie trie() {
        return trie;
    }

    /** The tokens that may follow; ends of answers where the text is whole. */
    synchronized TokenSet after(Grammar.Position position) {
        TokenSet known = sets.get(position);
        if (known == null) {
            known = find(position);
            sets.put(position, known);
        }
        return known;
    }

    private TokenSet find(Grammar.Position position) {
        long[] all = TokenSet.bits(trie.vocabulary());
        visits = 0;
        for (Frame top : position.tops()) {
            if (visits > MAX_VISITS) {
                // What the other stacks would let through is left out: what is let through still ends well.
                break;
            }
            Local local = local((Leaf) top.node(), top.state());
            for (int w = 0; w < all.length; w++) {
                all[w] |= local.within[w];
            }
            Grammar.Position beyond = position.grammar().after(top.below());
            if (!beyond.ended()) {
                if (local.exits == null) {
                    local.exits = findExits((Leaf) top.node(), top.state());
                }
                for (int exit : local.exits) {
                    walk(exit, beyond, all);
                }
            }
        }
        if (position.complete()) {
            for (int id : trie.ends()) {
                all[id >> 6] |= 1L << id;
            }
        }
        return new TokenSet(all, trie.vocabulary());
    }

    /** Adds the tokens below a node that the position lets through. */
    private void walk(int from, Grammar.Position position, long[] set) {
        int base = trie.depth(from);
        var at = new Grammar.Position[trie.longest() + 1];
        at[base] = position;
        int node = from + 1;
        for (int end = trie.skip(from); node < end; ) {
            visits++;
            int depth = trie.depth(node);
            Grammar.Position next = at[depth - 1].step(trie.label(node));
            if (next == null) {
                node = trie.skip(node);
            } else {
                at[depth] = next;
                trie.addTokens(node, set);
                node++;
            }
        }
    }

    private Local local(Leaf leaf, long state) {
        var key = new LocalKey(leaf.kind(), leaf.local(state, trie.longest()));
        Local known = locals.get(key);
        if (known == null) {
            known = findLocal(leaf, state);
            locals.put(key, known);
        }
        return known;
    }

    private Local findLocal(Leaf leaf, long state) {
        long[] within = TokenSet.bits(trie.vocabulary());
        walk(leaf, state, (node, reached) -> trie.addTokens(node, within));
        return new Local(within);
    }

    private int[] findExits(Leaf leaf, long state) {
        var exits = IntStream.builder();
        walk(leaf, state, (node, reached) -> {
            if (leaf.accepting(reached) && trie.skip(node) > node + 1) {
                exits.add(node);
            }
        });
        return exits.build().toArray();
    }

    private interface Visit {
        void at(int node, long reached);
    }

    /** Visits the nodes that the leaf reaches without ending. */
    private void walk(Leaf leaf, long state, Visit visit) {
        long[] at = new long[trie.longest() + 1];
        at[0] = state;
        int node = 1;
        for (int end = trie.skip(0); node < end; ) {
            visits++;
            int depth = trie.depth(node);
            long next = leaf.step(at[depth - 1], trie.label(node));
            if (next < 0) {
                node = trie.skip(node);
            } else {
                at[depth] = next;
                visit.at(node, next);
                node++;
            }
        }
    }
}
