package longreach.lm.embed;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * BERT's uncased tokenizer: text is cleaned, lowered and stripped of accents, cut at white space, punctuation and
 * Chinese characters, and each word then into the longest pieces of the vocabulary, from its front (Schuster and
 * Nakajima 2012; Devlin et al. 2018, section 3). Immutable.
 */
final class WordPieces {
    private static final int MAX_WORD_CHARACTERS = 100;
    private static final String INNER = "##";

    private final Map<String, Integer> vocabulary;
    private final int unknown;

    /** @param vocabulary piece to id; pieces inside a word begin with ## */
    WordPieces(Map<String, Integer> vocabulary) {
        this.vocabulary = Map.copyOf(vocabulary);
        unknown = id("[UNK]");
    }

    int id(String piece) {
        var id = vocabulary.get(piece);
        if (id == null) {
            throw new IllegalArgumentException("vocabulary: no " + piece + " (expected: a vocabulary of BERT's kind)");
        }
        return id;
    }

    /** @return ids without the markers at both ends */
    List<Integer> encode(String text) {
        var ids = new ArrayList<Integer>();
        var word = new StringBuilder();
        var clean = Normalizer.normalize(spaced(text), Normalizer.Form.NFD);
        clean.codePoints().forEach(c -> {
            if (Character.getType(c) == Character.NON_SPACING_MARK) {
                return;
            }
            if (isSpace(c)) {
                flush(word, ids);
            } else if (isPunctuation(c)) {
                flush(word, ids);
                flush(word.appendCodePoint(c), ids);
            } else {
                word.append(lower(c));
            }
        });
        flush(word, ids);
        return ids;
    }

    private static String lower(int c) {
        return new String(Character.toChars(c)).toLowerCase(java.util.Locale.ROOT);
    }

    /** Without control characters, with one kind of space, and spaces around Chinese characters. */
    private static String spaced(String text) {
        var out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            if (c == 0 || c == 0xFFFD || isControl(c)) {
                return;
            }
            if (isSpace(c)) {
                out.append(' ');
            } else if (isChinese(c)) {
                out.append(' ').appendCodePoint(c).append(' ');
            } else {
                out.appendCodePoint(c);
            }
        });
        return out.toString();
    }

    private static boolean isSpace(int c) {
        return c == ' '
                || c == '\t'
                || c == '\n'
                || c == '\r'
                || Character.isSpaceChar(c)
                || c == 0x0B
                || c == 0x0C
                || c == 0x85;
    }

    private static boolean isControl(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.UNASSIGNED,
                    Character.PRIVATE_USE,
                    Character.SURROGATE -> c != '\t' && c != '\n' && c != '\r';
            default -> false;
        };
    }

    /** Every sign of ASCII counts, also those that Unicode calls symbols. */
    private static boolean isPunctuation(int c) {
        if (c >= 33 && c <= 47 || c >= 58 && c <= 64 || c >= 91 && c <= 96 || c >= 123 && c <= 126) {
            return true;
        }
        return switch (Character.getType(c)) {
            case Character.CONNECTOR_PUNCTUATION,
                    Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION,
                    Character.OTHER_PUNCTUATION -> true;
            default -> false;
        };
    }

    private static boolean isChinese(int c) {
        return c >= 0x4E00 && c <= 0x9FFF
                || c >= 0x3400 && c <= 0x4DBF
                || c >= 0x20000 && c <= 0x2A6DF
                || c >= 0x2A700 && c <= 0x2CEAF
                || c >= 0xF900 && c <= 0xFAFF
                || c >= 0x2F800 && c <= 0x2FA1F;
    }

    private void flush(StringBuilder word, List<Integer> ids) {
        if (word.isEmpty()) {
            return;
        }
        int[] characters = word.codePoints().toArray();
        word.setLength(0);
        int before = ids.size();
        if (characters.length > MAX_WORD_CHARACTERS) {
            ids.add(unknown);
            return;
        }
        for (int from = 0; from < characters.length; ) {
            int to = characters.length;
            Integer id = null;
            for (; to > from; to--) {
                var piece = (from > 0 ? INNER : "") + new String(characters, from, to - from);
                id = vocabulary.get(piece);
                if (id != null) {
                    break;
                }
            }
            if (id == null) {
                // One piece that is missing makes the whole word unknown.
                ids.subList(before, ids.size()).clear();
                ids.add(unknown);
                return;
            }
            ids.add(id);
            from = to;
        }
    }
}
