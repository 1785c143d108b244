package longreach.lm.model;

import java.lang.foreign.Arena;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.WeightsException;

/**
 * Takes a checkpoint's tensors by GGUF's names and the expected shape, in the form that computing wants. In a directory
 * of safetensors the names are those of Hugging Face transformers, to which the family translates.
 */
final class CheckpointWeights {
    /** More than any family has; a count beyond it is a broken file. */
    static final int MAX_LAYERS = 1024;

    private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d+)\\.(.*)");
    // Where the language model lies in what transformers saves: alone, or in a model of several modalities, as older
    // and
    // newer versions write it.
    private static final String[] ROOTS = {"model.", "language_model.model.", "model.language_model."};

    private final ModelFiles files;
    private final Map<String, String> transformersNames;
    private final Kernels kernels;
    private final Arena arena;
    private final String root;

    /**
     * @param transformersNames from a name without its block and {@code .weight} to that of transformers
     * @param arena owns the prepared weights
     */
    CheckpointWeights(ModelFiles files, Map<String, String> transformersNames, Kernels kernels, Arena arena) {
        this.files = files;
        this.transformersNames = transformersNames;
        this.kernels = kernels;
        this.arena = arena;
        root = switch (files) {
            case GgufFile gguf -> "";
            case ModelDirectory directory -> root(directory);
        };
    }

    private static String root(ModelDirectory directory) {
        for (String root : ROOTS) {
            if (directory.find(root + "embed_tokens.weight").isPresent()) {
                return root;
            }
        }
        throw new WeightsException(directory.path() + ": model.embed_tokens.weight: missing (expected: a tensor)");
    }

    /** The name of a tensor in the files; {@code part} is GGUF's name without {@code .weight}. */
    private String name(String part) {
        if (files instanceof GgufFile) {
            return part + ".weight";
        }
        if (part.equals("output")) {
            return (root.startsWith("language_model.") ? "language_model." : "") + "lm_head.weight";
        }
        Matcher block = BLOCK.matcher(part);
        return block.matches()
                ? root + "layers." + block.group(1) + "." + transformersNames.get(block.group(2)) + ".weight"
                : root + transformersNames.get(part) + ".weight";
    }

    boolean has(String part) {
        return files.find(name(part)).isPresent();
    }

    /** Elements of all tensors together. */
    long parameters() {
        return files.tensors().stream().mapToLong(Tensor::elements).sum();
    }

    /** Rows of a matrix whose number nothing else tells. */
    int rows(String part) {
        Tensor tensor = files.tensor(name(part));
        if (tensor.shape().length != 2 || tensor.shape()[0] > Integer.MAX_VALUE) {
            throw new WeightsException(files.path() + ": " + tensor + " (expected: a matrix)");
        }
        return (int) tensor.shape()[0];
    }

    Matrix matrix(String part, int rows, int cols) {
        return kernels.prepare(files.tensor(name(part), rows, cols), arena);
    }

    float[] vector(String part, int n) {
        float[] vector = new float[n];
        Tensor tensor = files.tensor(name(part), n);
        Dequantiser.elements(tensor.type(), tensor.data(), 0, n, vector, 0);
        return vector;
    }

    /** The weight of a norm that multiplies by 1 + w: GGUF has that sum, safetensors have w. Returns the sum. */
    float[] normPlusOne(String part, int n) {
        float[] weight = vector(part, n);
        if (files instanceof ModelDirectory) {
            for (int i = 0; i < n; i++) {
                weight[i] += 1;
            }
        }
        return weight;
    }
}
