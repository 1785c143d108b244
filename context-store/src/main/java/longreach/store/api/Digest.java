package longreach.store.api;

import java.nio.ByteBuffer;
import java.util.HexFormat;

/** A SHA-256 value: 32 bytes, held as four big-endian words so that it hashes and compares without an array. */
public record Digest(long w0, long w1, long w2, long w3) {
    public static final int BYTES = 32;
    public static final Digest ZERO = new Digest(0, 0, 0, 0);

    /** @throws IllegalArgumentException if the length is not 32 */
    public static Digest of(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("digest: " + bytes.length + " bytes (expected: " + BYTES + ")");
        }
        return read(ByteBuffer.wrap(bytes));
    }

    /** @throws IllegalArgumentException if it is not 64 hexadecimal digits */
    public static Digest ofHex(String hex) {
        return of(HexFormat.of().parseHex(hex));
    }

    /** Reads 32 bytes at the buffer's position, whatever its byte order, and advances it. */
    public static Digest read(ByteBuffer in) {
        byte[] bytes = new byte[BYTES];
        in.get(bytes);
        var words = ByteBuffer.wrap(bytes);
        return new Digest(words.getLong(), words.getLong(), words.getLong(), words.getLong());
    }

    public byte[] bytes() {
        return ByteBuffer.allocate(BYTES)
                .putLong(w0)
                .putLong(w1)
                .putLong(w2)
                .putLong(w3)
                .array();
    }

    public String hex() {
        return HexFormat.of().formatHex(bytes());
    }

    @Override
    public String toString() {
        return hex();
    }
}
