package longreach.standalone;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import longreach.lm.engine.ModelCatalogue;
import longreach.tensor.weights.ModelCache;
import longreach.vision.siglip.Eyes;
import picocli.CommandLine.Option;

/** The options of everything that runs models in this process. */
class ModelOptions {
    @Option(
            names = "--model",
            paramLabel = "NAME|PATH",
            description = "Language model by name, or a GGUF file or model directory (default: ${DEFAULT-VALUE}).")
    String model = "smollm2-135m";

    @Option(
            names = "--eyes",
            paramLabel = "PATH",
            description =
                    "What the model sees images with: a projector's GGUF file (mmproj), or a directory of safetensors"
                            + " (default: the tower in the model's own directory, if it has one; else images become"
                            + " text).")
    Path eyes;

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

    /** What the model sees with; empty: it reads. */
    Optional<Path> seesWith() {
        if (eyes != null) {
            return Optional.of(eyes);
        }
        if (localModel().isEmpty()) {
            return Optional.empty();
        }
        Path path = Path.of(model);
        boolean pulled = ModelCache.isName(model) && !Files.exists(path);
        return Optional.of(pulled ? ModelCache.ofEnvironment().directory(model) : path)
                .filter(Eyes::areIn);
    }

    void check() {
        if (eyes != null && !Files.exists(eyes)) {
            throw CommandException.usage("--eyes: " + eyes + " (expected: a GGUF file or a directory that is there)");
        }
        if (!precision.equals("f32") && !precision.equals("fast")) {
            throw CommandException.usage("--precision: " + precision + " (expected: f32 or fast)");
        }
        if (threads < 0 || threads > 1024) {
            throw CommandException.usage("--threads: " + threads + " (expected: 0 to 1024)");
        }
    }
}
