package longreach.tensor.weights;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A model as Hugging Face transformers saves it: {@code config.json}, weights in {@code model.safetensors} or in shards
 * that {@code model.safetensors.index.json} lists, and tokenizer files.
 */
public final class ModelDirectory implements ModelFiles {
    private static final String WEIGHTS = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final int MAX_SHARDS = 1024;
    // A shard's name becomes a path, so nothing that leaves the directory gets through.
    private static final Pattern SHARD = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,200}\\.safetensors");

    private final Path path;
    private final JsonConfig config;
    private final List<SafetensorsFile> shards = new ArrayList<>();
    // Tensor to its shard.
    private final Map<String, SafetensorsFile> places = new LinkedHashMap<>();

    private ModelDirectory(Path path) {
        this.path = path;
        config = JsonConfig.read(path.resolve("config.json"));
        try {
            if (Files.isRegularFile(path.resolve(WEIGHTS))) {
                var file = SafetensorsFile.open(path.resolve(WEIGHTS));
                shards.add(file);
                file.names().forEach(name -> places.put(name, file));
            } else if (Files.isRegularFile(path.resolve(INDEX))) {
                openShards(JsonConfig.read(path.resolve(INDEX)).object("weight_map"));
            } else {
                throw new WeightsException(path, WEIGHTS, "missing (expected: it, or " + INDEX + ")");
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** @throws WeightsException when a file is missing, wrong or not supported */
    public static ModelDirectory open(Path path) {
        return new ModelDirectory(path);
    }

    private void openShards(JsonConfig weightMap) {
        Map<String, SafetensorsFile> byName = new LinkedHashMap<>();
        for (String tensor : weightMap.keys()) {
            String shard = weightMap.string(tensor);
            if (!SHARD.matcher(shard).matches()) {
                throw new WeightsException(
                        weightMap.file(),
                        tensor,
                        "in '" + shard + "' (expected: a .safetensors file beside the index)");
            }
            SafetensorsFile file = byName.get(shard);
            if (file == null) {
                if (byName.size() == MAX_SHARDS) {
                    throw new WeightsException(
                            weightMap.file(), tensor, "in another shard (expected: at most " + MAX_SHARDS + ")");
                }
                file = SafetensorsFile.open(path.resolve(shard));
                shards.add(file);
                byName.put(shard, file);
            }
            if (!file.names().contains(tensor)) {
                throw new WeightsException(file.path(), tensor, "missing (expected: here, as the index says)");
            }
            places.put(tensor, file);
        }
    }

    @Override
    public Path path() {
        return path;
    }

    /** config.json. */
    public JsonConfig config() {
        return config;
    }

    /** Another JSON file of the model, such as tokenizer_config.json. */
    public Optional<JsonConfig> json(String name) {
        Path file = path.resolve(name);
        return Files.isRegularFile(file) ? Optional.of(JsonConfig.read(file)) : Optional.empty();
    }

    @Override
    public Collection<Tensor> tensors() {
        List<Tensor> all = new ArrayList<>();
        for (SafetensorsFile shard : shards) {
            for (Tensor tensor : shard.tensors()) {
                if (places.get(tensor.name()) == shard) {
                    all.add(tensor);
                }
            }
        }
        return Collections.unmodifiableList(all);
    }

    @Override
    public Optional<Tensor> find(String name) {
        SafetensorsFile place = places.get(name);
        return place == null ? Optional.empty() : place.find(name);
    }

    @Override
    public void close() {
        shards.forEach(SafetensorsFile::close);
    }
}
