package longreach.store.codec;

/**
 * L2-HASH of RFC 4418, section 5.3, of one stream: a polynomial in a secret point over the sums of the blocks, modulo
 * 2^64 - 59; where they are more than 2^14, what follows modulo 2^128 - 159. Used by one thread.
 */
final class BlockPolynomials {
    static final int SHORT_SUMS = (1 << 17) / 8;

    private static final long OFFSET_64 = 59;
    private static final long OFFSET_128 = 159;
    /** Words from here on (of 128 bits: their first half) are told from smaller ones by a marker before them. */
    private static final long MARKED = 0xffffffff00000000L;

    private final long key64;
    private final long key128High;
    private final long key128Low;
    private long sums;
    private long high;
    private long low = 1;
    /** The first half of a word of 128 bits. */
    private long half;

    /** @param key64 below 2^57, as {@code key128High} */
    BlockPolynomials(long key64, long key128High, long key128Low) {
        this.key64 = key64;
        this.key128High = key128High;
        this.key128Low = key128Low;
    }

    void add(long sum) {
        if (sums < SHORT_SUMS) {
            if (Long.compareUnsigned(sum, MARKED) >= 0) {
                step64(-OFFSET_64 - 1);
                step64(sum - OFFSET_64);
            } else {
                step64(sum);
            }
        } else if ((sums - SHORT_SUMS) % 2 == 0) {
            if (sums == SHORT_SUMS) {
                begin128();
            }
            half = sum;
        } else {
            word128(half, sum);
        }
        sums++;
    }

    /** What was hashed so far is the first word of the longer one. */
    private void begin128() {
        long first = canonical64(low);
        low = 1;
        word128(0, first);
    }

    /** After the last sum. */
    void end() {
        if (sums <= SHORT_SUMS) {
            low = canonical64(low);
            return;
        }
        // A bit of one, and zeros up to a whole word.
        long one = 0x80L << 56;
        if ((sums - SHORT_SUMS) % 2 == 0) {
            word128(one, 0);
        } else {
            word128(half, one);
        }
        if (high == -1 && Long.compareUnsigned(low, -OFFSET_128) >= 0) {
            high = 0;
            low += OFFSET_128;
        }
    }

    /** The hash's first eight bytes. */
    long high() {
        return high;
    }

    long low() {
        return low;
    }

    private static long canonical64(long y) {
        return Long.compareUnsigned(y, -OFFSET_64) >= 0 ? y + OFFSET_64 : y;
    }

    /** y = k y + m modulo 2^64 - 59, not always below that. */
    private void step64(long m) {
        long product = key64 * low;
        // 2^64 is 59; the product's upper half is below 2^57.
        long sum = product + OFFSET_64 * Math.unsignedMultiplyHigh(key64, low);
        sum += OFFSET_64 * carry(sum, product);
        long next = sum + m;
        low = next + OFFSET_64 * carry(next, m);
    }

    private void word128(long mHigh, long mLow) {
        if (Long.compareUnsigned(mHigh, MARKED) >= 0) {
            step128(-1, -OFFSET_128 - 1);
            step128(mHigh - (Long.compareUnsigned(mLow, OFFSET_128) < 0 ? 1 : 0), mLow - OFFSET_128);
        } else {
            step128(mHigh, mLow);
        }
    }

    /** y = k y + m modulo 2^128 - 159, not always below that. */
    private void step128(long mHigh, long mLow) {
        // The product in four words, r3 the highest, below 2^57.
        long r0 = key128Low * low;
        long r1 = Math.unsignedMultiplyHigh(key128Low, low);
        long a = key128High * low;
        long b = key128Low * high;
        long c = key128High * high;
        long bHigh = Math.unsignedMultiplyHigh(key128Low, high);
        long r2 = Math.unsignedMultiplyHigh(key128High, low);
        long r3 = Math.unsignedMultiplyHigh(key128High, high);
        r1 += a;
        r2 += carry(r1, a);
        r1 += b;
        bHigh += carry(r1, b);
        r2 += bHigh;
        r3 += carry(r2, bHigh);
        r2 += c;
        r3 += carry(r2, c);
        // 2^128 is 159: the upper half, times that, is added to the lower one.
        long t0 = r2 * OFFSET_128;
        long t1 = Math.unsignedMultiplyHigh(r2, OFFSET_128);
        long t = r3 * OFFSET_128;
        long t2 = Math.unsignedMultiplyHigh(r3, OFFSET_128);
        t1 += t;
        t2 += carry(t1, t);
        r0 += t0;
        long carried = carry(r0, t0);
        t1 += carried;
        t2 += carry(t1, carried);
        r1 += t1;
        set(t2 + carry(r1, t1), r1, r0);
        long lowSum = low + mLow;
        carried = carry(lowSum, mLow);
        long highSum = high + mHigh;
        long over = carry(highSum, mHigh);
        highSum += carried;
        set(over + carry(highSum, carried), highSum, lowSum);
    }

    /** y = (over, h, l), {@code over} small. */
    private void set(long over, long h, long l) {
        long more = over * OFFSET_128;
        l += more;
        long carried = carry(l, more);
        h += carried;
        low = l + OFFSET_128 * carry(h, carried);
        high = h;
    }

    /** 1 when adding {@code added} to something, which gave {@code sum}, overflowed. */
    private static long carry(long sum, long added) {
        return Long.compareUnsigned(sum, added) < 0 ? 1 : 0;
    }
}
