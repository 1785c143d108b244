package longreach.lm.grammar;

import java.util.ArrayList;
import java.util.List;

/**
 * The regular part of ECMA-262 patterns over the content of JSON strings. A pattern may match anywhere in a string, as
 * JSON Schema has it, unless it is anchored. Look-around, back-references, word boundaries, and anchors anywhere but at
 * the two ends of the pattern or of an alternative are refused.
 */
final class Pattern {
    private static final int MAX_REPEAT = 10_000;
    private static final int MAX_NESTING = 50;

    private static final CodePoints DIGIT = CodePoints.of('0', '9');
    private static final CodePoints WORD =
            DIGIT.or(CodePoints.of('a', 'z')).or(CodePoints.of('A', 'Z')).or(CodePoints.of('_'));
    private static final CodePoints SPACE = CodePoints.of('\t', '\r')
            .or(CodePoints.of(' '))
            .or(CodePoints.of(0xA0))
            .or(CodePoints.of(0x1680))
            .or(CodePoints.of(0x2000, 0x200A))
            .or(CodePoints.of(0x2028, 0x2029))
            .or(CodePoints.of(0x202F))
            .or(CodePoints.of(0x205F))
            .or(CodePoints.of(0x3000))
            .or(CodePoints.of(0xFEFF));
    private static final CodePoints NOT_LINE_END = CodePoints.of('\n')
            .or(CodePoints.of('\r'))
            .or(CodePoints.of(0x2028, 0x2029))
            .not();

    /** What is wrong with a pattern. */
    static final class Unsupported extends RuntimeException {
        Unsupported(String what) {
            super(what, null, false, false);
        }
    }

    private final String text;
    private final Nfa nfa;
    private int at;
    private int nesting;

    private Pattern(String text, Nfa nfa) {
        this.text = text;
        this.nfa = nfa;
    }

    /**
     * Draws the content of all strings that match.
     *
     * @throws Unsupported for what is not regular or not a pattern
     */
    static Nfa.Fragment draw(String pattern, Nfa nfa) {
        var parser = new Pattern(pattern, nfa);
        Nfa.Fragment all = parser.alternatives(true);
        if (parser.at < pattern.length()) {
            throw new Unsupported("unmatched )");
        }
        return all;
    }

    private boolean more() {
        return at < text.length();
    }

