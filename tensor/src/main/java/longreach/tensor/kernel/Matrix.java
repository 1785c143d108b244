package longreach.tensor.kernel;

/**
 * A weight matrix [rows, cols] in the form that the {@link Kernels} which prepared it wants. Immutable and safe to
 * share between threads; usable only with those kernels. Its memory lives as long as the arena given to
 * {@link Kernels#prepare}.
 */
public interface Matrix {
    int rows();

    int cols();

    /** Bytes that one pass over the matrix reads while decoding. */
    long bytes();

    /** Writes row {@code row} dequantised to f32 at {@code out[offset, offset + cols)}: embedding look-up. */
    void row(int row, float[] out, int offset);
}
