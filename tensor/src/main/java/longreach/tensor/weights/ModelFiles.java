package longreach.tensor.weights;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Optional;

/**
 * What a model is read from: one GGUF file, or a directory of safetensors with their JSON files. Both give tensors by the
 * names that the format has for them; a model family knows both sets of names and both forms of hyper-parameters.
 *
 * <p>Safe to share between threads. {@link #close} unmaps: no tensor may be read after it.
 */
public sealed interface ModelFiles extends AutoCloseable permits GgufFile, ModelDirectory {
    /**
     * Opens a GGUF file, or a directory that holds {@code config.json} and {@code model.safetensors} or its shards.
     *
     * @throws WeightsException when nothing is there, or any part of it is wrong or not supported
     */
    static ModelFiles open(Path path) {
        return Files.isDirectory(path) ? ModelDirectory.open(path) : GgufFile.open(path);
    }

    /** The file or the directory. */
    Path path();

    /** Every tensor of a supported element type. */
    Collection<Tensor> tensors();

    /** @throws WeightsException when there is such a tensor, but of an element type that is not supported */
    Optional<Tensor> find(String name);

    /** @throws WeightsException when there is none of this name */
    default Tensor tensor(String name) {
        return find(name).orElseThrow(() -> new WeightsException(path(), name, "missing (expected: a tensor)"));
    }

    /**
     * The tensor of this name, which must have this shape.
     *
     * @param shape outermost dimension first
     */
    default Tensor tensor(String name, long... shape) {
        Tensor tensor = tensor(name);
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new WeightsException(
                    path(),
                    name,
                    "shape " + Arrays.toString(tensor.shape()) + " (expected: " + Arrays.toString(shape) + ")");
        }
        return tensor;
    }

    @Override
    void close();
}
