/**
 * Weights on disk: where they are kept ({@link longreach.tensor.weights.ModelCache}) and the readers of their file
 * formats. Files come from strangers: every count, length and offset is checked against the file before it is used, and
 * what is wrong is told by a {@link longreach.tensor.weights.WeightsException} that names the file and the key or
 * tensor.
 */
package longreach.tensor.weights;
