package longreach.tensor.tokenizer;

/**
 * Cuts text into the words within which byte pairs may be merged. The cut is that of GPT-2's expression
 *
 * <pre>
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * </pre>
 *
 * (openai/gpt-2, src/encoder.py), written out by hand because a backtracking matcher overflows on long runs. With
 * {@code singleDigits}, as SmolLM has it, each numeric character is cut out first and the expression works on what lies
 * between.
 */
enum PreTokenizer {
    GPT2(false),
    SINGLE_DIGITS(true);

    /** Takes the words [start, end) in order; together they cover the text. */
    @FunctionalInterface
    interface Words {
        void word(int start, int end);
    }

    private enum Kind {
        LETTER,
        NUMBER,
        SPACE,
        OTHER
    }

    private final boolean singleDigits;

    PreTokenizer(boolean singleDigits) {
        this.singleDigits = singleDigits;
    }

    /** Cuts {@code text[start, end)}; indices are those of UTF-16 units. */
    void split(CharSequence text, int start, int end, Words words) {
        if (!singleDigits) {
            splitPiece(text, start, end, words);
            return;
        }
        int piece = start;
        for (int i = start; i < end; ) {
            int next = i + Character.charCount(codePoint(text, i, end));
            if (kind(text, i, end) == Kind.NUMBER) {
                splitPiece(text, piece, i, words);
                words.word(i, next);
                piece = next;
            }
            i = next;
        }
        splitPiece(text, piece, end, words);
    }

    private static void splitPiece(CharSequence text, int start, int end, Words words) {
        for (int at = start; at < end; ) {
            int next = wordEnd(text, at, end);
            words.word(at, next);
            at = next;
        }
    }

    private static int wordEnd(CharSequence text, int at, int end) {
        int contraction = contraction(text, at, end);
        if (contraction > 0) {
            return at + contraction;
        }
        // One U+0020 goes with the word that follows it.
        int body = text.charAt(at) == ' ' && at + 1 < end ? at + 1 : at;
        Kind kind = kind(text, body, end);
        if (kind != Kind.SPACE) {
            return runEnd(text, body, end, kind);
        }
        int spacesEnd = runEnd(text, at, end, Kind.SPACE);
        if (spacesEnd == end) {
            return end;
        }
        // White space before a word leaves its last character to that word, unless it has no other. All white space
        // is in the basic plane, one unit each.
        return spacesEnd - 1 > at ? spacesEnd - 1 : spacesEnd;
    }

    private static int contraction(CharSequence text, int at, int end) {
        if (text.charAt(at) != '\'' || at + 1 >= end) {
            return 0;
        }
        char first = text.charAt(at + 1);
        if (first == 's' || first == 't' || first == 'm' || first == 'd') {
            return 2;
        }
        if (at + 2 >= end) {
            return 0;
        }
        char second = text.charAt(at + 2);
        boolean two = first == 'r' && second == 'e' || first == 'v' && second == 'e' || first == 'l' && second == 'l';
        return two ? 3 : 0;
    }

    private static int runEnd(CharSequence text, int at, int end, Kind kind) {
        int i = at;
        while (i < end && kind(text, i, end) == kind) {
            i += Character.charCount(codePoint(text, i, end));
        }
        return i;
    }

    private static Kind kind(CharSequence text, int at, int end) {
        int c = codePoint(text, at, end);
        return switch (Character.getType(c)) {
            case Character.UPPERCASE_LETTER,
                    Character.LOWERCASE_LETTER,
                    Character.TITLECASE_LETTER,
                    Character.MODIFIER_LETTER,
                    Character.OTHER_LETTER -> Kind.LETTER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> Kind.NUMBER;
            case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> Kind.SPACE;
            // Of the control characters, Unicode's White_Space has tab to carriage return and next line.
            case Character.CONTROL -> c >= '\t' && c <= '\r' || c == 0x85 ? Kind.SPACE : Kind.OTHER;
            default -> Kind.OTHER;
        };
    }

    private static int codePoint(CharSequence text, int at, int end) {
        char high = text.charAt(at);
        if (Character.isHighSurrogate(high) && at + 1 < end) {
            char low = text.charAt(at + 1);
            if (Character.isLowSurrogate(low)) {
                return Character.toCodePoint(high, low);
            }
        }
        return high;
    }
}
