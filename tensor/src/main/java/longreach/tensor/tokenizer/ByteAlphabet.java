package longreach.tensor.tokenizer;

/**
 * The characters that vocabularies of byte-level BPE write bytes with (openai/gpt-2, src/encoder.py): printable bytes
 * of Latin-1 as themselves, the other 68 in order as U+0100 and up.
 */
final class ByteAlphabet {
    private static final char[] TO_CHAR = new char[256];
    private static final short[] TO_BYTE = new short[256 + 68];

    static {
        java.util.Arrays.fill(TO_BYTE, (short) -1);
        int others = 0;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            TO_CHAR[b] = (char) (printable ? b : 256 + others++);
            TO_BYTE[TO_CHAR[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    static char toChar(int b) {
        return TO_CHAR[b];
    }

    static boolean covers(String name) {
        return name.chars().allMatch(c -> c < TO_BYTE.length && TO_BYTE[c] >= 0);
    }

    static byte[] toBytes(String name) {
        byte[] bytes = new byte[name.length()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) TO_BYTE[name.charAt(i)];
        }
        return bytes;
    }
}
