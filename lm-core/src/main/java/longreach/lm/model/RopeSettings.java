package longreach.lm.model;

import java.util.Optional;
import longreach.tensor.weights.JsonConfig;

/**
 * Rotary positions as a {@code config.json} describes them.
 *
 * @param scale positions are divided by it; 1: no scaling
 * @param bands scaling by wave length, or null
 */
record RopeSettings(double theta, float scale, RopeBands bands) {
    RopeSettings(double theta, float scale) {
        this(theta, scale, null);
    }

    /**
     * Newer files have {@code rope_parameters}, older ones {@code rope_theta} and {@code rope_scaling}.
     *
     * @throws longreach.tensor.weights.WeightsException for any scaling but a linear one
     */
    static RopeSettings of(JsonConfig config, double missingTheta) {
        return new RopeSettings(
                parameters(config).number("rope_theta", missingTheta),
                scaling(config).map(RopeSettings::scale).orElse(1f));
    }

    /**
     * As {@link #of(JsonConfig, double)} for a family whose frequencies are scaled by bands or not at all.
     *
     * @throws longreach.tensor.weights.WeightsException for any scaling but Llama 3.1's
     */
    static RopeSettings withBands(JsonConfig config, double missingTheta) {
        double theta = parameters(config).number("rope_theta", missingTheta);
        Optional<JsonConfig> scaling = scaling(config);
        if (scaling.isEmpty()) {
            return new RopeSettings(theta, 1);
        }
        JsonConfig found = scaling.get();
        requireWholeHeads(found);
        return switch (type(found)) {
            case "default" -> new RopeSettings(theta, 1);
            case "llama3" -> new RopeSettings(theta, 1, RopeBands.of(found));
            default -> throw found.problem("rope_type", type(found), "default or llama3");
        };
    }

    private static JsonConfig parameters(JsonConfig config) {
        return config.findObject("rope_parameters").orElse(config);
    }

    private static Optional<JsonConfig> scaling(JsonConfig config) {
        return config.findObject("rope_parameters").or(() -> config.findObject("rope_scaling"));
    }

    /** The same with settings of their own for layers of one type, {@code sliding_attention} or {@code full_attention}. */
    static RopeSettings of(JsonConfig parameters, String layerType, double missingTheta) {
        return parameters
                .findObject(layerType)
                .map(found -> new RopeSettings(found.number("rope_theta", missingTheta), scale(found)))
                .orElse(new RopeSettings(missingTheta, 1));
    }

    private static void requireWholeHeads(JsonConfig config) {
        if (config.number("partial_rotary_factor", 1) != 1) {
            throw config.problem("partial_rotary_factor", config.number("partial_rotary_factor"), "1");
        }
    }

    private static String type(JsonConfig config) {
        return config.string("rope_type", config.string("type", "default"));
    }

    static float scale(JsonConfig config) {
        requireWholeHeads(config);
        String type = type(config);
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
