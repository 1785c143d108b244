package longreach.tensor.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds tokens that are written out in a text: the leftmost one, the longest among those that start there. */
final class LiteralTokens {
    record Literal(String name, int id) {}

    /** A token found at text[start, end). */
    record Match(int start, int end, int id) {}

    private final Map<Character, List<Literal>> byFirst = new HashMap<>();

    /** @param tokens with names that are not empty, longest first */
    LiteralTokens(List<Literal> tokens) {
        for (Literal token : tokens) {
            byFirst.computeIfAbsent(token.name().charAt(0), c -> new ArrayList<>())
                    .add(token);
        }
    }

    /** The next match at or after {@code from}, or null. */
    Match find(String text, int from) {
        if (byFirst.isEmpty()) {
            return null;
        }
        for (int i = from; i < text.length(); i++) {
            List<Literal> candidates = byFirst.get(text.charAt(i));
            if (candidates == null) {
                continue;
            }
            for (Literal token : candidates) {
                if (text.startsWith(token.name(), i)) {
                    return new Match(i, i + token.name().length(), token.id());
                }
            }
        }
        return null;
    }
}
