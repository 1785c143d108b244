package longreach.lm.model;

import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.kernel.Matrix;

/** How exactly a model computes. */
public enum Precision {
    /** Everything in f32, keys and values too: what is compared with a reference. */
    F32(KvPage.Type.F32) {
        @Override
        void matmul(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
            kernels.matmulExact(w, x, xOffset, tokens, y, yOffset);
        }
    },
    /** The fastest products that the kernels know, keys and values in binary16. */
    FAST(KvPage.Type.F16) {
        @Override
        void matmul(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
            kernels.matmul(w, x, xOffset, tokens, y, yOffset);
        }
    };

    private final KvPage.Type kvType;

    Precision(KvPage.Type kvType) {
        this.kvType = kvType;
    }

    public KvPage.Type kvType() {
        return kvType;
    }

    /** y[t, r] = sum_k x[t, k] * w[r, k]. */
    abstract void matmul(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset);
}
