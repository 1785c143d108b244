package longreach.lm.model;

import java.lang.foreign.Arena;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.Tensor;

/** Takes a checkpoint's tensors by name and expected shape, in the form that computing wants. */
record GgufWeights(GgufFile file, Kernels kernels, Arena arena) {
    boolean has(String name) {
        return file.find(name).isPresent();
    }

    Matrix matrix(String name, int rows, int cols) {
        return kernels.prepare(file.tensor(name, rows, cols), arena);
    }

    float[] vector(String name, int n) {
        float[] vector = new float[n];
        Tensor tensor = file.tensor(name, n);
        Dequantiser.elements(tensor.type(), tensor.data(), 0, n, vector, 0);
        return vector;
    }
}
