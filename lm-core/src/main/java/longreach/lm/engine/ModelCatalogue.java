package longreach.lm.engine;

import java.nio.file.Files;
import java.nio.file.Path;
import longreach.tensor.weights.ModelCache;

/** Models known by name, and any GGUF file by its path. */
public record ModelCatalogue(ModelCache cache) {
    /**
     * @param name what requests call it
     * @param file the checkpoint
     */
    public record Entry(String name, Path file, ServedModel.Recommended recommended) {}

    /**
     * @param nameOrPath a catalogue name, or the path of a GGUF file
     * @throws longreach.tensor.weights.WeightsException when the weights of a known name are not in the cache
     * @throws EngineException.UnknownModel for anything else
     */
    public Entry find(String nameOrPath) {
        if (nameOrPath.equals("smollm2-135m")) {
            return new Entry(
                    nameOrPath,
                    cache.require(nameOrPath, "SmolLM2-135M-Instruct.Q4_1.gguf"),
                    new ServedModel.Recommended(
                            "SmolLM2 135M Instruct",
                            "A small English language model for short extractive answers. Reads text; other media reach "
                                    + "it as recognised text and transcripts.",
                            0.2f,
                            0.9f,
                            0));
        }
        Path path = Path.of(nameOrPath);
        if (nameOrPath.endsWith(".gguf") && Files.isRegularFile(path)) {
            String file = path.getFileName().toString();
            String name = file.substring(0, file.length() - ".gguf".length());
            return new Entry(name, path, new ServedModel.Recommended(name, "From a GGUF file.", 1, 1, 0));
        }
        throw new EngineException.UnknownModel(nameOrPath, "smollm2-135m, or the path of a .gguf file");
    }
}
