package longreach.vision.ocr;

import java.util.List;

/**
 * Best-path decoding of a connectionist temporal classifier (Graves et al. 2006): the best class of each step, repeats
 * collapsed, blanks dropped.
 */
final class CharacterDecoder {
    /** @param confidence mean probability of the characters kept; 0 for an empty text */
    record Reading(String text, float confidence) {}

    private static final char IDEOGRAPHS = 0x2E80;

    private final String[] alphabet;

    CharacterDecoder(String[] alphabet) {
        this.alphabet = alphabet;
    }

    /**
     * @param odds probabilities, f32[steps, alphabet]
     * @param columns width of the picture that the steps divide evenly
     * @param gaps columns at which a word gap was seen, ascending; a space is put there unless one was read
     */
    Reading decode(float[] odds, int columns, List<Float> gaps) {
        int classes = alphabet.length;
        if (odds.length % classes != 0) {
            throw new IllegalStateException("recogniser gave " + odds.length + " values (expected: a multiple of the "
                    + classes + " classes of its alphabet)");
        }
        var text = new StringBuilder();
        int previous = 0;
        double sum = 0;
        int kept = 0;
        int gap = 0;
        float columnsPerStep = (float) columns * classes / odds.length;
        for (int step = 0; step < odds.length; step += classes) {
            int best = 0;
            for (int i = 1; i < classes; i++) {
                if (odds[step + i] > odds[step + best]) {
                    best = i;
                }
            }
            if (best != 0 && best != previous) {
                float column = (step / classes + 0.5f) * columnsPerStep;
                boolean crossed = false;
                while (gap < gaps.size() && gaps.get(gap) < column) {
                    crossed = true;
                    gap++;
                }
                if (crossed && spaced(text, alphabet[best])) {
                    text.append(' ');
                }
                text.append(alphabet[best]);
                sum += odds[step + best];
                kept++;
            }
            previous = best;
        }
        return new Reading(text.toString(), kept == 0 ? 0 : (float) (sum / kept));
    }

    /** Between two characters of a script that has spaces, unless one is there. */
    private static boolean spaced(CharSequence before, String next) {
        if (before.isEmpty()) {
            return false;
        }
        char last = before.charAt(before.length() - 1);
        char first = next.isEmpty() ? ' ' : next.charAt(0);
        return last != ' ' && first != ' ' && last < IDEOGRAPHS && first < IDEOGRAPHS;
    }
}
