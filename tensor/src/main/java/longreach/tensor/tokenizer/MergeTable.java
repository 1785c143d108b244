package longreach.tensor.tokenizer;

/** From a pair of adjacent symbols to the rank of their merge and the symbol it makes; open addressing, fixed size. */
final class MergeTable {
    static final int NONE = -1;

    private static final long EMPTY = -1;

    private final long[] pairs;
    private final int[] ranks;
    private final int[] results;
    private final int mask;

    /** @param merges how many will be put */
    MergeTable(int merges) {
        int slots = Integer.highestOneBit(Math.max(8, merges) * 2 - 1) * 2;
        pairs = new long[slots];
        ranks = new int[slots];
        results = new int[slots];
        mask = slots - 1;
        java.util.Arrays.fill(pairs, EMPTY);
    }

    /** Of a pair put twice the later rank counts, as in the reference's map. */
    void put(int left, int right, int rank, int result) {
        long pair = pair(left, right);
        int slot = slot(pair);
        while (pairs[slot] != EMPTY && pairs[slot] != pair) {
            slot = slot + 1 & mask;
        }
        pairs[slot] = pair;
        ranks[slot] = rank;
        results[slot] = result;
    }

    /** A handle for {@link #rank} and {@link #result}, or {@link #NONE}. */
    int find(int left, int right) {
        long pair = pair(left, right);
        for (int slot = slot(pair); pairs[slot] != EMPTY; slot = slot + 1 & mask) {
            if (pairs[slot] == pair) {
                return slot;
            }
        }
        return NONE;
    }

    int rank(int handle) {
        return ranks[handle];
    }

    int result(int handle) {
        return results[handle];
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }

    private int slot(long pair) {
        long mixed = pair * 0x9E3779B97F4A7C15L;
        return (int) (mixed >>> 40) & mask;
    }
}
