package longreach.standalone.pull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import longreach.standalone.pull.Model.Hub;
import longreach.standalone.pull.Model.WeightFile;
import longreach.tensor.weights.ModelCache;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Which files of which commit a model in the cache consists of, as the hub listed them when it was fetched: so that it is
 * found, and its bytes are verified, without asking the hub again, and a branch that moves on changes nothing here.
 */
record Manifest(Hub hub, List<WeightFile> files) {
    private static final String NAME = "manifest.json";
    private static final JsonMapper JSON = JsonMapper.shared();

    /** Empty when there is none, or one that cannot be read: then the hub is asked. */
    static Optional<Manifest> read(ModelCache cache, String model) {
        Path path = cache.file(model, NAME);
        if (!Files.isRegularFile(path)) {
            return Optional.empty();
        }
        try {
            JsonNode root = JSON.readTree(path.toFile());
            var files = new ArrayList<WeightFile>();
            for (JsonNode file : root.path("files")) {
                String name = file.path("name").asString("");
                cache.file(model, name); // refuses a name that is no plain file name
                files.add(new WeightFile(
                        name,
                        file.path("bytes").longValue(),
                        file.path("digest").asString("")));
            }
            var hub = new Hub(
                    root.path("repository").asString(""), root.path("commit").asString(""));
            return files.isEmpty() ? Optional.empty() : Optional.of(new Manifest(hub, files));
        } catch (JacksonException | IllegalArgumentException | longreach.tensor.weights.WeightsException e) {
            return Optional.empty();
        }
    }

    void write(ModelCache cache, String model) throws IOException {
        var root = JSON.createObjectNode();
        root.put("repository", hub.repository()).put("commit", hub.revision());
        var list = root.putArray("files");
        for (WeightFile file : files) {
            list.addObject().put("name", file.name()).put("bytes", file.bytes()).put("digest", file.digest());
        }
        Path partial = cache.file(model, NAME + ".part");
        Files.writeString(partial, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n");
        Files.move(partial, cache.file(model, NAME), StandardCopyOption.ATOMIC_MOVE);
    }
}
