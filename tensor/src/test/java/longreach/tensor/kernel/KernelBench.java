package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/**
 * Prints what the kernels reach on the shape of SmolLM2-135M with random weights: tokens per second of the whole
 * stack of layers (all products, attention and element-wise work, without tokenizer and sampling), beside the
 * machine's own peaks. Arguments: threads, then context length of the decode step.
 */
public final class KernelBench {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int LAYERS = 30;
    private static final int HIDDEN = 576;
    private static final int FEED_FORWARD = 1536;
    private static final int VOCABULARY = 49152;
    private static final AttentionShape SHAPE = AttentionShape.causal(9, 3, 64);

    private final Kernels kernels;
    private final Arena arena = Arena.ofShared();
    private final Random random = new Random(1);
    private final Matrix[][] layers = new Matrix[LAYERS][];
    private final Matrix output;
    private final KvPage[][] pages = new KvPage[LAYERS][];
    private final float[] norm = new float[HIDDEN];
    private final float[] x;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final float[] gate;
    private final float[] up;
    private final float[] table;
    private final float[] logits = new float[VOCABULARY];
    private final double[] seconds = new double[4];

    private KernelBench(Kernels kernels, int maxTokens, int context) {
        this.kernels = kernels;
        for (int i = 0; i < LAYERS; i++) {
            layers[i] = new Matrix[] {
                matrix(TensorType.Q4_1, HIDDEN, HIDDEN),
                matrix(TensorType.Q4_1, SHAPE.kvWidth(), HIDDEN),
                matrix(TensorType.Q4_1, SHAPE.kvWidth(), HIDDEN),
                matrix(TensorType.Q4_1, HIDDEN, HIDDEN),
                matrix(TensorType.Q4_1, FEED_FORWARD, HIDDEN),
                matrix(TensorType.Q4_1, FEED_FORWARD, HIDDEN),
                matrix(TensorType.Q4_1, HIDDEN, FEED_FORWARD)
            };
            pages[i] = new KvPage[context / KvPage.POSITIONS + 1];
            for (int p = 0; p < pages[i].length; p++) {
                pages[i][p] =
                        new KvPage(arena.allocate(kernels.kvPageBytes(SHAPE, KvPage.Type.F16), 64), KvPage.Type.F16);
            }
        }
        output = matrix(TensorType.Q8_0, VOCABULARY, HIDDEN);
        x = new float[maxTokens * HIDDEN];
        q = new float[maxTokens * HIDDEN];
        k = new float[maxTokens * SHAPE.kvWidth()];
        v = new float[maxTokens * SHAPE.kvWidth()];
        gate = new float[maxTokens * FEED_FORWARD];
        up = new float[maxTokens * FEED_FORWARD];
        table = new float[maxTokens * SHAPE.headDim() / 2];
        Arrays.fill(table, 0.7f);
        Arrays.fill(norm, 1);
    }

    private Matrix matrix(TensorType type, int rows, int cols) {
        Tensor tensor = TestTensors.random(type, rows, cols, random);
        return kernels.prepare(tensor, arena);
    }

    /** Nanoseconds: with one thread its processor time, which other processes do not lengthen; else of the wall clock. */
    private long clock() {
        return kernels.pool().threads() == 1 ? THREADS.getCurrentThreadCpuTime() : System.nanoTime();
    }

    private void lap(int kind, long since) {
        seconds[kind] += (clock() - since) / 1e9;
    }

    private void multiply(Matrix w, float[] in, int tokens, float[] out) {
        if (tokens == 1) {
            kernels.decode(w, in, 0, 1, out, 0);
        } else {
            kernels.matmul(w, in, 0, tokens, out, 0);
        }
    }

