package longreach.tensor.tokenizer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Finds tokens that are written out in a text: the leftmost one, the longest among those that start there. */
final class LiteralTokens {
    record Literal(String name, int id) {}

    /** A token found at text[start, end). */
    record Match(int start, int end, int id) {}

    // By first character, then by length, longest first: a vocabulary may have thousands that begin alike.
    private final Map<Character, TreeMap<Integer, Map<String, Integer>>> byFirst = new HashMap<>();

    /** @param tokens with names that are not empty */
    LiteralTokens(List<Literal> tokens) {
        for (Literal token : tokens) {
            byFirst.computeIfAbsent(token.name().charAt(0), c -> new TreeMap<>((a, b) -> b - a))
                    .computeIfAbsent(token.name().length(), n -> new HashMap<>())
                    .put(token.name(), token.id());
        }
    }

    /** The next match at or after {@code from}, or null. */
    Match find(String text, int from) {
        if (byFirst.isEmpty()) {
            return null;
        }
        for (int i = from; i < text.length(); i++) {
            var candidates = byFirst.get(text.charAt(i));
            if (candidates == null) {
                continue;
            }
            for (var sameLength : candidates.entrySet()) {
                int end = i + sameLength.getKey();
                Integer id = end > text.length() ? null : sameLength.getValue().get(text.substring(i, end));
                if (id != null) {
                    return new Match(i, end, id);
                }
            }
        }
        return null;
    }
}
