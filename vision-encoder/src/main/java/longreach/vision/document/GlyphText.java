package longreach.vision.document;

import java.text.Normalizer;
import java.util.stream.Collectors;

/** From what a page shows to the text that is meant: letters in reading order, accents joined, ligatures resolved. */
final class GlyphText {
    private static final String SPACING_ACCENTS = "\u00B4\u00A8\u02C6\u02DC\u02C7\u00B8\u02DA\u00AF";
    private static final String COMBINING_ACCENTS = "\u0301\u0308\u0302\u0303\u030C\u0327\u030A\u0304";
    private static final char FIRST_LIGATURE = '\uFB00';
    private static final char LAST_LIGATURE = '\uFB06';

    private GlyphText() {}

    /** @param shown lines with their characters from left to right */
    static String logical(CharSequence shown) {
        return shown.toString()
                .lines()
                .map(GlyphText::joined)
                .map(line -> line.codePoints().anyMatch(GlyphText::rightToLeft) ? readingOrder(line) : line)
                .collect(Collectors.joining("\n"));
    }

    /** TeX draws an accent and then its letter: {@code P\u00B4eter} is Péter. */
    private static String joined(String line) {
        var out = new StringBuilder(line.length());
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            int accent = SPACING_ACCENTS.indexOf(c);
            if (accent >= 0 && i + 1 < line.length()) {
                char letter = line.charAt(i + 1) == '\u0131' ? 'i' : line.charAt(i + 1);
                String whole = Normalizer.normalize(
                        String.valueOf(letter) + COMBINING_ACCENTS.charAt(accent), Normalizer.Form.NFC);
                if (whole.length() == 1) {
                    out.append(whole);
                    i++;
                    continue;
                }
            }
            if (c >= FIRST_LIGATURE && c <= LAST_LIGATURE) {
                out.append(Normalizer.normalize(String.valueOf(c), Normalizer.Form.NFKC));
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    /**
     * A line with Hebrew or Arabic. When most of its letters are, the line runs from right to left and what is not
     * (numbers, foreign words) from left to right inside; else only the runs from right to left are turned.
     */
    private static String readingOrder(String line) {
        long right = line.codePoints().filter(GlyphText::rightToLeft).count();
        long letters = line.codePoints().filter(Character::isLetter).count();
        boolean whole = 2 * right > letters;
        String text = whole ? new StringBuilder(line).reverse().toString() : line;
        var out = new StringBuilder(text.length());
        int at = 0;
        while (at < text.length()) {
            if (!Character.isLetterOrDigit(text.charAt(at)) || !turned(text.charAt(at), whole)) {
                out.append(text.charAt(at++));
                continue;
            }
            int end = at;
            while (end < text.length() && turned(text.charAt(end), whole)) {
                end++;
            }
            // Spaces at the end belong to what follows.
            while (!Character.isLetterOrDigit(text.charAt(end - 1))) {
                end--;
            }
            out.append(new StringBuilder(text.substring(at, end)).reverse());
            at = end;
        }
        return out.toString();
    }

    /** Inside a run that goes against the line's direction. */
    private static boolean turned(char c, boolean lineFromRight) {
        boolean strong = Character.isLetterOrDigit(c);
        return !strong || rightToLeft(c) != lineFromRight;
    }

    private static boolean rightToLeft(int c) {
        byte direction = Character.getDirectionality(c);
        return direction == Character.DIRECTIONALITY_RIGHT_TO_LEFT
                || direction == Character.DIRECTIONALITY_RIGHT_TO_LEFT_ARABIC;
    }
}
