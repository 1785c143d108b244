package longreach.lm.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.model.RecurrentGemma;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/** A RecurrentGemma with random weights, over the alphabet of {@link TinyModel}. */
public final class TinyRecurrent {
    public static final int WINDOW = 70;
    private static final int WIDTH = 24;
    private static final int HEADS = 2;
    private static final int FEED_FORWARD = 40;

    private final Random random = new Random(5);
    private final Kernels kernels;
    private final Arena arena = Arena.ofShared();

    private TinyRecurrent(Kernels kernels) {
        this.kernels = kernels;
    }

    /** @param layers a letter for each: R recurrent, A attention */
    public static RecurrentGemma of(String layers, int context, Kernels kernels, Precision precision) {
        return new TinyRecurrent(kernels).make(layers, context, precision);
    }

    private RecurrentGemma make(String layers, int context, Precision precision) {
        List<Boolean> recurrent = new ArrayList<>();
        layers.chars().forEach(letter -> recurrent.add(letter == 'R'));
        int headDim = WIDTH / HEADS;
        var config = new RecurrentGemma.Config(
                recurrent,
                WIDTH,
                WIDTH,
                FEED_FORWARD,
                HEADS,
                1,
                headDim,
                WINDOW,
                4,
                TinyModel.VOCABULARY,
                10_000,
                6,
                30,
                1e-6f);
        var blocks = new RecurrentGemma.Block[recurrent.size()];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = new RecurrentGemma.Block(
                    vector(WIDTH, 0.3, 1),
                    recurrent.get(i) ? recurrence() : attention(headDim),
                    vector(WIDTH, 0.3, 1),
                    linear(FEED_FORWARD, WIDTH),
                    linear(FEED_FORWARD, WIDTH),
                    linear(WIDTH, FEED_FORWARD));
        }
        var weights = new RecurrentGemma.Weights(matrix(TinyModel.VOCABULARY, WIDTH), blocks, vector(WIDTH, 0.3, 1));
        byte[] digest = new byte[32];
        digest[0] = 9;
        digest[1] = (byte) layers.hashCode();
        var card = new ModelCard(
                "tiny-recurrent", "recurrent_gemma", digest, context, TinyModel.VOCABULARY, WIDTH, 0, 30_000);
        return new RecurrentGemma(card, config, weights, kernels, precision, arena);
    }

    private RecurrentGemma.Recurrence recurrence() {
        int block = WIDTH / HEADS;
        float[] decay = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            // From hundreds of tokens of memory to almost none.
            decay[i] = (float) -Math.exp(-5 + 7.0 * i / WIDTH);
        }
        return new RecurrentGemma.Recurrence(
                linear(WIDTH, WIDTH),
                linear(WIDTH, WIDTH),
                linear(WIDTH, WIDTH),
                vector(4 * WIDTH, 0.5, 0),
                vector(WIDTH, 0.2, 0),
                new Matrix[] {matrix(block, block), matrix(block, block)},
                vector(WIDTH, 0.2, 0),
                new Matrix[] {matrix(block, block), matrix(block, block)},
                vector(WIDTH, 0.2, 0),
                decay);
    }

    private RecurrentGemma.Attention attention(int headDim) {
        return new RecurrentGemma.Attention(
                matrix(WIDTH, WIDTH), matrix(headDim, WIDTH), matrix(headDim, WIDTH), linear(WIDTH, WIDTH));
    }

    private RecurrentGemma.Linear linear(int rows, int cols) {
        return new RecurrentGemma.Linear(matrix(rows, cols), vector(rows, 0.1, 0));
    }

    private float[] vector(int n, double deviation, double mean) {
        float[] w = new float[n];
        for (int i = 0; i < n; i++) {
            w[i] = (float) (mean + deviation * random.nextGaussian());
        }
        return w;
    }

    private Matrix matrix(int rows, int cols) {
        MemorySegment data = arena.allocate(4L * rows * cols, 64);
        for (long i = 0; i < (long) rows * cols; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() * 1.5 / Math.sqrt(cols)));
        }
        return kernels.prepare(new Tensor("random", TensorType.F32, new long[] {rows, cols}, data), arena);
    }
}
