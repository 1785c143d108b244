package longreach.tests.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes files as mistakes and malice would: bits, lengths, offsets, cuts, repeats, pieces of other files. */
final class Mutator {
    private static final long[] NUMBERS = {
        0,
        1,
        -1,
        2,
        31,
        32,
        255,
        256,
        4096,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        1L << 31,
        1L << 32,
        (1L << 32) + 1,
        1L << 40,
        1L << 60,
        1L << 61,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MAX_VALUE - 31
    };
    private static final String[] WORDS = {
        "null",
        "[]",
        "{}",
        "-1",
        "1e308",
        "1e999",
        "9223372036854775807",
        "18446744073709551616",
        "0.5",
        "true",
        "\"\"",
        "\"F32\"",
        "\"I64\"",
        "[0,0]",
        "\\u0000",
        "[[[[[[[[",
        "\"\\ud800\"",
        "4294967296",
        "-9223372036854775808"
    };

    private final Random random;
    private final List<byte[]> seeds;

    Mutator(long seed, List<byte[]> seeds) {
        this.random = new Random(seed);
        this.seeds = seeds;
    }

    /** One of the seeds after one to four changes. */
    byte[] next() {
        byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
        for (int i = random.nextInt(1, 5); i > 0 && bytes.length > 0; i--) {
            bytes = change(bytes);
        }
        return bytes;
    }

    private byte[] change(byte[] bytes) {
        // Headers and tables stand at the front: half of the changes go there.
        int at = random.nextInt(random.nextBoolean() ? bytes.length : Math.min(bytes.length, 600));
        return switch (random.nextInt(11)) {
            case 0, 1 -> {
                bytes[at] ^= (byte) (1 << random.nextInt(8));
                yield bytes;
            }
            case 2 -> {
                bytes[at] = (byte) random.nextInt(256);
                yield bytes;
            }
            case 3, 4 -> number(bytes, at, 8);
            case 5 -> number(bytes, at, 4);
            case 6 -> Arrays.copyOf(bytes, at);
            case 7 ->
                splice(bytes, at, 0, Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + random.nextInt(1, 64))));
            case 8 -> splice(bytes, at, Math.min(bytes.length - at, random.nextInt(1, 64)), new byte[0]);
            case 9 -> {
                byte[] other = seeds.get(random.nextInt(seeds.size()));
                int from = random.nextInt(Math.max(1, other.length));
                byte[] piece = Arrays.copyOfRange(other, from, Math.min(other.length, from + random.nextInt(1, 200)));
                yield splice(bytes, at, Math.min(bytes.length - at, piece.length), piece);
            }
            default -> word(bytes, at);
        };
    }

    /** A number that breaks arithmetic, or one near the file's own size, in place of what stands there. */
    private byte[] number(byte[] bytes, int at, int width) {
        if (at + width > bytes.length) {
            return bytes;
        }
        long value = random.nextInt(4) == 0
                ? bytes.length + random.nextInt(-64, 65)
                : NUMBERS[random.nextInt(NUMBERS.length)] + random.nextInt(3) - 1;
        var buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (width == 8) {
            buffer.putLong(at, value);
        } else {
            buffer.putInt(at, (int) value);
        }
        return bytes;
    }

    /** A value of JSON in place of the number or word that stands there. */
    private byte[] word(byte[] bytes, int at) {
        int end = at;
        while (end < bytes.length && end < at + 40 && Character.isLetterOrDigit(bytes[end])) {
            end++;
        }
        return splice(bytes, at, end - at, WORDS[random.nextInt(WORDS.length)].getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] splice(byte[] bytes, int at, int removed, byte[] piece) {
        byte[] out = new byte[bytes.length - removed + piece.length];
        System.arraycopy(bytes, 0, out, 0, at);
        System.arraycopy(piece, 0, out, at, piece.length);
        System.arraycopy(bytes, at + removed, out, at + piece.length, bytes.length - at - removed);
        return out;
    }
}
