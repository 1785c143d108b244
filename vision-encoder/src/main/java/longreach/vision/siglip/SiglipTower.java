package longreach.vision.siglip;

import java.lang.foreign.Arena;
import java.util.Arrays;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.kernel.KvPages;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.ModelFiles;
import longreach.vision.siglip.SiglipWeights.Layer;
import longreach.vision.siglip.SiglipWeights.Linear;
import longreach.vision.siglip.SiglipWeights.Norm;

/**
 * SigLIP's vision transformer and Gemma 3's projector behind it: patches, positions, pre-norm blocks in which every patch
 * sees every other, a final norm; then an average over squares of patches, a norm and a projection.
 *
 * <p>Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (arXiv 2303.15343), So400m of Alabdulmohsin et al.
 * (arXiv 2305.13035), "Gemma 3 Technical Report" (arXiv 2503.19786), section 2.1; reference: transformers 5.24.0,
 * {@code models/siglip} and {@code Gemma3MultiModalProjector}. The pooling head of SigLIP has no part in it.
 *
 * <p>N: images of a call, P: patches of an image, D: width, F: feed-forward width, T: the text model's width. Buffers are
 * kept between calls, so one thread at a time.
 */
final class SiglipTower {
    /** Queries of one attention call: enough to fill the kernels' blocks, few enough for their partial sums to stay small. */
    private static final int QUERY_ROWS = 480;

    private final Kernels kernels;
    private final SiglipConfig config;
    private final SiglipWeights w;
    private final boolean exact;
    private final AttentionShape shape;
    private final KvPage[] pages;

    // Activations of one call; they grow to the largest number of images and stay.
    private float[] patches;
    private float[] x;
    private float[] normed;
    private float[] q;
    private float[] k;
    private float[] v;
    private float[] inner;

    /**
     * @param exact f32 arithmetic throughout; otherwise as prompts are multiplied, see {@link Kernels#prefill}
     * @param arena owns the weights and pages
     * @throws longreach.tensor.weights.WeightsException when the files are not a whole tower
     */
    static SiglipTower load(ModelFiles files, Kernels kernels, boolean exact, Arena arena) {
        SiglipConfig config = SiglipConfig.of(files);
        return new SiglipTower(config, SiglipWeights.load(files, config, kernels, arena), kernels, exact, arena);
    }

    SiglipTower(SiglipConfig config, SiglipWeights w, Kernels kernels, boolean exact, Arena arena) {
        this.config = config;
        this.w = w;
        this.kernels = kernels;
        this.exact = exact;
        shape = AttentionShape.full(config.heads(), config.width() / config.heads());
        pages = KvPages.allocate(kernels, shape, KvPage.Type.F32, config.patches(), arena);
    }

    SiglipConfig config() {
        return config;
    }

    /** T. */
    int textWidth() {
        return w.textWidth();
    }

    /**
     * Encodes images.
     *
     * @param pixels normalised, f32[N, 3, imageSize, imageSize], channels red, green, blue
     * @param tokenSide soft tokens of a side, a divisor of the patches of a side: {@link SiglipConfig#tokenSide} as
     *     trained, fewer for less detail
     * @param checkpoint called between layers; what it throws ends the computation
     * @return f32[N, tokenSide * tokenSide, T], the caller's
     */
    float[] encode(float[] pixels, int images, int tokenSide, Runnable checkpoint) {
        if (pixels.length < Math.multiplyExact(images, config.imageValues())) {
            throw new IllegalArgumentException("pixels: " + pixels.length + " (expected: " + images + " images of "
                    + config.imageValues() + " values)");
        }
        if (tokenSide < 1 || config.patchSide() % tokenSide != 0) {
            throw new IllegalArgumentException(
                    "soft tokens of a side: " + tokenSide + " (expected: a divisor of " + config.patchSide() + ")");
        }
        int rows = Math.multiplyExact(images, config.patches());
        ensureScratch(rows);
        embed(pixels, images);
        for (Layer layer : w.layers()) {
            checkpoint.run();
            attention(layer, images);
            checkpoint.run();
            feedForward(layer, rows);
        }
        norm(w.outputNorm(), x, rows, normed);
        return project(images, tokenSide);
    }

