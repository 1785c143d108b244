package longreach.audio.conformer;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import longreach.audio.conformer.ConformerConfig.Conv;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.WeightsException;

/**
 * The tower's tensors of a checkpoint of transformers, prepared for some kernels. Immutable; matrices live as long as the
 * arena given to load. D: width, H: width of a head.
 *
 * @param input from the convolutions' values of a frame to D
 * @param softNorm of the embedder
 * @param projection [rows = the text model's width, cols = D]
 */
record ConformerWeights(List<ConvBlock> convs, Matrix input, List<Layer> layers, float[] softNorm, Matrix projection) {
    // As newer and older versions write it.
    private static final String[] ROOTS = {"model.", ""};

    /** @param weight [channels, channels before * kernel over time * kernel over bands] */
    record ConvBlock(Matrix weight, float[] norm) {}

    record FeedForward(float[] norm, Matrix up, Matrix down, float[] postNorm) {}

    /**
     * @param perDim scale of a query's values, f32[H], before softplus
     * @param positions from a distance's sines and cosines, D, to a key of each head
     */
    record Attention(
            float[] norm,
            Matrix q,
            Matrix k,
            Matrix v,
            float[] perDim,
            Matrix positions,
            Matrix out,
            float[] postNorm) {}

    /** @param taps f32[frames, D], the last row weighs the frame itself */
    record LightConv(float[] norm, Matrix start, float[] taps, float[] convNorm, Matrix end) {}

    record Layer(FeedForward first, Attention attention, LightConv conv, FeedForward last, float[] norm) {}

    /** @throws WeightsException naming the file and the tensor that is missing or of another shape */
    static ConformerWeights load(ModelDirectory files, ConformerConfig config, Kernels kernels, Arena arena) {
        for (String root : ROOTS) {
            if (files.find(root + "audio_tower.subsample_conv_projection.conv_0.conv.weight")
                    .isPresent()) {
                return new Loader(files, root, config, kernels, arena).load();
            }
        }
        throw new WeightsException(
                files.path() + ": model.audio_tower.subsample_conv_projection.conv_0.conv.weight: missing (expected: a"
                        + " tensor, of a model that hears)");
    }

    private record Loader(ModelDirectory files, String root, ConformerConfig config, Kernels kernels, Arena arena) {
        ConformerWeights load() {
            int d = config.width();
            String front = root + "audio_tower.subsample_conv_projection.";
            List<ConvBlock> convs = new ArrayList<>();
            int channels = 1;
            int bands = config.mels();
            for (Conv conv : config.convs()) {
                String at = front + "conv_" + convs.size() + ".";
                convs.add(new ConvBlock(
                        conv(at + "conv.weight", conv, channels), floats(at + "norm.weight", conv.channels())));
                channels = conv.channels();
                bands = conv.bands(bands);
            }
            List<Layer> layers = new ArrayList<>();
            for (int i = 0; i < config.layers(); i++) {
                layers.add(layer(root + "audio_tower.conformer." + i + "."));
            }
            String embedder = root + "embed_audio.";
            return new ConformerWeights(
                    List.copyOf(convs),
                    matrix(front + "input_proj_linear.weight", d, Math.multiplyExact(bands, channels)),
                    List.copyOf(layers),
                    floats(embedder + "soft_embedding_norm.weight", d),
                    matrix(embedder + "embedding_projection.weight", config.textWidth(), d));
        }

        private Layer layer(String at) {
            int d = config.width();
            String attention = at + "attention.";
            String conv = at + "lconv1d.";
            return new Layer(
                    feedForward(at + "ffw_layer_start."),
                    new Attention(
                            floats(attention + "pre_attn_norm.weight", d),
                            matrix(attention + "attn.q_proj.weight", d, d),
                            matrix(attention + "attn.k_proj.weight", d, d),
                            matrix(attention + "attn.v_proj.weight", d, d),
                            floats(attention + "attn.per_dim_scale", config.headWidth()),
                            matrix(attention + "attn.relative_position_embedding.pos_proj.weight", d, d),
                            matrix(attention + "post.weight", d, d),
                            floats(attention + "post_norm.weight", d)),
                    new LightConv(
                            floats(conv + "pre_layer_norm.weight", d),
                            matrix(conv + "linear_start.weight", 2 * d, d),
                            taps(conv + "depthwise_conv1d.weight"),
                            floats(conv + "conv_norm.weight", d),
                            matrix(conv + "linear_end.weight", d, d)),
                    feedForward(at + "ffw_layer_end."),
                    floats(at + "norm.weight", d));
        }

        private FeedForward feedForward(String at) {
            int d = config.width();
            return new FeedForward(
                    floats(at + "pre_layer_norm.weight", d),
                    matrix(at + "ffw_layer_1.weight", 4 * d, d),
                    matrix(at + "ffw_layer_2.weight", d, 4 * d),
                    floats(at + "post_layer_norm.weight", d));
        }

        /** A convolution is a product with the values under its kernel. */
        private Matrix conv(String name, Conv conv, int channels) {
            Tensor stored = files.tensor(name, conv.channels(), channels, conv.kernelTime(), conv.kernelBand());
            long[] flat = {conv.channels(), (long) channels * conv.kernelTime() * conv.kernelBand()};
            return kernels.prepare(new Tensor(stored.name(), stored.type(), flat, stored.data()), arena);
        }

        /** Stored as [D, 1, frames]. */
        private float[] taps(String name) {
            int d = config.width();
            int n = config.convWidth();
            float[] stored = floats(name, d, 1, n);
            float[] taps = new float[n * d];
            for (int i = 0; i < stored.length; i++) {
                taps[i % n * d + i / n] = stored[i];
            }
            return taps;
        }

        private Matrix matrix(String name, int rows, int cols) {
            return kernels.prepare(files.tensor(name, rows, cols), arena);
        }

        private float[] floats(String name, long... shape) {
            Tensor stored = files.tensor(name, shape);
            float[] values = new float[Math.toIntExact(stored.elements())];
            Dequantiser.elements(stored.type(), stored.data(), 0, values.length, values, 0);
            return values;
        }
    }
}
