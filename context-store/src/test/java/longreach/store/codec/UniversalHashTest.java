package longreach.store.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class UniversalHashTest {
    private static final HexFormat HEX = HexFormat.of();

    /** The hash makes UMAC's tags: those of another implementation. The file's first line says which key and message. */
    @Test
    void tagsAreThoseOfNettle() throws Exception {
        try (var lines = new BufferedReader(new InputStreamReader(
                        UniversalHashTest.class.getResourceAsStream("/umac128.csv"), StandardCharsets.US_ASCII));
                Arena arena = Arena.ofConfined()) {
            MemorySegment pattern = arena.allocate((1 << 25) + 100);
            for (int i = 0; i < pattern.byteSize(); i++) {
                pattern.set(ValueLayout.JAVA_BYTE, i, (byte) (31L * i * i + 7L * i + i / 1000));
            }
            MemorySegment ones = arena.allocate((1 << 24) + 5000).fill((byte) 0xff);
            int count = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] fields = line.split(",");
                byte[] key = HEX.parseHex(fields[0]);
                MemorySegment message =
                        (fields[1].equals("ones") ? ones : pattern).asSlice(0, Long.parseLong(fields[2]));
                assertThat(HEX.formatHex(tag(key, message, false))).as(line).isEqualTo(fields[3]);
                if (NhKernel.hasVectors()) {
                    assertThat(HEX.formatHex(tag(key, message, true)))
                            .as("vectors: %s", line)
                            .isEqualTo(fields[3]);
                }
                count++;
            }
            assertThat(count).isEqualTo(90);
        }
    }

    /** From the appendix of RFC 4418: UMAC-96 is the beginning of UMAC-128. */
    @Test
    void tagsAreThoseOfTheStandard() throws Exception {
        byte[] key = "abcdefghijklmnop".getBytes(StandardCharsets.US_ASCII);
        byte[] nonce = Arrays.copyOf("bcdefghi".getBytes(StandardCharsets.US_ASCII), 16);
        assertThat(HEX.formatHex(tag(key, nonce, MemorySegment.ofArray(new byte[0]), false)))
                .startsWith("32fedb100c79ad58f07ff764");
        assertThat(HEX.formatHex(
                        tag(key, nonce, MemorySegment.ofArray("aaa".getBytes(StandardCharsets.US_ASCII)), false)))
                .startsWith("185e4fe905cba7bd85e4c2dc");
    }

    @Test
    void vectorsHashAsWordsDo() {
        Assumptions.assumeTrue(NhKernel.hasVectors(), "no Vector API, or vectors below 256 bits");
        Random random = new Random(3);
        try (Arena arena = Arena.ofConfined()) {
            for (int i = 0; i < 300; i++) {
                byte[] key = new byte[16];
                random.nextBytes(key);
                byte[] bytes = new byte[random.nextInt(1 << 1 + random.nextInt(16))];
                random.nextBytes(bytes);
                // Off any alignment.
                MemorySegment message = arena.allocate(bytes.length + 1).asSlice(i % 2, bytes.length);
                message.copyFrom(MemorySegment.ofArray(bytes));
                var hash = new UniversalHash(key);
                assertThat(hash.hash(message, true)).isEqualTo(hash.hash(message, false));
                assertThat(hash.hash(MemorySegment.ofArray(bytes), false)).isEqualTo(hash.hash(message, false));
            }
        }
    }

    /** Sums near 2^64, which no message is known to have, as the standard's text has them. */
    @Test
    void polynomialsAreThoseOfTheStandard() {
        long seed = System.nanoTime();
        System.out.println("UniversalHashTest seed " + seed);
        Random random = new Random(seed);
        long mask = 0x01ffffff01ffffffL;
        for (int i = 0; i < 24; i++) {
            boolean extreme = i % 2 == 0;
            long k64 = extreme ? mask : random.nextLong() & mask;
            long high = extreme ? mask : random.nextLong() & mask;
            long low = extreme ? mask : random.nextLong() & mask;
            int[] counts = {2, 3, 17, 1 << 14, (1 << 14) + 1, (1 << 14) + 2, (1 << 14) + 3, (1 << 14) + 40};
            long[] sums = new long[counts[i % counts.length]];
            for (int s = 0; s < sums.length; s++) {
                sums[s] = random.nextInt(3) == 0
                        ? -1L - random.nextInt(200)
                        : random.nextInt(3) == 0 ? 0xffffffff00000000L - 2 + random.nextInt(4) : random.nextLong();
            }
            var polynomials = new BlockPolynomials(k64, high, low);
            for (long sum : sums) {
                polynomials.add(sum);
            }
            polynomials.end();
            BigInteger expected = expected(k64, high, low, sums);
            assertThat(unsigned(polynomials.high(), polynomials.low()))
                    .as("seed %d, case %d", seed, i)
                    .isEqualTo(expected);
        }
    }

    private static BigInteger expected(long k64, long high, long low, long[] sums) {
        BigInteger[] words = new BigInteger[Math.min(sums.length, 1 << 14)];
        for (int i = 0; i < words.length; i++) {
            words[i] = unsigned(0, sums[i]);
        }
        BigInteger first = polynomial(64, 59, unsigned(0, k64), words);
        if (sums.length <= 1 << 14) {
            return first;
        }
        ByteBuffer rest = ByteBuffer.allocate(((sums.length - (1 << 14)) * 8 + 1 + 15) / 16 * 16);
        for (int i = 1 << 14; i < sums.length; i++) {
            rest.putLong(sums[i]);
        }
        rest.put((byte) 0x80).rewind();
        BigInteger[] longer = new BigInteger[1 + rest.capacity() / 16];
        longer[0] = first;
        for (int i = 1; i < longer.length; i++) {
            longer[i] = unsigned(rest.getLong(), rest.getLong());
        }
        return polynomial(128, 159, unsigned(high, low), longer);
    }

    private static BigInteger polynomial(int bits, int offset, BigInteger key, BigInteger[] words) {
        BigInteger prime = BigInteger.TWO.pow(bits).subtract(BigInteger.valueOf(offset));
        BigInteger range = BigInteger.TWO.pow(bits).subtract(BigInteger.TWO.pow(bits - 32));
        BigInteger y = BigInteger.ONE;
        for (BigInteger word : words) {
            if (word.compareTo(range) >= 0) {
                y = y.multiply(key).add(prime).subtract(BigInteger.ONE).mod(prime);
                word = word.subtract(BigInteger.valueOf(offset));
            }
            y = y.multiply(key).add(word).mod(prime);
        }
        return y;
    }

    private static BigInteger unsigned(long high, long low) {
        return new BigInteger(
                1, ByteBuffer.allocate(16).putLong(high).putLong(low).array());
    }

    private static byte[] tag(byte[] key, MemorySegment message, boolean vectors) throws Exception {
        byte[] nonce = new byte[16];
        Arrays.fill(nonce, (byte) 7);
        return tag(key, nonce, message, vectors);
    }

    /** UMAC: the hash under the nonce's pad, RFC 4418, sections 3.3 and 4. */
    private static byte[] tag(byte[] key, byte[] nonce, MemorySegment message, boolean vectors) throws Exception {
        Cipher aes = Cipher.getInstance("AES/ECB/NoPadding");
        aes.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"));
        byte[] padKey = aes.doFinal(ByteBuffer.allocate(16).putLong(8, 1).array());
        aes.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(padKey, "AES"));
        byte[] tag = aes.doFinal(nonce);
        byte[] hash = new UniversalHash(key).hash(message, vectors);
        for (int i = 0; i < tag.length; i++) {
            tag[i] ^= hash[i];
        }
        return tag;
    }
}
