package longreach.lm.model;

import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.kernel.Matrix;

/** How exactly a model computes. */
public enum Precision {
    /** Everything in f32, keys and values too: what is compared with a reference. */
    F32(KvPage.Type.F32, true) {
        @Override
        void matmul(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
            kernels.matmulExact(w, x, xOffset, tokens, y, yOffset);
        }

        @Override
        void decode(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
            kernels.decodeExact(w, x, xOffset, tokens, y, yOffset);
        }

        @Override
        void decode(Kernels kernels, Matrix[] ws, float[] x, int firstToken, int tokens, float[][] ys) {
            for (int i = 0; i < ws.length; i++) {
                decode(kernels, ws[i], x, firstToken * ws[i].cols(), tokens, ys[i], firstToken * ws[i].rows());
            }
        }
    },
    /**
     * Keys and values in binary16, and generated tokens as fast as the kernels can. A prompt's products do not depend on
     * how it is cut into steps: rounding to binary16 would make a difference in the last bit one of the tenth.
     */
    FAST(KvPage.Type.F16, false) {
        @Override
        void matmul(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
            kernels.matmulUniform(w, x, xOffset, tokens, y, yOffset);
        }

        @Override
        void decode(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
            kernels.decode(w, x, xOffset, tokens, y, yOffset);
        }

        @Override
        void decode(Kernels kernels, Matrix[] ws, float[] x, int firstToken, int tokens, float[][] ys) {
            kernels.decode(ws, x, firstToken, tokens, ys);
        }
    };

    private final KvPage.Type kvType;
    private final boolean generatesAsItPrefills;

    Precision(KvPage.Type kvType, boolean generatesAsItPrefills) {
        this.kvType = kvType;
        this.generatesAsItPrefills = generatesAsItPrefills;
    }

    public KvPage.Type kvType() {
        return kvType;
    }

    /**
     * Whether a generated token's keys and values are those that prefilling it would give. Where they are not they must
     * not be published: a restored context would differ from a computed one.
     */
    public boolean generatesAsItPrefills() {
        return generatesAsItPrefills;
    }

    /** y[t, r] = sum_k x[t, k] * w[r, k], for tokens of prompts. */
    abstract void matmul(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset);

    /** The same for generated tokens: each token's result is the same however many are computed with it. */
    abstract void decode(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset);

    /** The same for several matrices of the same input: ys[i] = ws[i] x, rows from {@code firstToken} on. */
    abstract void decode(Kernels kernels, Matrix[] ws, float[] x, int firstToken, int tokens, float[][] ys);
}
