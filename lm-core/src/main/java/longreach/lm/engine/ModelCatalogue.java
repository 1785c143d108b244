package longreach.lm.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import longreach.lm.engine.ServedModel.Recommended;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelCache;
import longreach.tensor.weights.WeightsException;

/**
 * Models by name: every folder of the cache that holds a GGUF file, or {@code config.json} with safetensors beside it;
 * and both by their paths.
 */
public record ModelCatalogue(ModelCache cache) {
    private static final String GGUF = ".gguf";
    private static final String DEFAULT = "smollm2-135m";

    /**
     * @param name what requests call it
     * @param file the checkpoint: a GGUF file, or a directory of safetensors
     */
    public record Entry(String name, Path file, Recommended recommended) {}

    /**
     * @param nameOrPath the name of a folder in the cache, or the path of a GGUF file or of a directory
     * @throws WeightsException when the weights of a name are not in the cache
     * @throws EngineException.UnknownModel for anything else
     */
    public Entry find(String nameOrPath) {
        if (nameOrPath.equals(DEFAULT)) {
            return new Entry(
                    nameOrPath,
                    cache.require(nameOrPath, "SmolLM2-135M-Instruct.Q4_1.gguf"),
                    new Recommended(
                            "SmolLM2 135M Instruct",
                            "A small English language model for short extractive answers. Reads text; other media reach "
                                    + "it as recognised text and transcripts.",
                            0.2f,
                            0.9f,
                            0));
        }
        Path path = Path.of(nameOrPath);
        String name = servedName(nameOrPath);
        if (nameOrPath.endsWith(GGUF) && Files.isRegularFile(path)) {
            return new Entry(name, path, new Recommended(name, "From a GGUF file.", 1, 1, 0));
        }
        if (isModelDirectory(path)) {
            return new Entry(name, path, recommended(name, path));
        }
        if (ModelCache.isName(nameOrPath)) {
            Path folder = cache.directory(nameOrPath);
            if (isModelDirectory(folder)) {
                return new Entry(nameOrPath, folder, recommended(nameOrPath, folder));
            }
            Optional<Path> gguf = onlyGguf(folder);
            if (gguf.isPresent()) {
                return new Entry(nameOrPath, gguf.get(), recommended(nameOrPath, folder));
            }
        }
        throw new EngineException.UnknownModel(
                nameOrPath,
                DEFAULT + ", a model that ./longreach pull has fetched into " + cache.root()
                        + ", or the path of a .gguf file or of a directory with config.json");
    }

    /** What requests call the model that {@link #find} finds by this name or path: a path's last part, without .gguf. */
    public static String servedName(String nameOrPath) {
        Path last = Path.of(nameOrPath).getFileName();
        String name = last == null ? nameOrPath : last.toString();
        return name.endsWith(GGUF) ? name.substring(0, name.length() - GGUF.length()) : name;
    }

    private static boolean isModelDirectory(Path path) {
        return Files.isRegularFile(path.resolve("config.json"))
                && (Files.isRegularFile(path.resolve("model.safetensors"))
                        || Files.isRegularFile(path.resolve("model.safetensors.index.json")));
    }

    private static Optional<Path> onlyGguf(Path folder) {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (var files = Files.list(folder)) {
            List<Path> found = files.filter(file -> file.toString().endsWith(GGUF))
                    .sorted()
                    .toList();
            if (found.size() > 1) {
                throw new WeightsException(
                        folder + ": " + found.size() + " GGUF files (expected: one; name it by path)");
            }
            return found.stream().findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be read", e);
        }
    }

    /** As the makers' generation_config.json says, where there is one. */
    private static Recommended recommended(String name, Path folder) {
        Path file = folder.resolve("generation_config.json");
        if (!Files.isRegularFile(file)) {
            return new Recommended(name, "From " + folder.getFileName() + ".", 1, 1, 0);
        }
        JsonConfig config = JsonConfig.read(file);
        return new Recommended(
                name,
                "From " + folder.getFileName() + ".",
                (float) config.number("temperature", 1),
                (float) config.number("top_p", 1),
                config.integer("top_k", 0));
    }
}