    private void forward(int tokens, int start) {
        for (int i = 0; i < x.length; i++) {
            x[i] = (i % 17 - 8) * 0.1f;
        }
        for (int i = 0; i < LAYERS; i++) {
            Matrix[] layer = layers[i];
            long t = clock();
            kernels.rmsNorm(x, 0, norm, 1e-5f, tokens, HIDDEN, gate, 0);
            lap(2, t);
            t = clock();
            multiply(layer[0], gate, tokens, q);
            multiply(layer[1], gate, tokens, k);
            multiply(layer[2], gate, tokens, v);
            lap(0, t);
            t = clock();
            kernels.rope(q, 0, tokens, SHAPE.queryHeads(), SHAPE.headDim(), true, table, table, 0);
            kernels.rope(k, 0, tokens, SHAPE.kvHeads(), SHAPE.headDim(), true, table, table, 0);
            for (int done = 0; done < tokens; ) {
                int slot = (start + done) % KvPage.POSITIONS;
                int count = Math.min(tokens - done, KvPage.POSITIONS - slot);
                int offset = done * SHAPE.kvWidth();
                kernels.writeKv(SHAPE, pages[i][(start + done) / KvPage.POSITIONS], slot, k, offset, v, offset, count);
                done += count;
            }
            lap(2, t);
            t = clock();
            kernels.attention(SHAPE, q, 0, tokens, pages[i], start, start + tokens, gate, 0);
            lap(1, t);
            t = clock();
            multiply(layer[3], gate, tokens, q);
            lap(0, t);
            t = clock();
            kernels.add(x, 0, q, 0, tokens * HIDDEN);
            kernels.rmsNorm(x, 0, norm, 1e-5f, tokens, HIDDEN, q, 0);
            lap(2, t);
            t = clock();
            multiply(layer[4], q, tokens, gate);
            multiply(layer[5], q, tokens, up);
            lap(0, t);
            t = clock();
            kernels.siluMul(gate, 0, up, 0, tokens * FEED_FORWARD);
            lap(2, t);
            t = clock();
            multiply(layer[6], gate, tokens, q);
            lap(0, t);
            kernels.add(x, 0, q, 0, tokens * HIDDEN);
        }
        long t = clock();
        kernels.matmul(output, x, (tokens - 1) * HIDDEN, 1, logits, 0);
        lap(3, t);
    }

    private void report(String what, int tokens, int start, int repeats) {
        double best = Double.MAX_VALUE;
        double[] parts = new double[4];
        for (int i = 0; i < repeats; i++) {
            Arrays.fill(seconds, 0);
            long t = clock();
            forward(tokens, start);
            double s = (clock() - t) / 1e9;
            if (s < best) {
                best = s;
                System.arraycopy(seconds, 0, parts, 0, 4);
            }
        }
        double products = 2.0 * tokens * 106.2e6;
        System.out.printf(
                Locale.ROOT,
                "%-24s %8.1f tokens/s  (layers %.2f ms = %.1f GFLOP/s, attention %.2f, element-wise %.2f, output %.2f)%n",
                what,
                tokens / best,
                parts[0] * 1e3,
                products / parts[0] / 1e9,
                parts[1] * 1e3,
                parts[2] * 1e3,
                parts[3] * 1e3);
    }

    public static void main(String[] args) {
        int threads = args.length > 0 ? Integer.parseInt(args[0]) : KernelSelector.defaultThreads();
        int context = args.length > 1 ? Integer.parseInt(args[1]) : 4096;
        Kernels kernels = KernelSelector.select(threads);
        KernelBench bench = new KernelBench(kernels, 512, Math.max(context, 512) + 64);
        for (int round = 0; round < 1; round++) {
            System.out.println(kernels.name() + ", " + threads + " threads");
            bench.report("decode at 512", 1, 512, 30);
            bench.report("prefill 512", 512, 0, 3);
            bench.report("prefill 64 at 448", 64, 448, 4);
            bench.report("prefill 4 at 508", 4, 508, 10);
            for (int at = 512; at < context; at += 512) {
                bench.forward(512, at);
            }
            bench.report("decode at " + context, 1, context, 20);
        }
        kernels.pool().close();
    }
}
