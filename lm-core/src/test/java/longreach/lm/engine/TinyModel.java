package longreach.lm.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import longreach.lm.model.Llama;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/** A Llama of two layers with random weights that takes soft tokens: fast, and nothing but its numbers is made up. */
public final class TinyModel {
    public static final int WIDTH = 32;
    public static final int VOCABULARY = 96;
    public static final int CONTEXT = 2048;
    /** Ends an answer; the model is not likely to choose it often. */
    public static final int END = 0;

    private final Random random;
    private final Kernels kernels;
    private final TensorType type;
    private final Arena arena = Arena.ofShared();

    private TinyModel(long seed, Kernels kernels, TensorType type) {
        this.random = new Random(seed);
        this.kernels = kernels;
        this.type = type;
    }

    /** With weights in f32. */
    public static Llama of(Kernels kernels, Precision precision) {
        return new TinyModel(1, kernels, TensorType.F32).make(precision);
    }

    /** With weights of four bits (Q4_1). */
    public static Llama quantised(Kernels kernels, Precision precision) {
        return new TinyModel(1, kernels, TensorType.Q4_1).make(precision);
    }

    private Llama make(Precision precision) {
        var config = new Llama.Config(2, WIDTH, 64, 4, 2, 8, VOCABULARY, CONTEXT, 10_000, null, 1e-5f, true);
        Llama.Block[] blocks = new Llama.Block[config.layers()];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = new Llama.Block(
                    norm(),
                    matrix(32, WIDTH),
                    matrix(16, WIDTH),
                    matrix(16, WIDTH),
                    matrix(WIDTH, 32),
                    norm(),
                    matrix(64, WIDTH),
                    matrix(64, WIDTH),
                    matrix(WIDTH, 64));
        }
        var weights = new Llama.Weights(matrix(VOCABULARY, WIDTH), blocks, norm(), matrix(VOCABULARY, WIDTH), null);
        byte[] digest = new byte[32];
        digest[0] = 7;
        var card = new ModelCard("tiny", "llama", digest, CONTEXT, VOCABULARY, WIDTH, WIDTH, 30_000);
        return new Llama(card, config, weights, kernels, precision, arena);
    }

    private float[] norm() {
        float[] w = new float[WIDTH];
        for (int i = 0; i < w.length; i++) {
            w[i] = 0.5f + random.nextFloat();
        }
        return w;
    }

    private Matrix matrix(int rows, int cols) {
        return type == TensorType.F32 ? floats(rows, cols) : nibbles(rows, cols);
    }

    /** Blocks of d, m and sixteen bytes: w = d q + m, with q in [0, 16) and m = -7.5 d. */
    private Matrix nibbles(int rows, int cols) {
        int blocks = rows * cols / 32;
        MemorySegment data = arena.allocate(20L * blocks, 64);
        for (int i = 0; i < blocks; i++) {
            float d = (float) (0.33 / Math.sqrt(cols)) * (0.5f + random.nextFloat());
            data.set(ValueLayout.JAVA_SHORT, 20L * i, Float.floatToFloat16(d));
            data.set(ValueLayout.JAVA_SHORT, 20L * i + 2, Float.floatToFloat16(-7.5f * d));
            for (int k = 4; k < 20; k++) {
                data.set(ValueLayout.JAVA_BYTE, 20L * i + k, (byte) random.nextInt());
            }
        }
        return kernels.prepare(new Tensor("random", type, new long[] {rows, cols}, data), arena);
    }

    private Matrix floats(int rows, int cols) {
        MemorySegment data = arena.allocate(4L * rows * cols, 64);
        for (long i = 0; i < (long) rows * cols; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() * 1.5 / Math.sqrt(cols)));
        }
        return kernels.prepare(new Tensor("random", type, new long[] {rows, cols}, data), arena);
    }

    /** Token i is the character with code 32 + i; {@link #END} ends an answer. */
    public static TokenText tokens() {
        return new TokenText() {
            @Override
            public byte[] bytes(int id) {
                return id == END ? new byte[0] : new byte[] {(byte) (32 + id)};
            }

            @Override
            public boolean endsAnswer(int id) {
                return id == END;
            }
        };
    }

    public static int[] prompt(int length, long seed) {
        return new Random(seed).ints(length, 1, VOCABULARY).toArray();
    }

    public static List<float[]> softRows(int n, long seed) {
        var random = new Random(seed);
        List<float[]> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            float[] row = new float[WIDTH];
            for (int k = 0; k < WIDTH; k++) {
                row[k] = (float) random.nextGaussian();
            }
            rows.add(row);
        }
        return rows;
    }
}
