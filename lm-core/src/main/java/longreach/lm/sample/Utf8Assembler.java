package longreach.lm.sample;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Turns the bytes of successive tokens into text, holding back the bytes of an unfinished character. */
public final class Utf8Assembler {
    private byte[] held = new byte[0];

    /** @return the characters that are whole now; malformed bytes become U+FFFD */
    public String add(byte[] bytes) {
        var all = new ByteArrayOutputStream(held.length + bytes.length);
        all.writeBytes(held);
        all.writeBytes(bytes);
        byte[] joined = all.toByteArray();
        int unfinished = unfinishedTail(joined);
        held = java.util.Arrays.copyOfRange(joined, joined.length - unfinished, joined.length);
        return new String(joined, 0, joined.length - unfinished, StandardCharsets.UTF_8);
    }

    /** What is left when nothing more follows: U+FFFD for an unfinished character. */
    public String end() {
        String rest = new String(held, StandardCharsets.UTF_8);
        held = new byte[0];
        return rest;
    }

    /** Bytes at the end that begin a character which more bytes could finish. */
    private static int unfinishedTail(byte[] bytes) {
        for (int back = 1; back <= Math.min(3, bytes.length); back++) {
            int b = bytes[bytes.length - back] & 0xFF;
            if (b < 0x80) {
                return 0;
            }
            if (b >= 0xC0) {
                int length = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
                return length > back && b < 0xF8 ? back : 0;
            }
        }
        return 0;
    }
}
