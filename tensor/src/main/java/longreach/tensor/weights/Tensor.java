package longreach.tensor.weights;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A named stored tensor.
 *
 * @param shape outermost dimension first, as PyTorch prints it: a linear layer's weight is [rows = out, cols = in]
 * @param data exactly the tensor's bytes, row-major, little endian; borrowed from the file mapping that owns it
 */
public record Tensor(String name, TensorType type, long[] shape, MemorySegment data) {
    public Tensor {
        shape = shape.clone();
    }

    public long elements() {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    @Override
    public String toString() {
        return name + " " + type + Arrays.toString(shape);
    }
}
