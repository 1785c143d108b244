package longreach.lm.model;

import longreach.tensor.weights.JsonConfig;

/**
 * Llama 3.1's scaling of rotary frequencies for a longer context, by wave length: short waves stay, long ones are
 * stretched by {@code factor}, and between them the stretch grows smoothly. Formula: transformers 5,
 * {@code _compute_llama3_parameters}.
 *
 * @param factor stretch of the long waves
 * @param low waves longer than context / low are long
 * @param high waves shorter than context / high are short; more than low
 * @param context tokens that the model was trained with before
 */
public record RopeBands(float factor, float low, float high, int context) {
    public RopeBands {
        if (!(factor >= 1 && low > 0 && high > low && high < Float.POSITIVE_INFINITY && context >= 1)) {
            throw new IllegalArgumentException("rope scaling: factor " + factor + ", low_freq_factor " + low
                    + ", high_freq_factor " + high + ", original_max_position_embeddings " + context
                    + " (expected: a factor of at least 1, 0 < low < high, a positive context)");
        }
    }

    static RopeBands of(JsonConfig config) {
        return new RopeBands(
                (float) config.number("factor"),
                (float) config.number("low_freq_factor"),
                (float) config.number("high_freq_factor"),
                config.integer("original_max_position_embeddings"));
    }

    /** The frequency in place of an unscaled one, in radians a position. */
    float scaled(float frequency) {
        float wave = (float) (2 * Math.PI) / frequency;
        if (wave > context / low) {
            return frequency / factor;
        }
        if (wave < context / high) {
            return frequency;
        }
        float smooth = (context / wave - low) / (high - low);
        return (1 - smooth) * frequency / factor + smooth * frequency;
    }
}
