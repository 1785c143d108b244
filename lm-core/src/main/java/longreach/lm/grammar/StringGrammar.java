package longreach.lm.grammar;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Strings of a schema: lengths, patterns and the formats that are regular. */
final class StringGrammar {
    private static final int MAX_PATTERN_CHARACTERS = 10_000;

    private static final String LEAP = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
    private static final String DATE = "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])"
            + "|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|" + LEAP + "-02-29)";
    private static final String TIME =
            "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
    private static final String BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final String LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,14}[A-Za-z0-9])?";

    /** RFC 3339 for dates and times, RFC 4122 for uuid; plain forms of the others. Unknown formats do not constrain. */
    private static final Map<String, String> FORMATS = Map.of(
            "date", "^" + DATE + "$",
            "time", "^" + TIME + "$",
            "date-time", "^" + DATE + "T" + TIME + "$",
            "duration",
                    "^P(?:\\d{1,4}W|(?:\\d{1,4}Y(?:\\d{1,2}M(?:\\d{1,3}D)?)?|\\d{1,2}M(?:\\d{1,3}D)?|\\d{1,3}D)"
                            + "(?:T(?:\\d{1,2}H(?:\\d{1,2}M(?:\\d{1,2}S)?)?|\\d{1,2}M(?:\\d{1,2}S)?|\\d{1,2}S))?"
                            + "|T(?:\\d{1,2}H(?:\\d{1,2}M(?:\\d{1,2}S)?)?|\\d{1,2}M(?:\\d{1,2}S)?|\\d{1,2}S))$",
            "uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
            "ipv4", "^" + BYTE + "(?:\\." + BYTE + "){3}$",
            "email",
                    "^[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,32}){0,3}@" + LABEL + "(?:\\." + LABEL
                            + "){0,3}\\.[A-Za-z]{2,10}$",
            "hostname", "^" + LABEL + "(?:\\." + LABEL + "){0,4}$");

    private static final Map<String, Dfa> FORMAT_AUTOMATA = new HashMap<>();
    private static final Leaf QUOTE = new Leaf.Regular(Dfa.ofTexts(List.of("\"".getBytes(StandardCharsets.UTF_8))));
    private static final Leaf ANY_REST = new Leaf.Regular(JsonText.ANY_REST);

    private StringGrammar() {}

    static Node any() {
        return Node.All.of(QUOTE, ANY_REST);
    }

    static Node string(JsonNode schema, String path, Work work) {
        int min = SchemaCompiler.count(schema, "minLength", path, 0);
        int max = SchemaCompiler.count(schema, "maxLength", path, -1);
        if (max >= 0 && min > max) {
            throw new SchemaException(path, "minLength", String.valueOf(min), "at most maxLength, " + max);
        }
        Dfa regular = null;
        String keyword = "pattern";
        if (schema.has("pattern")) {
            regular = pattern(schema.get("pattern"), path, work);
        }
        String format = schema.path("format").stringValue("");
        if (FORMATS.containsKey(format)) {
            keyword = regular == null ? "format" : keyword;
            regular = regular == null
                    ? format(format)
                    : both(regular, new Leaf.Regular(format(format)), path, keyword, work);
        }
        if (regular == null) {
            return min == 0 && max < 0 ? any() : Node.All.of(QUOTE, new Leaf.Counted(min, max));
        }
        if (min > 0 || max >= 0) {
            regular = both(regular, new Leaf.Counted(min, max), path, keyword, work);
        }
        if (regular.isEmpty()) {
            throw new SchemaException(path, keyword, "no string satisfies it", "one that some string does");
        }
        return Node.All.of(QUOTE, new Leaf.Regular(regular));
    }

    private static synchronized Dfa format(String name) {
        return FORMAT_AUTOMATA.computeIfAbsent(name, n -> rest(FORMATS.get(n), new Work()));
    }

    /** Content that matches, and the closing quote. */
    private static Dfa rest(String pattern, Work work) {
        return JsonText.make(nfa -> nfa.then(Pattern.draw(pattern, nfa), nfa.text("\"")), work);
    }

    private static Dfa pattern(JsonNode pattern, String path, Work work) {
        String text = pattern.stringValue("");
        if (!pattern.isString() || text.length() > MAX_PATTERN_CHARACTERS) {
            throw new SchemaException(
                    path,
                    "pattern",
                    pattern.isString() ? text.length() + " characters" : "not a string",
                    "a pattern of at most " + MAX_PATTERN_CHARACTERS + " characters");
        }
        try {
            return rest(text, work);
        } catch (Pattern.Unsupported e) {
            throw new SchemaException(path, "pattern", e.getMessage(), "a regular expression without it");
        } catch (Nfa.TooLarge e) {
            throw new SchemaException(path, "pattern", "an automaton of too many states", "a simpler pattern");
        }
    }

    private static Dfa both(Dfa first, Leaf second, String path, String keyword, Work work) {
        try {
            return first.and(second, false, work);
        } catch (Nfa.TooLarge e) {
            throw new SchemaException(path, keyword, "an automaton of too many states", "a simpler pattern or length");
        }
    }
}