    private boolean next(char c) {
        if (more() && text.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    private Nfa.Fragment alternatives(boolean outermost) {
        if (++nesting > MAX_NESTING) {
            throw new Unsupported("groups nested more than " + MAX_NESTING + " deep");
        }
        List<Nfa.Fragment> all = new ArrayList<>();
        do {
            all.add(outermost ? anchored() : sequence());
        } while (next('|'));
        nesting--;
        return all.size() == 1 ? all.getFirst() : nfa.either(all);
    }

    private Nfa.Fragment anchored() {
        boolean begins = next('^');
        Nfa.Fragment middle = sequence();
        boolean ends = next('$');
        if (more() && text.charAt(at) != '|' && text.charAt(at) != ')') {
            throw new Unsupported("$ before the end");
        }
        Nfa.Fragment fromStart = begins ? middle : nfa.then(anything(), middle);
        return ends ? fromStart : nfa.then(fromStart, anything());
    }

    private Nfa.Fragment anything() {
        return nfa.star(JsonText.character(nfa, CodePoints.ALL));
    }

    private Nfa.Fragment sequence() {
        Nfa.Fragment all = nfa.empty();
        while (more() && "|)$".indexOf(text.charAt(at)) < 0) {
            all = nfa.then(all, quantified());
        }
        if (nesting > 1 && more() && text.charAt(at) == '$') {
            throw new Unsupported("$ inside a group");
        }
        return all;
    }

    private Nfa.Fragment quantified() {
        int from = at;
        int depth = nesting;
        Nfa.Fragment first = atom();
        int to = at;
        int min;
        int max;
        if (next('*')) {
            min = 0;
            max = -1;
        } else if (next('+')) {
            min = 1;
            max = -1;
        } else if (next('?')) {
            min = 0;
            max = 1;
        } else if (more() && text.charAt(at) == '{') {
            at++;
            min = number();
            max = next(',') ? more() && text.charAt(at) == '}' ? -1 : number() : min;
            if (!next('}') || max >= 0 && max < min) {
                throw new Unsupported("a broken {m,n}");
            }
        } else {
            return first;
        }
        // Lazy or greedy is a matter of captures; the strings are the same.
        next('?');
        if (more() && "*+?{".indexOf(text.charAt(at)) >= 0) {
            throw new Unsupported("nothing to repeat");
        }
        int end = at;
        Nfa.Fragment all = nfa.repeat(
                () -> {
                    at = from;
                    nesting = depth;
                    Nfa.Fragment again = atom();
                    if (at != to) {
                        throw new IllegalStateException("the same text was read in two ways");
                    }
                    return again;
                },
                min,
                max);
        at = end;
        return all;
    }

    private int number() {
        int from = at;
        while (more() && text.charAt(at) >= '0' && text.charAt(at) <= '9' && at - from < 9) {
            at++;
        }
        if (from == at) {
            throw new Unsupported("a broken {m,n}");
        }
        int value = Integer.parseInt(text.substring(from, at));
        if (value > MAX_REPEAT) {
            throw new Unsupported("a repetition of more than " + MAX_REPEAT);
        }
        return value;
    }

    private Nfa.Fragment atom() {
        int c = text.codePointAt(at);
        at += Character.charCount(c);
        return switch (c) {
            case '(' -> group();
            case '[' -> JsonText.character(nfa, set());
            case '.' -> JsonText.character(nfa, NOT_LINE_END);
            case '\\' -> JsonText.character(nfa, escape(false));
            case '*', '+', '?' -> throw new Unsupported("nothing to repeat");
            case '^' -> throw new Unsupported("^ after the beginning");
            default -> {
                if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                    throw new Unsupported("half a character");
                }
                yield JsonText.character(nfa, CodePoints.of(c));
            }
        };
    }

    private Nfa.Fragment group() {
        if (next('?') && !next(':')) {
            if (!next('<') || more() && "=!".indexOf(text.charAt(at)) >= 0) {
                throw new Unsupported("look-around");
            }
            at = text.indexOf('>', at) + 1;
            if (at == 0) {
                throw new Unsupported("a group's name without end");
            }
        }
        Nfa.Fragment inner = alternatives(false);
        if (!next(')')) {
            throw new Unsupported("unmatched (");
        }
        return inner;
    }

    private CodePoints set() {
        boolean negated = next('^');
        CodePoints set = CodePoints.NONE;
        while (!next(']')) {
            CodePoints low = member();
            if (more() && text.charAt(at) == '-' && at + 1 < text.length() && text.charAt(at + 1) != ']') {
                at++;
                CodePoints high = member();
                int from = only(low);
                int to = only(high);
                if (to < from) {
                    throw new Unsupported("a range from high to low");
                }
                set = set.or(CodePoints.of(from, to));
            } else {
                set = set.or(low);
            }
        }
        return negated ? set.not() : set;
    }

    private static int only(CodePoints set) {
        if (set.ranges().size() != 1
                || set.ranges().getFirst()[0] != set.ranges().getFirst()[1]) {
            throw new Unsupported("a range between sets");
        }
        return set.ranges().getFirst()[0];
    }

    private CodePoints member() {
        if (!more()) {
            throw new Unsupported("unmatched [");
        }
        int c = text.codePointAt(at);
        at += Character.charCount(c);
        return c == '\\' ? escape(true) : CodePoints.of(c);
    }

    private CodePoints escape(boolean inSet) {
        if (!more()) {
            throw new Unsupported("\\ at the end");
        }
        char c = text.charAt(at++);
        return switch (c) {
            case 'd' -> DIGIT;
            case 'D' -> DIGIT.not();
            case 'w' -> WORD;
            case 'W' -> WORD.not();
            case 's' -> SPACE;
            case 'S' -> SPACE.not();
            case 't' -> CodePoints.of('\t');
            case 'n' -> CodePoints.of('\n');
            case 'r' -> CodePoints.of('\r');
            case 'f' -> CodePoints.of('\f');
            case 'v' -> CodePoints.of(0x0B);
            case '0' -> CodePoints.of(0);
            case 'x' -> CodePoints.of(hex(2));
            case 'u' -> CodePoints.of(next('{') ? braced() : hex(4));
            case 'b' -> {
                if (!inSet) {
                    throw new Unsupported("\\b");
                }
                yield CodePoints.of('\b');
            }
            default -> {
                boolean word = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
                if (word || Character.isSurrogate(c)) {
                    throw new Unsupported("\\" + c);
                }
                yield CodePoints.of(c);
            }
        };
    }

    private int hex(int digits) {
        if (at + digits > text.length()) {
            throw new Unsupported("a broken escape");
        }
        return hexValue(text.substring(at, at += digits));
    }

    private int braced() {
        int end = text.indexOf('}', at);
        if (end < 0 || end - at > 6 || end == at) {
            throw new Unsupported("a broken escape");
        }
        int value = hexValue(text.substring(at, end));
        at = end + 1;
        return value;
    }

    private static int hexValue(String digits) {
        for (int i = 0; i < digits.length(); i++) {
            if (Character.digit(digits.charAt(i), 16) < 0) {
                throw new Unsupported("a broken escape");
            }
        }
        int value = Integer.parseInt(digits, 16);
        boolean half = value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE;
        if (half || value > Character.MAX_CODE_POINT) {
            throw new Unsupported("a code point that is none");
        }
        return value;
    }
}
