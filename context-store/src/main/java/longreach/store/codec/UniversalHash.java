package longreach.store.codec;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/**
 * UHASH with four iterations, 16 bytes, of RFC 4418 (UMAC), section 5: under a key that nobody else knows, any two different
 * values have the same hash with a probability of some 2^-120. No MAC by itself: {@link Seal} feeds it to one.
 *
 * <p>Safe for use by several threads.
 */
final class UniversalHash {
    static final int KEY_BYTES = 16;
    static final int BYTES = 16;

    static final int STREAMS = 4;
    /** What NH makes eight bytes of. */
    static final int BLOCK_BYTES = 1024;
    /** Each stream's key begins this much later in one sequence of words than the one before. */
    static final int STREAM_SHIFT = 4;

    static final int KEY_WORDS = BLOCK_BYTES / 4 + (STREAMS - 1) * STREAM_SHIFT;

    private static final long PRIME_36 = (1L << 36) - 5;
    private static final long KEY_MASK = 0x01ffffff01ffffffL;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long LOW = 0xffffffffL;

    private final int[] keys = new int[KEY_WORDS];
    /** Of the vector kernel; null where there is none. */
    private final NhVectors vectors;

    private final long[] poly64 = new long[STREAMS];
    private final long[] poly128High = new long[STREAMS];
    private final long[] poly128Low = new long[STREAMS];
    private final long[] inner = new long[STREAMS * 8];
    private final int[] last = new int[STREAMS];

    /** @param key {@value #KEY_BYTES} bytes, used for nothing else */
    UniversalHash(byte[] key) {
        SecretKeySpec aes = new SecretKeySpec(key, "AES");
        ByteBuffer.wrap(derive(aes, 1, 4 * KEY_WORDS)).asIntBuffer().get(keys);
        ByteBuffer polynomials = ByteBuffer.wrap(derive(aes, 2, STREAMS * 24));
        ByteBuffer products = ByteBuffer.wrap(derive(aes, 3, STREAMS * 64));
        ByteBuffer.wrap(derive(aes, 4, STREAMS * 4)).asIntBuffer().get(last);
        for (int i = 0; i < STREAMS; i++) {
            poly64[i] = polynomials.getLong() & KEY_MASK;
            poly128High[i] = polynomials.getLong() & KEY_MASK;
            poly128Low[i] = polynomials.getLong() & KEY_MASK;
        }
        for (int i = 0; i < inner.length; i++) {
            inner[i] = Long.remainderUnsigned(products.getLong(), PRIME_36);
        }
        vectors = NhKernel.hasVectors() ? new NhVectors(keys) : null;
    }

    /** KDF of section 3.2. */
    private static byte[] derive(SecretKeySpec key, long index, int bytes) {
        ByteBuffer counters = ByteBuffer.allocate(Math.ceilDiv(bytes, 16) * 16);
        for (long i = 1; counters.hasRemaining(); i++) {
            counters.putLong(index).putLong(i);
        }
        try {
            Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
            cipher.init(Cipher.ENCRYPT_MODE, key);
            return Arrays.copyOf(cipher.doFinal(counters.array()), bytes);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("AES: not in this JDK", e);
        }
    }

    /** Hash of a value of any length, big endian. */
    byte[] hash(MemorySegment value) {
        return hash(value, vectors != null && NhKernel.useVectors());
    }

    /** @param vectorised only where there are vectors; the hash is the same */
    byte[] hash(MemorySegment value, boolean vectorised) {
        long bytes = value.byteSize();
        long blocks = Math.max(1, Math.ceilDiv(bytes, BLOCK_BYTES));
        var polynomials = new BlockPolynomials[STREAMS];
        for (int i = 0; i < STREAMS; i++) {
            polynomials[i] = new BlockPolynomials(poly64[i], poly128High[i], poly128Low[i]);
        }
        long[] sums = new long[STREAMS];
        int[] words = new int[BLOCK_BYTES / 4];
        for (long block = 0; block < blocks - 1; block++) {
            if (vectorised) {
                vectors.block(value, block * BLOCK_BYTES, sums);
            } else {
                MemorySegment.copy(value, INT, block * BLOCK_BYTES, words, 0, words.length);
                block(words, words.length, sums);
            }
            for (int i = 0; i < STREAMS; i++) {
                polynomials[i].add(sums[i] + 8 * BLOCK_BYTES);
            }
        }
        long at = (blocks - 1) * BLOCK_BYTES;
        long rest = bytes - at;
        // Zeros up to a multiple of 32 bytes, at least one.
        Arrays.fill(words, 0);
        MemorySegment.copy(value, at, MemorySegment.ofArray(words), 0, rest);
        block(words, Math.max(1, Math.ceilDiv((int) rest, 32)) * 8, sums);
        ByteBuffer out = ByteBuffer.allocate(BYTES);
        for (int i = 0; i < STREAMS; i++) {
            long sum = sums[i] + 8 * rest;
            long high = 0;
            long low = sum;
            if (blocks > 1) {
                polynomials[i].add(sum);
                polynomials[i].end();
                high = polynomials[i].high();
                low = polynomials[i].low();
            }
            out.putInt(product(i, high, low) ^ last[i]);
        }
        return out.array();
    }

    /** NH of a block, or the last one's words, for all streams: sums of products of words four apart, modulo 2^64. */
    private void block(int[] m, int words, long[] sums) {
        int[] k = keys;
        long s0 = 0;
        long s1 = 0;
        long s2 = 0;
        long s3 = 0;
        for (int group = 0; group < words; group += 8) {
            for (int i = group; i < group + 4; i++) {
                int a = m[i];
                int b = m[i + 4];
                s0 += (a + k[i] & LOW) * (b + k[i + 4] & LOW);
                s1 += (a + k[i + 4] & LOW) * (b + k[i + 8] & LOW);
                s2 += (a + k[i + 8] & LOW) * (b + k[i + 12] & LOW);
                s3 += (a + k[i + 12] & LOW) * (b + k[i + 16] & LOW);
            }
        }
        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
    }

    /** Section 5.4: eight words of 16 bits times a key, modulo 2^36 - 5. */
    private int product(int stream, long high, long low) {
        long y = 0;
        for (int i = 0; i < 4; i++) {
            y += (high >>> 48 - 16 * i & 0xffff) * inner[8 * stream + i];
            y += (low >>> 48 - 16 * i & 0xffff) * inner[8 * stream + 4 + i];
        }
        return (int) (y % PRIME_36);
    }
}
