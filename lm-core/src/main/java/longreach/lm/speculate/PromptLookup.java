package longreach.lm.speculate;

import java.util.Arrays;

/**
 * Guesses that the text goes on as it went on before: finds where the last tokens occurred earlier in prompt and answer,
 * the longest such run first and the latest among equals, and copies what followed it there.
 *
 * <p>Adding a token and finding a match take constant time however long the context is: places are chained by the hash of
 * their last two and of their last four tokens, as compressors do, and a search follows a chain for a bounded number of
 * places. Used by one thread.
 */
public final class PromptLookup {
    /** Shortest run that counts as a match: single tokens recur everywhere. */
    static final int SHORTEST = 2;
    /** Runs are compared no further. */
    static final int LONGEST = 32;

    private static final int LONG_GRAM = 4;
    private static final int MOST_PLACES = 64;
    private static final int SMALLEST_TABLE = 1 << 10;
    private static final int LARGEST_TABLE = 1 << 17;

    private final Chain twos;
    private final Chain fours;
    private int[] ids = new int[SMALLEST_TABLE];
    private int length;
    private int matchEnd;
    private int matchLength;

    /** Places by the hash of the tokens that end there; a place is the position after its last token. */
    private static final class Chain {
        final int gram;
        final int shift;
        // One more than the place; 0: none.
        final int[] heads;
        int[] earlier = new int[SMALLEST_TABLE];

        Chain(int gram, int table) {
            this.gram = gram;
            this.heads = new int[table];
            this.shift = 32 - Integer.numberOfTrailingZeros(table);
        }

        int slot(int[] ids, int end) {
            int hash = 0;
            for (int i = end - gram; i < end; i++) {
                hash = (hash + ids[i] + 1) * 0x9E3779B1;
            }
            return hash >>> shift;
        }
    }

    /** @param expected about how many tokens will be added */
    public PromptLookup(int expected) {
        int table = Math.clamp(Integer.highestOneBit(Math.max(1, expected)) * 2L, SMALLEST_TABLE, LARGEST_TABLE);
        twos = new Chain(SHORTEST, table);
        fours = new Chain(LONG_GRAM, table);
    }

    /** @param id negative: something that is no text, and matches nothing */
    public void add(int id) {
        if (length == ids.length) {
            ids = Arrays.copyOf(ids, 2 * length);
            twos.earlier = Arrays.copyOf(twos.earlier, 2 * length);
            fours.earlier = Arrays.copyOf(fours.earlier, 2 * length);
        }
        // The place before this token is entered only now, so that a match always has a token after it.
        enter(twos);
        enter(fours);
        ids[length++] = id;
    }

    private void enter(Chain chain) {
        if (length >= chain.gram) {
            int slot = chain.slot(ids, length);
            chain.earlier[length] = chain.heads[slot];
            chain.heads[slot] = length + 1;
        }
    }

    public int length() {
        return length;
    }

    /** Looks for the longest match of the tokens' end; its length, 0 for none. */
    public int find() {
        matchLength = 0;
        search(fours);
        if (matchLength == 0) {
            search(twos);
        }
        return matchLength;
    }

    private void search(Chain chain) {
        if (length < chain.gram) {
            return;
        }
        int place = chain.heads[chain.slot(ids, length)] - 1;
        for (int i = 0; i < MOST_PLACES && place >= 0 && matchLength < LONGEST; i++) {
            int common = commonEnd(place);
            if (common >= chain.gram && common > matchLength) {
                matchLength = common;
                matchEnd = place;
            }
            place = chain.earlier[place] - 1;
        }
        if (matchLength > 0 && ids[matchEnd] < 0) {
            matchLength = 0;
        }
    }

    /** How many tokens before {@code place} are those at the end. */
    private int commonEnd(int place) {
        int most = Math.min(LONGEST, place);
        int common = 0;
        while (common < most && ids[place - 1 - common] == ids[length - 1 - common] && ids[place - 1 - common] >= 0) {
            common++;
        }
        return common;
    }

    /** The token that followed the match, which is the guess at the next one. */
    public int guess() {
        return ids[matchEnd];
    }

    /**
     * Copies what followed the match. Where that runs into the end it goes on with its own copy, so that a text that
     * repeats itself is guessed at any length.
     *
     * @return how many tokens, at most {@code most}; fewer before something that is no text
     */
    public int copy(int[] to, int most) {
        for (int i = 0; i < most; i++) {
            int from = matchEnd + i;
            int id = from < length ? ids[from] : to[from - length];
            if (id < 0) {
                return i;
            }
            to[i] = id;
        }
        return most;
    }
}
