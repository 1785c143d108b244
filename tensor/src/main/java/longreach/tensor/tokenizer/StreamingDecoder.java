package longreach.tensor.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Text of token ids that arrive one by one. Bytes of a character that is not complete yet are held back, so that what
 * has been handed out never has to be taken back: the pieces joined are {@link Tokenizer#decode} of all the ids. Control
 * tokens give no text. For one thread.
 */
public final class StreamingDecoder {
    private final Tokenizer tokenizer;
    private final CharsetDecoder utf8 = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private byte[] held = {};

    StreamingDecoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** The text that this token completes; empty while a character is unfinished. */
    public String accept(int id) {
        return tokenizer.isControl(id) ? "" : decode(tokenizer.bytes(id), false);
    }

    /** Whether bytes of an unfinished character are held back. */
    public boolean pending() {
        return held.length > 0;
    }

    /** What is left at the end: U+FFFD for an unfinished character, else nothing. The decoder can be used again. */
    public String finish() {
        String rest = decode(new byte[0], true);
        utf8.reset();
        return rest;
    }

    private String decode(byte[] bytes, boolean end) {
        var in = ByteBuffer.allocate(held.length + bytes.length)
                .put(held)
                .put(bytes)
                .flip();
        var out = CharBuffer.allocate(in.remaining() + 1);
        utf8.decode(in, out, end);
        if (end) {
            utf8.flush(out);
        }
        held = new byte[in.remaining()];
        in.get(held);
        return out.flip().toString();
    }
}
