package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import longreach.tensor.weights.Tensor;

/**
 * The operations that models are written against: the seam between a model family and the machine. Activations are
 * row-major f32 in {@code float[]}, token after token, with explicit offsets; weights are {@link Matrix}. The scalar
 * implementation is the specification; the others agree with it within the tolerance that each method states.
 *
 * <p>Methods may use every thread of the {@link ComputePool} that the kernels were made with, and are called by one
 * thread at a time (the engine's step loop); they allocate nothing per call once warm.
 */
public interface Kernels {
    /** For the log: "scalar", "vector/256", ... */
    String name();

    ComputePool pool();

    /**
     * Repacks a stored matrix [rows, cols] for {@link #matmul}.
     *
     * @param weight borrowed; every thread of the pool reads it, so its memory is of a shared arena or the heap
     * @param arena owns the repacked bytes
     */
    Matrix prepare(Tensor weight, Arena arena);

    /** y[t, r] = sum_k x[t, k] * w[r, k], for t in [0, tokens). x and y do not overlap. */
    void matmul(Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset);

    /**
     * The same product with f32 arithmetic whatever faster ways the kernels know for many tokens (int8 or bf16
     * activations): what {@code --precision f32} uses. The default is {@link #matmul}.
     */
    default void matmulExact(Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        matmul(w, x, xOffset, tokens, y, yOffset);
    }

    /**
     * The product for tokens that are being generated, as fast as it goes: activations may be rounded to eight bits per 32
     * columns, an error of about 0.4 % of the largest of them. Each token's result is the same to the last bit however
     * many are computed with it, so that an answer does not depend on who else is being answered. Prompts and
     * {@code --precision f32} use other products, so that a prompt's logits do not depend on how it was cut. The default
     * is {@link #matmulUniform}.
     */
    default void decode(Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        matmulUniform(w, x, xOffset, tokens, y, yOffset);
    }

    /**
     * {@link #decode} of several matrices with the same columns, handed to the threads as one piece of work: ys[i] receives
     * the product of ws[i]. Results are those of one {@link #decode} each.
     *
     * @param firstToken x is read and every y written from this token's row on
     */
    default void decode(Matrix[] ws, float[] x, int firstToken, int tokens, float[][] ys) {
        for (int i = 0; i < ws.length; i++) {
            decode(ws[i], x, firstToken * ws[i].cols(), tokens, ys[i], firstToken * ws[i].rows());
        }
    }

    /** As {@link #decode}, uniform too, with f32 arithmetic: no activation is rounded. The default is {@link #matmulUniform}. */
    default void decodeExact(Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        matmulUniform(w, x, xOffset, tokens, y, yOffset);
    }

    /**
     * As {@link #matmul}, with each token's result the same to the last bit however many tokens are computed with it. The
     * default is {@link #matmul}.
     */
    default void matmulUniform(Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        matmul(w, x, xOffset, tokens, y, yOffset);
    }

    /**
     * The product for tokens of prompts in the fast precision. The keys and values of a prompt come from this: each token's
     * result is the same to the last bit however many tokens are computed with it, so that a prompt may be cut anywhere.
     * Where {@link #prefillType} is "bf16", weights and activations are rounded to that first:
     * |error| <= (2^-7 + 2^-16 + cols * 2^-23) * sum |x w|. The default is {@link #matmulUniform}.
     */
    default void prefill(Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        matmulUniform(w, x, xOffset, tokens, y, yOffset);
    }

    /** "f32" or "bf16": what {@link #prefill} multiplies, and so a part of what a prompt's keys and values depend on. */
    default String prefillType() {
        return "f32";
    }

    /** y = x * rsqrt(mean(x^2) + eps) * w, per token of {@code n} elements; y may be x. */
    void rmsNorm(float[] x, int xOffset, float[] w, float eps, int tokens, int n, float[] y, int yOffset);

    /** y = (x - mean) * rsqrt(variance + eps) * w + b, per token of {@code n} elements; y may be x. */
    void layerNorm(float[] x, int xOffset, float[] w, float[] b, float eps, int tokens, int n, float[] y, int yOffset);

    /** x[i] += y[i]. */
    void add(float[] x, int xOffset, float[] y, int yOffset, int n);

    /** x[t, i] += b[i]. */
    void addBias(float[] x, int xOffset, float[] b, int tokens, int n);

    /** gate[i] = silu(gate[i]) * up[i], silu(z) = z / (1 + exp(-z)). */
    void siluMul(float[] gate, int gateOffset, float[] up, int upOffset, int n);

    /** gate[i] = geluTanh(gate[i]) * up[i]. */
    void geluTanhMul(float[] gate, int gateOffset, float[] up, int upOffset, int n);

    /** x[i] = geluTanh(x[i]), geluTanh(z) = z / 2 * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 z^3))). */
    void geluTanh(float[] x, int xOffset, int n);

