package longreach.standalone;

import java.nio.file.Files;
import java.nio.file.Path;

/** The sample media of the source tree. */
record Samples(Path directory) {
    /** Found beside the launcher, which says where it is. */
    static Samples find() {
        Path home = Path.of(System.getProperty("longreach.home", "."));
        Path directory = home.resolve("samples");
        if (!Files.isRegularFile(directory.resolve("ground-truth.json"))) {
            throw CommandException.missing(directory + ": no sample media there (expected: started by ./longreach)");
        }
        return new Samples(directory);
    }

    Path file(String name) {
        return directory.resolve(name);
    }

    java.util.List<GroundTruth> questions() {
        return GroundTruth.read(file("ground-truth.json"));
    }
}
