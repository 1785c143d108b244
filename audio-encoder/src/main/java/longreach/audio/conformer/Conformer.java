package longreach.audio.conformer;

import java.lang.foreign.Arena;
import java.util.Arrays;
import longreach.audio.conformer.ConformerConfig.Conv;
import longreach.audio.conformer.ConformerWeights.Attention;
import longreach.audio.conformer.ConformerWeights.ConvBlock;
import longreach.audio.conformer.ConformerWeights.FeedForward;
import longreach.audio.conformer.ConformerWeights.Layer;
import longreach.audio.conformer.ConformerWeights.LightConv;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.ModelDirectory;

/**
 * Gemma 3n's audio tower and the embedder behind it: two strided convolutions, conformer blocks with local attention, every
 * n-th frame kept, then a norm and a projection to the text model's width.
 *
 * <p>Gulati et al., "Conformer" (arXiv 2005.08100), as in Zhang et al., "Google USM" (arXiv 2303.01037); relative positions
 * of Dai et al., "Transformer-XL" (arXiv 1901.02860), section 3.3; reference: transformers 5.24.0, {@code models/gemma3n},
 * {@code Gemma3nAudioEncoder} and {@code Gemma3nMultimodalEmbedder}. Departures: a sound comes alone, so no frame is masked,
 * and a sound has as many tokens as its length gives, where the reference pads to a fixed number of them.
 *
 * <p>T: frames behind the convolutions, D: width, H: width of a head. Buffers are made for each call, as sounds differ in
 * length; the object has no state of its own, but the kernels' threads are shared, so one thread at a time.
 */
final class Conformer {
    // Norms without a setting of their own.
    private static final float BLOCK_EPSILON = 1e-6f;
    private static final double LONGEST_WAVE = 1e4;

    private final Kernels kernels;
    private final ConformerConfig config;
    private final ConformerWeights w;
    private final boolean exact;
    // Of each layer: the key of each distance, f32[past + future + 1, D], the farthest past first.
    private final float[][] positions;
    // Of each layer: by which a query's values are multiplied, f32[H].
    private final float[][] queryScale;
    private final float[] ones;
    private final float[] zeros;

    /**
     * @param exact f32 arithmetic throughout; otherwise as prompts are multiplied, see {@link Kernels#prefill}
     * @param arena owns the weights
     * @throws longreach.tensor.weights.WeightsException when the files are not a whole tower
     */
    static Conformer load(ModelDirectory files, Kernels kernels, boolean exact, Arena arena) {
        ConformerConfig config = ConformerConfig.of(files);
        return new Conformer(config, ConformerWeights.load(files, config, kernels, arena), kernels, exact);
    }

    Conformer(ConformerConfig config, ConformerWeights w, Kernels kernels, boolean exact) {
        this.config = config;
        this.w = w;
        this.kernels = kernels;
        this.exact = exact;
        ones = new float[Math.max(4 * config.width(), config.textWidth())];
        Arrays.fill(ones, 1);
        zeros = new float[config.width()];
        positions = new float[config.layers()][];
        queryScale = new float[config.layers()][];
        float[] waves = waves();
        for (int i = 0; i < positions.length; i++) {
            Attention attention = w.layers().get(i).attention();
            positions[i] = new float[waves.length];
            kernels.matmulExact(attention.positions(), waves, 0, distances(), positions[i], 0);
            queryScale[i] = queryScale(attention.perDim());
        }
    }

    ConformerConfig config() {
        return config;
    }

    /**
     * Encodes a sound.
     *
     * @param mel f32[frames, mels] of the front end
     * @param checkpoint called between layers; what it throws ends the computation
     * @return f32[{@link ConformerConfig#tokens}(frames), the text model's width], the caller's
     */
    float[] encode(float[] mel, int frames, Runnable checkpoint) {
        return embed(hear(mel, frames, checkpoint), config.tokens(frames));
    }

    /** The tower without the embedder: f32[tokens, D]. */
    float[] hear(float[] mel, int frames, Runnable checkpoint) {
        if (frames < 0 || mel.length < Math.multiplyExact(frames, config.mels())) {
            throw new IllegalArgumentException(
                    "mel: " + mel.length + " values (expected: " + frames + " frames of " + config.mels() + ")");
        }
        if (frames == 0) {
            return new float[0];
        }
        float[] at = mel;
        int length = frames;
        int bands = config.mels();
        int channels = 1;
        for (int i = 0; i < w.convs().size(); i++) {
            checkpoint.run();
            Conv conv = config.convs().get(i);
            at = subsample(w.convs().get(i), conv, at, length, bands, channels);
            length = conv.frames(length);
            bands = conv.bands(bands);
            channels = conv.channels();
        }
        var x = new float[Math.multiplyExact(length, config.width())];
        product(w.input(), at, length, x);
        var scratch = new Scratch(length, config.width());
        for (int i = 0; i < w.layers().size(); i++) {
            checkpoint.run();
            block(i, x, length, scratch);
        }
        return reduce(x, length);
    }

