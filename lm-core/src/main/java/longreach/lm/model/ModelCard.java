package longreach.lm.model;

/**
 * What is to be known of a model from outside.
 *
 * @param family "llama", ...
 * @param digest SHA-256 of the weights, 32 bytes
 * @param context most tokens of prompt and answer together
 * @param width elements of an embedding
 * @param softWidth width of the soft tokens that it takes; 0: it takes none
 */
public record ModelCard(
        String name,
        String family,
        byte[] digest,
        int context,
        int vocabulary,
        int width,
        int softWidth,
        long parameters) {
    /** Longer contexts no model was trained for; sums of positions and lengths stay far from overflowing below it. */
    static final int MOST_CONTEXT = 1 << 28;

    public ModelCard {
        if (context < 1 || context > MOST_CONTEXT) {
            throw new IllegalArgumentException(
                    name + ": context " + context + " (expected: 1 to " + MOST_CONTEXT + " tokens)");
        }
    }
}
