package longreach.lm.select;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;

/**
 * Cuts a chunk into pieces at the ends of its sentences, clauses and lines: a piece says one thing, where one cut every so
 * many tokens says halves of two. Where a piece begins and ends follows from the chunk and the {@link #MOST} tokens before it.
 */
final class Sentences {
    /** Most tokens of a piece; what is longer is cut. */
    static final int MOST = 32;
    /** Fewer say little: a short sentence goes on with the next. */
    static final int LEAST = 8;

    private static final String MARKS = ".?!;:";
    private static final String CLOSING = "\"')]}\u201d\u2019";

    private final IntFunction<byte[]> bytes;
    private final IntUnaryOperator id;

    /** @param bytes of a token id @param id at a position; negative: no text */
    Sentences(IntFunction<byte[]> bytes, IntUnaryOperator id) {
        this.bytes = bytes;
        this.id = id;
    }

    /** A piece [start, end) of positions. */
    record Span(int start, int end) {
        int tokens() {
            return end - start;
        }
    }

    /**
     * The pieces that end in [start, end). The first may begin before it, with the sentence that the chunk's beginning cuts;
     * the last is cut by its end, and is left out where the next chunk's first says all of it.
     */
    List<Span> of(int start, int end) {
        List<Span> pieces = new ArrayList<>();
        int begin = beginning(start);
        boolean atBorder = true;
        for (int p = start + 1; p <= end; p++) {
            boolean border = p < end && isBorder(p);
            if (border && p - begin >= LEAST || p - begin >= MOST) {
                pieces.add(new Span(begin, p));
                begin = p;
                atBorder = border;
            }
        }
        if (begin < end && (end - begin >= LEAST || !atBorder || pieces.isEmpty())) {
            pieces.add(new Span(begin, end));
        }
        return pieces;
    }

    /** Where the sentence began that goes on at {@code start}; that itself where it began too long ago. */
    private int beginning(int start) {
        for (int p = start; p > Math.max(0, start - MOST + LEAST); p--) {
            if (isBorder(p)) {
                return p;
            }
        }
        return start;
    }

    /** Whether a line, or a sentence or clause before a blank, ends right before this position, which is above 0. */
    private boolean isBorder(int position) {
        byte[] before = bytesAt(position - 1);
        byte[] after = bytesAt(position);
        int last = before.length - 1;
        if (last >= 0 && before[last] == '\n' && !(after.length > 0 && after[0] == '\n')) {
            return true;
        }
        while (last >= 0 && (before[last] == ' ' || CLOSING.indexOf(before[last]) >= 0)) {
            last--;
        }
        boolean blank = after.length > 0 && (after[0] == ' ' || after[0] == '\t')
                || before.length > 0 && before[before.length - 1] == ' ';
        return last >= 0 && (blank && MARKS.indexOf(before[last]) >= 0 || isFullWidthMark(before, last));
    }

    /** The marks of Chinese and Japanese, which no blank follows: U+3002, U+FF01, U+FF1F in UTF-8. */
    private static boolean isFullWidthMark(byte[] text, int last) {
        if (last < 2) {
            return false;
        }
        int mark = (text[last - 2] & 0xff) << 16 | (text[last - 1] & 0xff) << 8 | text[last] & 0xff;
        return mark == 0xe38082 || mark == 0xefbc81 || mark == 0xefbc9f;
    }

    private byte[] bytesAt(int position) {
        int token = id.applyAsInt(position);
        return token < 0 ? new byte[0] : bytes.apply(token);
    }
}