    /** relu(cumulative norm(convolution(x))), x: f32[length, bands, channels]. */
    private float[] subsample(ConvBlock block, Conv conv, float[] x, int length, int bands, int channels) {
        int outLength = conv.frames(length);
        int outBands = conv.bands(bands);
        int row = outBands * conv.channels();
        float[] patches = new float[Math.multiplyExact(outBands, block.weight().cols())];
        float[] y = new float[Math.multiplyExact(outLength, row)];
        for (int t = 0; t < outLength; t++) {
            int to = 0;
            for (int b = 0; b < outBands; b++) {
                for (int c = 0; c < channels; c++) {
                    for (int i = 0; i < conv.kernelTime(); i++) {
                        int frame = t * conv.strideTime() + i;
                        for (int j = 0; j < conv.kernelBand(); j++) {
                            int band = b * conv.strideBand() + j - 1;
                            boolean inside = frame < length && band >= 0 && band < bands;
                            patches[to++] = inside ? x[(frame * bands + band) * channels + c] : 0;
                        }
                    }
                }
            }
            product(block.weight(), patches, 0, outBands, y, t * row);
        }
        cumulativeNorm(y, outLength, row, block.norm());
        for (int i = 0; i < y.length; i++) {
            y[i] = Math.max(y[i], 0);
        }
        return y;
    }

    /**
     * Each frame less the mean of all values so far, over their deviation; a past frame's distance in it is that from the
     * mean as it was then.
     */
    private void cumulativeNorm(float[] x, int length, int row, float[] weight) {
        double sum = 0;
        double squares = 0;
        for (int t = 0; t < length; t++) {
            int end = (t + 1) * row;
            for (int i = t * row; i < end; i++) {
                sum += x[i];
            }
            double count = (t + 1.0) * row;
            double mean = sum / count;
            for (int i = t * row; i < end; i++) {
                squares += (x[i] - mean) * (x[i] - mean);
            }
            double scale = 1 / Math.sqrt(squares / count + config.groupNormEpsilon());
            for (int i = t * row; i < end; i++) {
                x[i] = (float) ((x[i] - mean) * scale * weight[i % weight.length]);
            }
        }
    }

    /** x = norm(clamp(ffn(conv(attention(ffn(x)))))), each with its residual. */
    private void block(int i, float[] x, int length, Scratch s) {
        Layer layer = w.layers().get(i);
        feedForward(layer.first(), x, length, s);
        attention(i, x, length, s);
        lightConv(layer.conv(), x, length, s);
        feedForward(layer.last(), x, length, s);
        clamp(x, x, x.length);
        norm(layer.norm(), BLOCK_EPSILON, x, length, x);
    }

    /** x += share * norm(clamp(Wdown silu(Wup norm(clamp(x))))). */
    private void feedForward(FeedForward f, float[] x, int length, Scratch s) {
        int d = config.width();
        clamp(x, s.a, x.length);
        norm(f.norm(), BLOCK_EPSILON, s.a, length, s.a);
        product(f.up(), s.a, length, s.wide);
        for (int t = 0; t < length; t++) {
            kernels.siluMul(s.wide, t * 4 * d, ones, 0, 4 * d);
        }
        product(f.down(), s.wide, length, s.a);
        clamp(s.a, s.a, x.length);
        norm(f.postNorm(), BLOCK_EPSILON, s.a, length, s.a);
        for (int i = 0; i < x.length; i++) {
            x[i] += config.residualWeight() * s.a[i];
        }
    }

    /** x += norm(clamp(Wo attention(norm(clamp(x))))). */
    private void attention(int i, float[] x, int length, Scratch s) {
        Attention a = w.layers().get(i).attention();
        clamp(x, s.a, x.length);
        norm(a.norm(), BLOCK_EPSILON, s.a, length, s.a);
        product(a.q(), s.a, length, s.q);
        product(a.k(), s.a, length, s.k);
        product(a.v(), s.a, length, s.v);
        float[] scale = queryScale[i];
        for (int j = 0; j < x.length; j++) {
            s.q[j] *= scale[j % scale.length];
        }
        float[] scores = new float[distances()];
        for (int t = 0; t < length; t++) {
            for (int head = 0; head < config.heads(); head++) {
                attend(positions[i], t, head * config.headWidth(), length, scores, s);
            }
        }
        product(a.out(), s.a, length, s.q);
        clamp(s.q, s.q, x.length);
        norm(a.postNorm(), BLOCK_EPSILON, s.q, length, s.q);
        kernels.add(x, 0, s.q, 0, x.length);
    }

    /** One head of frame t: softmax(cap tanh(q (k_j + position(t - j)) / cap)) over the frames it sees, times v. */
    private void attend(float[] position, int t, int head, int length, float[] scores, Scratch s) {
        int d = config.width();
        int h = config.headWidth();
        int query = t * d + head;
        int first = Math.max(0, t - config.past());
        int seen = Math.min(length, t + config.future() + 1) - first;
        for (int j = 0; j < seen; j++) {
            int key = (first + j) * d + head;
            int distance = (first + j - t + config.past()) * d + head;
            float sum = 0;
            for (int c = 0; c < h; c++) {
                sum += s.q[query + c] * (s.k[key + c] + position[distance + c]);
            }
            scores[j] = sum;
        }
        kernels.softcap(scores, 0, seen, config.cap());
        kernels.softmax(scores, 0, seen);
        Arrays.fill(s.a, query, query + h, 0);
        for (int j = 0; j < seen; j++) {
            int value = (first + j) * d + head;
            for (int c = 0; c < h; c++) {
                s.a[query + c] += scores[j] * s.v[value + c];
            }
        }
    }