    /** x[i] = x[i] / 2 * (1 + erf(x[i] / sqrt 2)), the exact form. */
    void geluErf(float[] x, int xOffset, int n);

    /** x[i] = cap * tanh(x[i] / cap). */
    void softcap(float[] x, int xOffset, int n, float cap);

    /** x = softmax(x) over n elements, with the maximum subtracted first. */
    void softmax(float[] x, int xOffset, int n);

    /**
     * Rotary embedding in place of {@code heads} heads of {@code headDim} per token. Pairs are (2i, 2i + 1) when
     * {@code adjacent} (GGUF's Llama order), else (i, i + headDim / 2). cos and sin are [tokens, headDim / 2] from
     * their offset.
     */
    void rope(
            float[] x,
            int xOffset,
            int tokens,
            int heads,
            int headDim,
            boolean adjacent,
            float[] cos,
            float[] sin,
            int tableOffset);

    /**
     * Rotary embedding in place of the first {@code rotated} elements of each head, in pairs (i, i + rotated / 2); the
     * rest of the head stays. cos and sin are [tokens, rotated / 2] from their offset.
     */
    void ropePartial(
            float[] x,
            int xOffset,
            int tokens,
            int heads,
            int headDim,
            int rotated,
            float[] cos,
            float[] sin,
            int tableOffset);

    /**
     * Causal convolution of each channel by itself: y[t, c] = b[c] + sum_j w[j, c] * x[t - (width - 1) + j, c] with j in
     * [0, width). x and y do not overlap.
     *
     * @param w [width, channels]; the last row weighs the token itself
     * @param history the inputs before the first token, [width - 1, channels], the oldest first; left holding the last
     *     inputs, for the next call
     */
    void causalConv(
            float[] x,
            int xOffset,
            int tokens,
            int channels,
            float[] w,
            float[] b,
            float[] history,
            float[] y,
            int yOffset);

    /**
     * Real-gated linear recurrent unit (De et al., arXiv 2402.19427, section 2.4), token after token and for each channel
     * by itself: log a = decay * sigmoid(recurrenceGate); h = a * h + sqrt(1 - a^2) * sigmoid(inputGate) * x; x becomes h.
     * A token's result does not depend on how many are computed with it.
     *
     * @param x inputs, overwritten with the states; it and the gates, before their sigmoid, are [tokens, channels] from
     *     {@code offset}
     * @param decay [channels], none positive: -8 softplus(Lambda)
     * @param reset the first token is the first of its sequence: h = sigmoid(inputGate) * x
     * @param h [channels], the state before the first token; left holding that after the last
     */
    void rgLru(
            float[] x,
            float[] inputGate,
            float[] recurrenceGate,
            int offset,
            int tokens,
            int channels,
            float[] decay,
            boolean reset,
            float[] h);

    /** Bytes of a {@link KvPage} of this shape and type. */
    long kvPageBytes(AttentionShape shape, KvPage.Type type);

    /**
     * Writes keys and values of positions [slot, slot + tokens) of a page; k and v are [tokens, kvWidth], keys already
     * rotated. Rounds as {@link KvPage.Type} says.
     */
    void writeKv(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, float[] v, int vOffset, int tokens);

    /**
     * As {@link #writeKv}, into a page of binary16, of values that are in binary16 already: the bits are those that
     * {@link #writeKv} writes of the same values in f32.
     *
     * @throws IllegalArgumentException for a page of another type
     */
    void writeHalves(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, short[] v, int vOffset, int tokens);

    /**
     * out[t] = attention of the query at position start + t over the pages' positions [0, start + t] (causal, within
     * the window) or [0, length) (not causal), softmax in f32. q and out are [tokens, queryWidth].
     *
     * @param pages page i holds positions [256 i, 256 i + 256); those of the queries themselves are already written
     * @param length number of positions written
     */
    void attention(
            AttentionShape shape,
            float[] q,
            int qOffset,
            int tokens,
            KvPage[] pages,
            int start,
            int length,
            float[] out,
            int outOffset);

    /**
     * The attention of prompt tokens in the fast precision, over binary16 pages. As {@link #prefill} it may round queries,
     * keys, weights and values to bf16, and a token's result is the same to the last bit however many tokens are computed
     * with it. The default is {@link #attention}, which it also is for pages of f32.
     */
    default void prefillAttention(
            AttentionShape shape,
            float[] q,
            int qOffset,
            int tokens,
            KvPage[] pages,
            int start,
            int length,
            float[] out,
            int outOffset) {
        attention(shape, q, qOffset, tokens, pages, start, length, out, outOffset);
    }

    /** Index of the largest element, the lowest index among equals. */
    int argmax(float[] x, int xOffset, int n);
}
