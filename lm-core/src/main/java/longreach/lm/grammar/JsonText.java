package longreach.lm.grammar;

import java.util.ArrayList;
import java.util.List;

/** The spelling of JSON strings: what may stand between the quotes, and how. */
final class JsonText {
    private static final CodePoints CONTROL = CodePoints.of(0, 0x1F);
    private static final CodePoints QUOTED = CodePoints.of('"').or(CodePoints.of('\\'));
    private static final CodePoints PLAIN = CONTROL.or(QUOTED).not();
    private static final String SHORT = "\"\\/bfnrt";
    private static final String SHORT_MEANING = "\"\\/\b\f\n\r\t";

    /** One character of any string, in any of its spellings. */
    static final Dfa ANY_CHARACTER = make(JsonText::anyCharacter);

    /** The rest of any string, after its opening quote. */
    static final Dfa ANY_REST = make(nfa -> nfa.then(nfa.star(anyCharacter(nfa)), nfa.text("\"")));

    /** A key without escapes, both quotes included: it has one spelling only. */
    static final Dfa PLAIN_KEY =
            make(nfa -> nfa.then(nfa.text("\""), nfa.then(nfa.star(PLAIN.utf8(nfa)), nfa.text("\""))));

    /** Between members and items. One space is as far as whitespace goes: a small model may never end a longer one. */
    static final Leaf COMMA = new Leaf.Regular(make(nfa -> nfa.then(nfa.text(","), nfa.optional(nfa.text(" ")))));

    static final Leaf COLON = new Leaf.Regular(make(nfa -> nfa.then(nfa.text(":"), nfa.optional(nfa.text(" ")))));

    private JsonText() {}

    interface Plan {
        Nfa.Fragment draw(Nfa nfa);
    }

    /** For what is the same in every grammar. */
    static Dfa make(Plan plan) {
        return make(plan, new Work());
    }

    /** @throws Nfa.TooLarge when it would have too many states, or cost too much */
    static Dfa make(Plan plan, Work work) {
        var nfa = new Nfa(work);
        return nfa.toDfa(plan.draw(nfa));
    }

    private static Nfa.Fragment anyCharacter(Nfa nfa) {
        List<Nfa.Fragment> spellings = new ArrayList<>();
        spellings.add(PLAIN.utf8(nfa));
        List<Nfa.Fragment> escapes = new ArrayList<>();
        for (char c : SHORT.toCharArray()) {
            escapes.add(nfa.range(c, c));
        }
        // Surrogates come in pairs or not at all.
        Nfa.Fragment single = nfa.either(
                List.of(hex(nfa, "0123456789abcefABCEF", 3), nfa.then(oneOf(nfa, "dD"), hex(nfa, "01234567", 2))));
        Nfa.Fragment high = nfa.then(oneOf(nfa, "dD"), hex(nfa, "89abAB", 2));
        Nfa.Fragment low = nfa.then(oneOf(nfa, "dD"), hex(nfa, "cdefCDEF", 2));
        Nfa.Fragment pair = nfa.then(high, nfa.then(nfa.text("\\u"), low));
        escapes.add(nfa.then(nfa.text("u"), nfa.either(List.of(single, pair))));
        spellings.add(nfa.then(nfa.text("\\"), nfa.either(escapes)));
        return nfa.either(spellings);
    }

    /** One of the digits, and {@code more} hexadecimal ones. */
    private static Nfa.Fragment hex(Nfa nfa, String first, int more) {
        return nfa.then(oneOf(nfa, first), nfa.repeat(() -> oneOf(nfa, "0123456789abcdefABCDEF"), more, more));
    }

    static Nfa.Fragment oneOf(Nfa nfa, String characters) {
        var all = new Nfa.Fragment(nfa.state(), nfa.state());
        for (char c : characters.toCharArray()) {
            nfa.edge(all.start(), c, c, all.end());
        }
        return all;
    }

    /** One character of the set, in its shortest spelling. */
    static Nfa.Fragment character(Nfa nfa, CodePoints set) {
        List<Nfa.Fragment> spellings = new ArrayList<>();
        CodePoints plain = set.and(PLAIN);
        if (!plain.ranges().isEmpty()) {
            spellings.add(plain.utf8(nfa));
        }
        for (int c = 0; c < 0x80; c++) {
            if (set.has(c) && !PLAIN.has(c)) {
                spellings.add(nfa.text(escape(c)));
            }
        }
        // A set of nothing has no way from its start to its end.
        return nfa.either(spellings);
    }

    private static String escape(int c) {
        int at = SHORT_MEANING.indexOf(c);
        return at >= 0 ? "\\" + SHORT.charAt(at) : "\\u%04x".formatted(c);
    }

    /** A string as JSON, both quotes included. */
    static String quote(String text) {
        var out = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean lone = Character.isSurrogate(c) && !pairedAt(text, i);
            out.append(lone ? "\\u%04x".formatted((int) c) : PLAIN.has(c) || Character.isSurrogate(c) ? c : escape(c));
        }
        return out.append('"').toString();
    }

    private static boolean pairedAt(String text, int i) {
        return Character.isHighSurrogate(text.charAt(i))
                ? i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }
}
