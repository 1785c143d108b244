package longreach.tensor.weights;

/**
 * Element types of stored tensors, with their block geometry. Quantised types store runs of {@link #blockElements}
 * consecutive elements of a row as one block of {@link #blockBytes}; for the float types a block is one element.
 * Numbers are GGUF's type ids.
 */
public enum TensorType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q8_0(8, 32, 34),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    BF16(30, 1, 2);

    public final int ggufId;
    public final int blockElements;
    public final int blockBytes;

    TensorType(int ggufId, int blockElements, int blockBytes) {
        this.ggufId = ggufId;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }
}
