package longreach.lm.grammar;

import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;
import longreach.lm.engine.TokenText;

/**
 * The tokens of a vocabulary by their bytes, as a tree in preorder: node {@code i}'s subtree is [i, skip[i]), so a walk
 * over the tokens that an automaton lets through is one loop over arrays. Node 0 is the root. Immutable.
 */
public final class TokenTrie {
    private final int vocabulary;
    private final int[] ends;
    private final int longest;
    // By node.
    private final byte[] label;
    private final byte[] depth;
    private final int[] skip;
    // Tokens that end at node i are tokens[tokenFrom[i]] up to tokens[tokenFrom[i + 1]].
    private final int[] tokenFrom;
    private final int[] tokens;

    /** Longer tokens, runs of spaces and dashes mostly, are left out: counters look as far ahead as the longest one. */
    static final int MAX_TOKEN_BYTES = 32;

    /** @param vocabulary ids are [0, vocabulary) */
    public static TokenTrie of(TokenText text, int vocabulary) {
        byte[][] bytes = new byte[vocabulary][];
        var ends = new BitSet();
        for (int id = 0; id < vocabulary; id++) {
            bytes[id] = text.bytes(id);
            if (text.endsAnswer(id)) {
                ends.set(id);
            }
        }
        return new TokenTrie(bytes, ends);
    }

    private TokenTrie(byte[][] bytes, BitSet ends) {
        vocabulary = bytes.length;
        this.ends = ends.stream().toArray();
        tokens = IntStream.range(0, vocabulary)
                .filter(id -> bytes[id].length > 0 && bytes[id].length <= MAX_TOKEN_BYTES && !ends.get(id))
                .boxed()
                .sorted((a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        int room = 1;
        int most = 0;
        for (int i = 0; i < tokens.length; i++) {
            byte[] text = bytes[tokens[i]];
            room += text.length - (i == 0 ? 0 : shared(bytes[tokens[i - 1]], text));
            most = Math.max(most, text.length);
        }
        longest = most;
        label = new byte[room];
        depth = new byte[room];
        skip = new int[room];
        tokenFrom = new int[room + 1];
        int[] path = new int[most + 1];
        int pathLength = 0;
        int node = 1;
        byte[] previous = {};
        for (int i = 0; i < tokens.length; i++) {
            byte[] text = bytes[tokens[i]];
            int common = shared(previous, text);
            for (int d = pathLength; d > common; d--) {
                skip[path[d]] = node;
            }
            for (int d = common; d < text.length; d++) {
                label[node] = text[d];
                depth[node] = (byte) (d + 1);
                tokenFrom[node] = i;
                path[d + 1] = node++;
            }
            pathLength = text.length;
            previous = text;
        }
        for (int d = pathLength; d > 0; d--) {
            skip[path[d]] = node;
        }
        skip[0] = node;
        tokenFrom[node] = tokens.length;
    }

    private static int shared(byte[] a, byte[] b) {
        int differs = Arrays.mismatch(a, b);
        return differs < 0 ? a.length : differs;
    }

    public int vocabulary() {
        return vocabulary;
    }

    /** Tokens that end an answer. */
    int[] ends() {
        return ends;
    }

    /** Bytes of the longest token. */
    int longest() {
        return longest;
    }

    int nodes() {
        return label.length;
    }

    /** The byte that leads to a node. */
    int label(int node) {
        return label[node] & 0xFF;
    }

    /** Bytes from the root. */
    int depth(int node) {
        return depth[node];
    }

    /** The node behind this one's subtree. */
    int skip(int node) {
        return skip[node];
    }

    /** Adds the tokens that end at a node. */
    void addTokens(int node, long[] set) {
        // A token that ends here is sorted before those that go on, and the next node begins with the first of those.
        for (int i = tokenFrom[node]; i < tokenFrom[node + 1]; i++) {
            set[tokens[i] >> 6] |= 1L << tokens[i];
        }
    }
}
