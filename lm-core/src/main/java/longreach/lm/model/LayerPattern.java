package longreach.lm.model;

import java.util.List;
import java.util.stream.IntStream;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.JsonConfig;

/** Which layers of a checkpoint slide: in every period the last layer sees the whole context, the others a window. */
final class LayerPattern {
    private LayerPattern() {}

    /** By {@code layer_types}, else by a period under either of the names it has had, else by {@code missingPeriod}. */
    static List<Boolean> of(JsonConfig config, int layers, int missingPeriod) {
        if (config.has("layer_types")) {
            return config.strings("layer_types").stream()
                    .map(type -> switch (type) {
                        case "sliding_attention" -> true;
                        case "full_attention" -> false;
                        default -> throw config.problem("layer_types", type, "sliding_attention or full_attention");
                    })
                    .toList();
        }
        int period = config.integer("sliding_window_pattern", config.integer("_sliding_window_pattern", missingPeriod));
        if (period < 1) {
            throw config.problem("sliding_window_pattern", period, "at least 1");
        }
        return of(layers, period);
    }

    /** By the key, a period or one truth value for each layer, else by {@code missingPeriod}. */
    static List<Boolean> of(GgufMetadata metadata, String key, int layers, int missingPeriod) {
        if (metadata.isArray(key)) {
            return metadata.flags(key);
        }
        int period = metadata.integer(key, missingPeriod);
        if (period < 1) {
            throw metadata.problem(key, period, "at least 1");
        }
        return of(layers, period);
    }

    private static List<Boolean> of(int layers, int period) {
        // A wrong number of layers is told by the configuration, which knows its bounds.
        return IntStream.range(0, Math.min(layers, CheckpointWeights.MAX_LAYERS))
                .mapToObj(layer -> (layer + 1) % period != 0)
                .toList();
    }
}