    /** x += Wend silu(norm(clamp(convolution(gated(Wstart norm(x)))))). */
    private void lightConv(LightConv conv, float[] x, int length, Scratch s) {
        int d = config.width();
        norm(conv.norm(), config.normEpsilon(), x, length, s.a);
        product(conv.start(), s.a, length, s.wide);
        for (int t = 0; t < length; t++) {
            for (int c = 0; c < d; c++) {
                float gate = s.wide[t * 2 * d + d + c];
                s.a[t * d + c] = (float) (s.wide[t * 2 * d + c] / (1 + Math.exp(-gate)));
            }
        }
        float[] history = new float[(config.convWidth() - 1) * d];
        kernels.causalConv(s.a, 0, length, d, conv.taps(), zeros, history, s.q, 0);
        clamp(s.q, s.q, x.length);
        norm(conv.convNorm(), config.normEpsilon(), s.q, length, s.q);
        for (int t = 0; t < length; t++) {
            kernels.siluMul(s.q, t * d, ones, 0, d);
        }
        product(conv.end(), s.q, length, s.a);
        kernels.add(x, 0, s.a, 0, x.length);
    }

    /** The first of every {@code reduction} frames. */
    private float[] reduce(float[] x, int length) {
        int d = config.width();
        int tokens = Math.ceilDiv(length, config.reduction());
        float[] kept = new float[tokens * d];
        for (int t = 0; t < tokens; t++) {
            System.arraycopy(x, t * config.reduction() * d, kept, t * d, d);
        }
        return kept;
    }

    /** norm without weight(W norm(x)). */
    private float[] embed(float[] x, int tokens) {
        float[] soft = new float[Math.multiplyExact(tokens, config.textWidth())];
        if (tokens > 0) {
            norm(w.softNorm(), config.normEpsilon(), x, tokens, x);
            product(w.projection(), x, tokens, soft);
            float[] weight = Arrays.copyOf(ones, config.textWidth());
            kernels.rmsNorm(soft, 0, weight, config.normEpsilon(), tokens, config.textWidth(), soft, 0);
        }
        return soft;
    }

    private int distances() {
        return config.past() + 1 + config.future();
    }

    /** sin and cos of each distance from past to -future times frequencies from 1 down to 1e-4, f32[distances, D]. */
    private float[] waves() {
        int d = config.width();
        int half = d / 2;
        float[] waves = new float[Math.multiplyExact(distances(), d)];
        for (int n = 0; n < distances(); n++) {
            for (int i = 0; i < half; i++) {
                double angle = (config.past() - n) * Math.pow(LONGEST_WAVE, -(double) i / Math.max(half - 1, 1));
                waves[n * d + i] = (float) Math.sin(angle);
                waves[n * d + half + i] = (float) Math.cos(angle);
            }
        }
        return waves;
    }

    /** H^-1/2 softplus(s) / softplus(0), softplus(s) = ln(1 + exp(s)). */
    private static float[] queryScale(float[] perDim) {
        float[] scale = new float[perDim.length];
        for (int c = 0; c < scale.length; c++) {
            // So that neither a large s overflows nor a small one vanishes.
            double softplus = Math.max(perDim[c], 0) + Math.log1p(Math.exp(-Math.abs(perDim[c])));
            scale[c] = (float) (softplus / Math.log(2) / Math.sqrt(scale.length));
        }
        return scale;
    }

    private void clamp(float[] from, float[] to, int n) {
        float clip = config.clip();
        for (int i = 0; i < n; i++) {
            to[i] = Math.min(Math.max(from[i], -clip), clip);
        }
    }

    private void norm(float[] weight, float epsilon, float[] from, int rows, float[] to) {
        kernels.rmsNorm(from, 0, weight, epsilon, rows, config.width(), to, 0);
    }

    private void product(Matrix weight, float[] from, int rows, float[] to) {
        product(weight, from, 0, rows, to, 0);
    }

    private void product(Matrix weight, float[] from, int fromOffset, int rows, float[] to, int toOffset) {
        if (exact) {
            kernels.matmulExact(weight, from, fromOffset, rows, to, toOffset);
        } else {
            kernels.prefill(weight, from, fromOffset, rows, to, toOffset);
        }
    }

    /** Activations of one sound: f32[T, D], and four times that for what is inside a feed-forward. */
    private static final class Scratch {
        private final float[] a;
        private final float[] q;
        private final float[] k;
        private final float[] v;
        private final float[] wide;

        private Scratch(int length, int width) {
            int values = Math.multiplyExact(length, width);
            a = new float[values];
            q = new float[values];
            k = new float[values];
            v = new float[values];
            wide = new float[Math.multiplyExact(4, values)];
        }
    }
}