    /** x[N P, D] = W patch + b + position. */
    private void embed(float[] pixels, int images) {
        int side = config.patchSide();
        int p = config.patchSize();
        int size = config.imageSize();
        int to = 0;
        for (int image = 0; image < images; image++) {
            for (int patch = 0; patch < config.patches(); patch++) {
                int corner = image * config.imageValues() + patch / side * p * size + patch % side * p;
                for (int row = 0; row < 3 * p; row++, to += p) {
                    System.arraycopy(pixels, corner + row / p * size * size + row % p * size, patches, to, p);
                }
            }
        }
        linear(w.patches(), patches, images * config.patches(), x);
        int values = config.patches() * config.width();
        for (int image = 0; image < images; image++) {
            kernels.add(x, image * values, w.positions(), 0, values);
        }
    }

    /** x += Wo attention(norm(x)), each image by itself. */
    private void attention(Layer layer, int images) {
        int n = config.patches();
        int d = config.width();
        norm(layer.norm1(), x, images * n, normed);
        linear(layer.q(), normed, images * n, q);
        linear(layer.k(), normed, images * n, k);
        linear(layer.v(), normed, images * n, v);
        for (int image = 0; image < images; image++) {
            KvPages.write(kernels, shape, pages, k, v, image * n, n);
            for (int from = 0; from < n; from += QUERY_ROWS) {
                int at = (image * n + from) * d;
                kernels.attention(shape, q, at, Math.min(QUERY_ROWS, n - from), pages, from, n, normed, at);
            }
        }
        linear(layer.out(), normed, images * n, q);
        kernels.add(x, 0, q, 0, images * n * d);
    }

    /** x += Wdown gelu(Wup norm(x)). */
    private void feedForward(Layer layer, int rows) {
        norm(layer.norm2(), x, rows, normed);
        linear(layer.up(), normed, rows, inner);
        kernels.geluTanh(inner, 0, rows * config.feedForward());
        linear(layer.down(), inner, rows, q);
        kernels.add(x, 0, q, 0, rows * config.width());
    }

    /** soft[N tokens, T] = norm(average of each square of patches) W. */
    private float[] project(int images, int tokenSide) {
        int side = config.patchSide();
        int square = side / tokenSide;
        int d = config.width();
        int tokens = tokenSide * tokenSide;
        float share = 1f / (square * square);
        for (int t = 0; t < images * tokens; t++) {
            int image = t / tokens;
            int corner = image * config.patches() + t % tokens / tokenSide * square * side + t % tokenSide * square;
            Arrays.fill(q, t * d, (t + 1) * d, 0);
            for (int i = 0; i < square * square; i++) {
                kernels.add(q, t * d, normed, (corner + i / square * side + i % square) * d, d);
            }
            for (int i = t * d; i < (t + 1) * d; i++) {
                q[i] *= share;
            }
        }
        kernels.rmsNorm(q, 0, w.softNorm(), config.normEpsilon(), images * tokens, d, q, 0);
        float[] soft = new float[images * tokens * w.textWidth()];
        product(w.projection(), q, images * tokens, soft);
        return soft;
    }

    private void norm(Norm n, float[] from, int rows, float[] to) {
        kernels.layerNorm(from, 0, n.weight(), n.bias(), config.normEpsilon(), rows, config.width(), to, 0);
    }

    private void linear(Linear linear, float[] from, int rows, float[] to) {
        product(linear.weight(), from, rows, to);
        kernels.addBias(to, 0, linear.bias(), rows, linear.weight().rows());
    }

    private void product(Matrix weight, float[] from, int rows, float[] to) {
        if (exact) {
            kernels.matmulExact(weight, from, 0, rows, to, 0);
        } else {
            kernels.prefill(weight, from, 0, rows, to, 0);
        }
    }

    private void ensureScratch(int rows) {
        int values = Math.multiplyExact(rows, config.width());
        if (x != null && x.length >= values) {
            return;
        }
        patches = new float[Math.multiplyExact(rows, config.patchValues())];
        inner = new float[Math.multiplyExact(rows, config.feedForward())];
        x = new float[values];
        normed = new float[values];
        q = new float[values];
        k = new float[values];
        v = new float[values];
    }
}
