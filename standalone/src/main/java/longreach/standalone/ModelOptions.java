package longreach.standalone;

import java.util.LinkedHashMap;
import java.util.Map;
import longreach.lm.engine.ModelCatalogue;
import picocli.CommandLine.Option;

/** The options of everything that runs models in this process. */
class ModelOptions {
    @Option(
            names = "--model",
            paramLabel = "NAME|PATH",
            description = "Language model by name, or a GGUF file or model directory (default: ${DEFAULT-VALUE}).")
    String model = "smollm2-135m";

    @Option(
            names = "--precision",
            paramLabel = "f32|fast",
            description = "f32 computes everything in 32 bits; fast may round (default: ${DEFAULT-VALUE}).")
    String precision = "fast";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    int threads;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Any other setting of a service, such as gateway.limits.file=500MB. Repeatable.")
    Map<String, String> settings = new LinkedHashMap<>();

    /** What requests call the model. */
    String servedModel() {
        String other = settings.getOrDefault("lm-core.openai.model", "");
        return localModel().isEmpty() ? other : ModelCatalogue.servedName(model);
    }

    /** The language model whose weights this machine needs; empty: another server has them. */
    String localModel() {
        return settings.getOrDefault("lm-core.engine", "native").equals("native") ? model : "";
    }

    void check() {
        if (!precision.equals("f32") && !precision.equals("fast")) {
            throw CommandException.usage("--precision: " + precision + " (expected: f32 or fast)");
        }
        if (threads < 0 || threads > 1024) {
            throw CommandException.usage("--threads: " + threads + " (expected: 0 to 1024)");
        }
    }
}
