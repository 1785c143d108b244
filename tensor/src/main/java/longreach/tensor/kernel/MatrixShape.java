package longreach.tensor.kernel;

import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;

/** Rows and columns of a stored matrix, checked against its bytes before anything is allocated. */
record MatrixShape(int rows, int cols) {
    /**
     * @throws IllegalArgumentException when the tensor is not [rows, cols] of whole blocks or its data has another size
     */
    static MatrixShape of(Tensor weight) {
        long[] shape = weight.shape();
        if (shape.length != 2 || shape[0] < 1 || shape[1] < 1 || Math.max(shape[0], shape[1]) > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("tensor " + weight + " (expected: a matrix of shape [rows, cols])");
        }
        long expected = Math.multiplyExact(shape[0], Dequantiser.bytes(weight.type(), shape[1]));
        if (weight.data().byteSize() != expected) {
            throw new IllegalArgumentException(
                    "tensor " + weight + ": " + weight.data().byteSize() + " bytes (expected: " + expected + ")");
        }
        return new MatrixShape((int) shape[0], (int) shape[1]);
    }
}
