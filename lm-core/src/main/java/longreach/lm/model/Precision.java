package longreach.lm.model;

import longreach.store.api.Codec;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.kernel.Matrix;

/** How exactly a model computes. The {@link #identity} is part of every chunk's key. */
public enum Precision {
    /** Everything in f32, keys and values too: what is compared with a reference. */
    F32(Codec.F32),
    /**
     * Keys and values in binary16, and generated tokens as fast as the kernels can. A prompt's products do not depend on
     * how it is cut into steps: rounding to binary16 would make a difference in the last bit one of the tenth.
     */
    FAST(Codec.F16),
    /** As FAST, with keys and values rounded to eight bits. */
    FAST_Q8(Codec.Q8),
    /** As FAST, with keys and values rounded to four bits. */
    FAST_Q4(Codec.Q4);

    private final Codec codec;

    Precision(Codec codec) {
        this.codec = codec;
    }

    /** The fast one that stores so. @throws IllegalArgumentException for F32 */
    public static Precision fast(Codec codec) {
        return switch (codec) {
            case F16 -> FAST;
            case Q8 -> FAST_Q8;
            case Q4 -> FAST_Q4;
            case F32 -> throw new IllegalArgumentException("codec: f32 (expected: f16, q8 or q4)");
        };
    }

    /** What tells keys and values of this precision from others': its name, and the products of prompts where not in f32. */
    public String identity(Kernels kernels) {
        return this == F32 || kernels.prefillType().equals("f32") ? name() : name() + "/" + kernels.prefillType();
    }

    /** What chunks hold. */
    public Codec codec() {
        return codec;
    }

    /** What pages hold. */
    public KvPage.Type kvType() {
        return this == F32 ? KvPage.Type.F32 : KvPage.Type.F16;
    }

    /**
     * Whether a generated token's keys and values are those that prefilling it would give. Where they are not they must
     * not be published: a restored context would differ from a computed one.
     */
    public boolean generatesAsItPrefills() {
        return this == F32;
    }

    /** y[t, r] = sum_k x[t, k] * w[r, k], for tokens of prompts. */
    void matmul(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        if (this == F32) {
            kernels.matmulExact(w, x, xOffset, tokens, y, yOffset);
        } else {
            kernels.prefill(w, x, xOffset, tokens, y, yOffset);
        }
    }

    /** The same for generated tokens: each token's result is the same however many are computed with it. */
    void decode(Kernels kernels, Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        if (this == F32) {
            kernels.decodeExact(w, x, xOffset, tokens, y, yOffset);
        } else {
            kernels.decode(w, x, xOffset, tokens, y, yOffset);
        }
    }

    /** The same for several matrices of the same input: ys[i] = ws[i] x, rows from {@code firstToken} on. */
    void decode(Kernels kernels, Matrix[] ws, float[] x, int firstToken, int tokens, float[][] ys) {
        if (this == F32) {
            for (int i = 0; i < ws.length; i++) {
                decode(kernels, ws[i], x, firstToken * ws[i].cols(), tokens, ys[i], firstToken * ws[i].rows());
            }
        } else {
            kernels.decode(ws, x, firstToken, tokens, ys);
        }
    }
}
