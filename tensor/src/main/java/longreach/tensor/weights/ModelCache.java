package longreach.tensor.weights;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The directory that downloaded models are kept in, one folder each: {@code ROOT/models/MODEL/FILE}. It is shared by
 * every checkout and every service of a user.
 *
 * @param root absolute
 */
public record ModelCache(Path root) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

    public ModelCache {
        root = root.toAbsolutePath().normalize();
    }

    /** {@code LONGREACH_CACHE}, else {@code XDG_CACHE_HOME/longreach}, else {@code ~/.cache/longreach}. */
    public static ModelCache ofEnvironment() {
        return of(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    static ModelCache of(Map<String, String> environment, Path home) {
        String own = environment.getOrDefault("LONGREACH_CACHE", "");
        if (!own.isBlank()) {
            return new ModelCache(Path.of(own));
        }
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The XDG specification has relative values ignored.
        if (!xdg.isBlank() && Path.of(xdg).isAbsolute()) {
            return new ModelCache(Path.of(xdg, "longreach"));
        }
        return new ModelCache(home.resolve(".cache").resolve("longreach"));
    }

    /** Whether a model may have this name: letters, digits, '.', '_' and '-'. */
    public static boolean isName(String name) {
        return NAME.matcher(name).matches();
    }

    /** The model's folder, which need not exist. */
    public Path directory(String model) {
        return root.resolve("models").resolve(checked("model", model));
    }

    /** Where a file of the model belongs, whether it is there or not. */
    public Path file(String model, String file) {
        return directory(model).resolve(checked("file", file));
    }

    public Optional<Path> find(String model, String file) {
        Path path = file(model, file);
        return Files.isRegularFile(path) ? Optional.of(path) : Optional.empty();
    }

    /** @throws WeightsException when the file is not there; the message says how to get it */
    public Path require(String model, String file) {
        return find(model, file)
                .orElseThrow(() -> new WeightsException(file(model, file) + ": missing (expected: the weights of "
                        + model + "; ./longreach pull " + model + " fetches them)"));
    }

    // Names become paths, so nothing that climbs out of the folder gets through.
    private static String checked(String what, String name) {
        if (!isName(name)) {
            throw new WeightsException(what + ": '" + name + "' (expected: letters, digits, '.', '_' and '-')");
        }
        return name;
    }
}
