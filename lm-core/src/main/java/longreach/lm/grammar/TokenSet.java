package longreach.lm.grammar;

import java.util.Arrays;

/** Which tokens may follow. Immutable. */
final class TokenSet {
    private final long[] bits;
    private final int vocabulary;
    private final int count;

    /** Takes the bits over. */
    TokenSet(long[] bits, int vocabulary) {
        this.bits = bits;
        this.vocabulary = vocabulary;
        int sum = 0;
        for (long word : bits) {
            sum += Long.bitCount(word);
        }
        count = sum;
    }

    static long[] bits(int vocabulary) {
        return new long[(vocabulary + 63) / 64];
    }

    int count() {
        return count;
    }

    boolean has(int id) {
        return (bits[id >> 6] >>> id & 1) != 0;
    }

    /** The lowest one, or -1. */
    int first() {
        for (int w = 0; w < bits.length; w++) {
            if (bits[w] != 0) {
                return w * 64 + Long.numberOfTrailingZeros(bits[w]);
            }
        }
        return -1;
    }

    /** Sets logits[offset + id] of all others to minus infinity. */
    void apply(float[] logits, int offset) {
        for (int w = 0; w < bits.length; w++) {
            int from = offset + w * 64;
            int size = Math.min(64, vocabulary - w * 64);
            long out = ~bits[w];
            if (bits[w] == 0) {
                Arrays.fill(logits, from, from + size, Float.NEGATIVE_INFINITY);
            } else {
                for (long rest = size == 64 ? out : out & (1L << size) - 1; rest != 0; rest &= rest - 1) {
                    logits[from + Long.numberOfTrailingZeros(rest)] = Float.NEGATIVE_INFINITY;
                }
            }
        }
    }
}
