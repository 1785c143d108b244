package longreach.vision.ocr;

/**
 * Best-path decoding of a connectionist temporal classifier (Graves et al. 2006): the best class of each step, repeats
 * collapsed, blanks dropped.
 */
final class CharacterDecoder {
    /** @param confidence mean probability of the characters kept; 0 for an empty text */
    record Reading(String text, float confidence) {}

    private final String[] alphabet;

    CharacterDecoder(String[] alphabet) {
        this.alphabet = alphabet;
    }

    /** @param odds probabilities, f32[steps, alphabet] */
    Reading decode(float[] odds) {
        int classes = alphabet.length;
        if (odds.length % classes != 0) {
            throw new IllegalStateException("recogniser gave " + odds.length + " values (expected: a multiple of the "
                    + classes + " classes of its alphabet)");
        }
        var text = new StringBuilder();
        int previous = 0;
        double sum = 0;
        int kept = 0;
        for (int step = 0; step < odds.length; step += classes) {
            int best = 0;
            for (int i = 1; i < classes; i++) {
                if (odds[step + i] > odds[step + best]) {
                    best = i;
                }
            }
            if (best != 0 && best != previous) {
                text.append(alphabet[best]);
                sum += odds[step + best];
                kept++;
            }
            previous = best;
        }
        return new Reading(text.toString(), kept == 0 ? 0 : (float) (sum / kept));
    }
}
