package longreach.lm.model;

import java.util.Optional;
import longreach.tensor.weights.JsonConfig;

/**
 * Rotary positions as a {@code config.json} describes them.
 *
 * @param scale positions are divided by it; 1: no scaling
 */
record RopeSettings(double theta, float scale) {
    /**
     * Newer files have {@code rope_parameters}, older ones {@code rope_theta} and {@code rope_scaling}.
     *
     * @throws longreach.tensor.weights.WeightsException for any scaling but a linear one
     */
    static RopeSettings of(JsonConfig config, double missingTheta) {
        Optional<JsonConfig> parameters = config.findObject("rope_parameters");
        if (parameters.isPresent()) {
            JsonConfig found = parameters.get();
            return new RopeSettings(found.number("rope_theta", missingTheta), scale(found));
        }
        return new RopeSettings(
                config.number("rope_theta", missingTheta),
                config.findObject("rope_scaling").map(RopeSettings::scale).orElse(1f));
    }

    /** The same with settings of their own for layers of one type, {@code sliding_attention} or {@code full_attention}. */
    static RopeSettings of(JsonConfig parameters, String layerType, double missingTheta) {
        return parameters
                .findObject(layerType)
                .map(found -> new RopeSettings(found.number("rope_theta", missingTheta), scale(found)))
                .orElse(new RopeSettings(missingTheta, 1));
    }

    static float scale(JsonConfig config) {
        if (config.number("partial_rotary_factor", 1) != 1) {
            throw config.problem("partial_rotary_factor", config.number("partial_rotary_factor"), "1");
        }
        String type = config.string("rope_type", config.string("type", "default"));
        return switch (type) {
            case "default" -> 1;
            case "linear" -> {
                double factor = config.number("factor");
                if (!(factor >= 1 && factor <= 1e6)) {
                    throw config.problem("factor", factor, "1 to 1000000");
                }
                yield (float) factor;
            }
            default -> throw config.problem("rope_type", type, "default or linear");
        };
    }
}
