package longreach.lm.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import longreach.lm.model.Llama;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/**
 * A small Llama with random weights and a context of any length: for measurements of what does not depend on what a model
 * says, at lengths that no model here was trained for.
 */
final class SyntheticModel {
    private static final int LAYERS = 2;
    private static final int WIDTH = 64;
    private static final int HEADS = 2;
    private static final int HEAD_DIM = 32;
    private static final int FEED_FORWARD = 128;
    private static final int VOCABULARY = 256;
    private static final long SEED = 11;

    private final Random random = new Random(SEED);
    private final Kernels kernels;
    private final Arena arena = Arena.ofShared();

    private SyntheticModel(Kernels kernels) {
        this.kernels = kernels;
    }

    /** @param context most tokens of prompt and answer together */
    static Llama of(Kernels kernels, Precision precision, int context) {
        return new SyntheticModel(kernels).make(precision, context);
    }

    /** What it says is no text. */
    static TokenText tokens() {
        return new TokenText() {
            @Override
            public byte[] bytes(int id) {
                return new byte[] {'.'};
            }

            @Override
            public boolean endsAnswer(int id) {
                return false;
            }
        };
    }

    private Llama make(Precision precision, int context) {
        var config = new Llama.Config(
                LAYERS, WIDTH, FEED_FORWARD, HEADS, HEADS, HEAD_DIM, VOCABULARY, context, 10_000, null, 1e-5f, true);
        var blocks = new Llama.Block[LAYERS];
        int inner = HEADS * HEAD_DIM;
        for (int i = 0; i < LAYERS; i++) {
            blocks[i] = new Llama.Block(
                    norm(),
                    matrix(inner, WIDTH),
                    matrix(inner, WIDTH),
                    matrix(inner, WIDTH),
                    matrix(WIDTH, inner),
                    norm(),
                    matrix(FEED_FORWARD, WIDTH),
                    matrix(FEED_FORWARD, WIDTH),
                    matrix(WIDTH, FEED_FORWARD));
        }
        Matrix embedding = matrix(VOCABULARY, WIDTH);
        var weights = new Llama.Weights(embedding, blocks, norm(), embedding, null);
        long parameters = VOCABULARY * WIDTH + (long) LAYERS * (4 * inner + 3 * FEED_FORWARD) * WIDTH;
        byte[] digest = ByteBuffer.allocate(32).putLong(SEED).putInt(context).array();
        var card = new ModelCard("synthetic", "llama", digest, context, VOCABULARY, WIDTH, 0, parameters);
        return new Llama(card, config, weights, kernels, precision, arena);
    }

    private static float[] norm() {
        float[] ones = new float[WIDTH];
        Arrays.fill(ones, 1);
        return ones;
    }

    private Matrix matrix(int rows, int cols) {
        MemorySegment data = arena.allocate(4L * rows * cols, 64);
        for (long i = 0; i < (long) rows * cols; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() / Math.sqrt(cols)));
        }
        return kernels.prepare(new Tensor("random", TensorType.F32, new long[] {rows, cols}, data), arena);
    }
}
