package longreach.audio.whisper;

import longreach.audio.whisper.WhisperWeights.Linear;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;

/**
 * Matrix products in the precision that the model was loaded for.
 *
 * @param exact f32 arithmetic throughout
 */
record LinearMath(Kernels kernels, boolean exact) {
    /** y = W x + b, per token. */
    void apply(Linear linear, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        product(linear.weight(), x, xOffset, tokens, y, yOffset);
        kernels.addBias(y, yOffset, linear.bias(), tokens, linear.weight().rows());
    }

    void product(Matrix weight, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        if (exact) {
            kernels.matmulExact(weight, x, xOffset, tokens, y, yOffset);
        } else {
            kernels.matmul(weight, x, xOffset, tokens, y, yOffset);
        }
    }
}
