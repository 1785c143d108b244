package longreach.audio.whisper;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import longreach.tensor.weights.WeightsException;

/** A checkpoint's tensors, prepared for some kernels. Immutable; matrices live as long as the arena given to load. */
final class WhisperWeights {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** y = W x + b. */
    record Linear(Matrix weight, float[] bias) {}

    record Norm(float[] weight, float[] bias) {}

    /** Query, key, value and output projections behind a norm. */
    record Attention(Norm norm, Linear query, Linear key, Linear value, Linear out) {}

    record FeedForward(Norm norm, Linear up, Linear down) {}

    record EncoderLayer(Attention self, FeedForward feedForward) {}

    record DecoderLayer(Attention self, Attention cross, FeedForward feedForward) {}

    final WhisperConfig config;
    // Rows hold their 3 taps tap by tap, [out, 3, in], so that three adjacent frames are one row of the product.
    final Linear conv1;
    final Linear conv2;
    final float[] audioPositions;
    final EncoderLayer[] encoder;
    final Norm encoderNorm;
    final Matrix embeddings;
    final float[] textPositions;
    final DecoderLayer[] decoder;
    final Norm decoderNorm;

    static WhisperWeights load(CTranslate2File file, Kernels kernels, Arena arena) {
        return new Loader(file, kernels, arena).load();
    }

    private WhisperWeights(Loader from) {
        config = from.config;
        int width = config.width();
        conv1 = from.convolution("encoder/conv1", config.mels());
        conv2 = from.convolution("encoder/conv2", width);
        audioPositions = from.floats("encoder/position_encodings/encodings", config.audioPositions(), width);
        encoder = new EncoderLayer[config.encoderLayers()];
        for (int i = 0; i < encoder.length; i++) {
            String layer = "encoder/layer_" + i;
            encoder[i] =
                    new EncoderLayer(from.selfAttention(layer + "/self_attention"), from.feedForward(layer + "/ffn"));
        }
        encoderNorm = from.norm("encoder/layer_norm");
        embeddings = from.matrix("decoder/embeddings/weight", 0, config.vocabulary(), width, config.vocabulary());
        textPositions = from.floats("decoder/position_encodings/encodings", config.textPositions(), width);
        decoder = new DecoderLayer[config.decoderLayers()];
        for (int i = 0; i < decoder.length; i++) {
            String layer = "decoder/layer_" + i;
            decoder[i] = new DecoderLayer(
                    from.selfAttention(layer + "/self_attention"),
                    from.crossAttention(layer + "/attention"),
                    from.feedForward(layer + "/ffn"));
        }
        decoderNorm = from.norm("decoder/layer_norm");
    }

    private static final class Loader {
        private final CTranslate2File file;
        private final Kernels kernels;
        private final Arena arena;
        private final WhisperConfig config;

        Loader(CTranslate2File file, Kernels kernels, Arena arena) {
            this.file = file;
            this.kernels = kernels;
            this.arena = arena;
            config = WhisperConfig.of(file);
        }

        WhisperWeights load() {
            if (config.feedForward() < config.width()) {
                throw new WeightsException("feed-forward width: " + config.feedForward()
                        + " (expected: at least the width " + config.width() + ")");
            }
            return new WhisperWeights(this);
        }

        Attention selfAttention(String name) {
            int d = config.width();
            return new Attention(
                    norm(name + "/layer_norm"),
                    linear(name + "/linear_0", 0, d, d, 3 * d),
                    linear(name + "/linear_0", d, d, d, 3 * d),
                    linear(name + "/linear_0", 2 * d, d, d, 3 * d),
                    linear(name + "/linear_1", 0, d, d, d));
        }

        Attention crossAttention(String name) {
            int d = config.width();
            return new Attention(
                    norm(name + "/layer_norm"),
                    linear(name + "/linear_0", 0, d, d, d),
                    linear(name + "/linear_1", 0, d, d, 2 * d),
                    linear(name + "/linear_1", d, d, d, 2 * d),
                    linear(name + "/linear_2", 0, d, d, d));
        }

        FeedForward feedForward(String name) {
            int d = config.width();
            int inner = config.feedForward();
            return new FeedForward(
                    norm(name + "/layer_norm"),
                    linear(name + "/linear_0", 0, inner, d, inner),
                    linear(name + "/linear_1", 0, d, inner, d));
        }

        Norm norm(String name) {
            return new Norm(floats(name + "/gamma", config.width()), floats(name + "/beta", config.width()));
        }

        /** Rows [from, from + rows) of a stacked linear layer of {@code stacked} rows. */
        Linear linear(String name, int from, int rows, int cols, int stacked) {
            float[] bias = floats(name + "/bias", stacked);
            return new Linear(
                    matrix(name + "/weight", from, rows, cols, stacked), Arrays.copyOfRange(bias, from, from + rows));
        }

        Matrix matrix(String name, int from, int rows, int cols, int stacked) {
            Tensor stored = checked(name, stacked, cols);
            long rowBytes = Dequantiser.bytes(stored.type(), cols);
            try (Arena scratch = Arena.ofShared()) {
                // The format does not align its data; kernels want it aligned.
                MemorySegment aligned = scratch.allocate(rows * rowBytes, 64);
                aligned.copyFrom(stored.data().asSlice(from * rowBytes, rows * rowBytes));
                return kernels.prepare(new Tensor(name, stored.type(), new long[] {rows, cols}, aligned), arena);
            }
        }

        Linear convolution(String name, int inputs) {
            int outputs = config.width();
            float[] weight = floats(name + "/weight", outputs, inputs, 3);
            try (Arena scratch = Arena.ofShared()) {
                MemorySegment taps = scratch.allocate(4L * weight.length, 64);
                for (int o = 0; o < outputs; o++) {
                    for (int i = 0; i < inputs; i++) {
                        for (int tap = 0; tap < 3; tap++) {
                            taps.setAtIndex(
                                    FLOAT, ((long) o * 3 + tap) * inputs + i, weight[(o * inputs + i) * 3 + tap]);
                        }
                    }
                }
                Tensor reordered = new Tensor(name, TensorType.F32, new long[] {outputs, 3L * inputs}, taps);
                return new Linear(kernels.prepare(reordered, arena), floats(name + "/bias", outputs));
            }
        }

        float[] floats(String name, long... shape) {
            Tensor stored = checked(name, shape);
            float[] values = new float[Math.toIntExact(stored.elements())];
            Dequantiser.elements(stored.type(), stored.data(), 0, values.length, values, 0);
            return values;
        }

        private Tensor checked(String name, long... shape) {
            Tensor stored = file.tensor(name);
            if (!Arrays.equals(stored.shape(), shape)) {
                throw new WeightsException("model.bin: " + stored + " (expected: " + Arrays.toString(shape) + ")");
            }
            return stored;
        }
    }
}
