package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;

/**
 * The specification of every operation: one loop each, sums in f64. It is what the other implementations are tested
 * against and it runs anywhere; it is not meant to be fast.
 */
public final class ScalarKernels implements Kernels {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ComputePool pool;

    public ScalarKernels(ComputePool pool) {
        this.pool = pool;
    }

    /** The stored tensor itself: rows are dequantised each time they are read. */
    private record StoredMatrix(Tensor tensor, int rows, int cols) implements Matrix {
        @Override
        public long bytes() {
            return Dequantiser.bytes(tensor.type(), (long) rows * cols);
        }

        @Override
        public void row(int row, float[] out, int offset) {
            Dequantiser.row(tensor.type(), tensor.data(), java.util.Objects.checkIndex(row, rows), cols, out, offset);
        }
    }

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public ComputePool pool() {
        return pool;
    }

    /** Copies nothing but the bytes: the matrix outlives the file mapping when the arena does. */
    @Override
    public Matrix prepare(Tensor weight, Arena arena) {
        MatrixShape shape = MatrixShape.of(weight);
        MemorySegment copy = arena.allocate(weight.data().byteSize(), 64);
        copy.copyFrom(weight.data());
        return new StoredMatrix(
                new Tensor(weight.name(), weight.type(), weight.shape(), copy), shape.rows(), shape.cols());
    }

    @Override
    public void matmul(Matrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        pool.run((part, parts) -> {
            float[] row = new float[w.cols()];
            int from = (int) ((long) w.rows() * part / parts);
            int to = (int) ((long) w.rows() * (part + 1) / parts);
            for (int r = from; r < to; r++) {
                w.row(r, row, 0);
                for (int t = 0; t < tokens; t++) {
                    double sum = 0;
                    for (int k = 0; k < row.length; k++) {
                        sum += (double) x[xOffset + t * row.length + k] * row[k];
                    }
                    y[yOffset + t * w.rows() + r] = (float) sum;
                }
            }
        });
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] w, float eps, int tokens, int n, float[] y, int yOffset) {
        for (int t = 0; t < tokens; t++) {
            int xt = xOffset + t * n;
            int yt = yOffset + t * n;
            double squares = 0;
            for (int i = 0; i < n; i++) {
                squares += (double) x[xt + i] * x[xt + i];
            }
            float scale = (float) (1 / Math.sqrt(squares / n + eps));
            for (int i = 0; i < n; i++) {
                y[yt + i] = x[xt + i] * scale * w[i];
            }
        }
    }

    @Override
    public void layerNorm(
            float[] x, int xOffset, float[] w, float[] b, float eps, int tokens, int n, float[] y, int yOffset) {
        for (int t = 0; t < tokens; t++) {
            int xt = xOffset + t * n;
            int yt = yOffset + t * n;
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += x[xt + i];
            }
            double mean = sum / n;
            double squares = 0;
            for (int i = 0; i < n; i++) {
                squares += (x[xt + i] - mean) * (x[xt + i] - mean);
            }
            double scale = 1 / Math.sqrt(squares / n + eps);
            for (int i = 0; i < n; i++) {
                y[yt + i] = (float) ((x[xt + i] - mean) * scale * w[i] + b[i]);
            }
        }
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
            x[xOffset + i] += y[yOffset + i];
        }
    }

    @Override
    public void addBias(float[] x, int xOffset, float[] b, int tokens, int n) {
        for (int t = 0; t < tokens; t++) {
            add(x, xOffset + t * n, b, 0, n);
        }
    }

    @Override
    public void siluMul(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
        for (int i = 0; i < n; i++) {
            float z = gate[gateOffset + i];
            gate[gateOffset + i] = (float) (z / (1 + Math.exp(-z))) * up[upOffset + i];
        }
    }

    @Override
    public void geluTanhMul(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
        for (int i = 0; i < n; i++) {
            gate[gateOffset + i] = geluTanh(gate[gateOffset + i]) * up[upOffset + i];
        }
    }

    @Override
    public void geluTanh(float[] x, int xOffset, int n) {
        for (int i = xOffset; i < xOffset + n; i++) {
            x[i] = geluTanh(x[i]);
        }
    }

    private static float geluTanh(double z) {
        return (float) (z / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z))));
    }

    @Override
    public void geluErf(float[] x, int xOffset, int n) {
        for (int i = 0; i < n; i++) {
            double z = x[xOffset + i];
            x[xOffset + i] = (float) (z / 2 * (1 + Erf.erf(z / Math.sqrt(2))));
        }
    }

    @Override
    public void softcap(float[] x, int xOffset, int n, float cap) {
        for (int i = 0; i < n; i++) {
            x[xOffset + i] = (float) (cap * Math.tanh((double) x[xOffset + i] / cap));
        }
    }

    @Override
    public void softmax(float[] x, int xOffset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, x[xOffset + i]);
        }
        double sum = 0;
        for (int i = 0; i < n; i++) {
            x[xOffset + i] = (float) Math.exp(x[xOffset + i] - max);
            sum += x[xOffset + i];
        }
        for (int i = 0; i < n; i++) {
            x[xOffset + i] = (float) (x[xOffset + i] / sum);
        }
    }

    @Override
    public void rope(
            float[] x,
            int xOffset,
            int tokens,
            int heads,
            int headDim,
            boolean adjacent,
            float[] cos,
            float[] sin,
            int tableOffset) {
        int pairs = headDim / 2;
        for (int t = 0; t < tokens; t++) {
            for (int h = 0; h < heads; h++) {
                int head = xOffset + (t * heads + h) * headDim;
                for (int i = 0; i < pairs; i++) {
                    int first = head + (adjacent ? 2 * i : i);
                    int second = head + (adjacent ? 2 * i + 1 : i + pairs);
                    float c = cos[tableOffset + t * pairs + i];
                    float s = sin[tableOffset + t * pairs + i];
                    float a = x[first];
                    float b = x[second];
                    x[first] = a * c - b * s;
                    x[second] = a * s + b * c;
                }
            }
        }
    }

    @Override
    public void ropePartial(
            float[] x,
            int xOffset,
            int tokens,
            int heads,
            int headDim,
            int rotated,
            float[] cos,
            float[] sin,
            int tableOffset) {
        int pairs = rotated / 2;
        for (int t = 0; t < tokens; t++) {
            for (int h = 0; h < heads; h++) {
                int head = xOffset + (t * heads + h) * headDim;
                for (int i = 0; i < pairs; i++) {
                    float c = cos[tableOffset + t * pairs + i];
                    float s = sin[tableOffset + t * pairs + i];
                    float a = x[head + i];
                    float b = x[head + i + pairs];
                    x[head + i] = a * c - b * s;
                    x[head + i + pairs] = a * s + b * c;
                }
            }
        }
    }

    @Override
    public void causalConv(
            float[] x,
            int xOffset,
            int tokens,
            int channels,
            float[] w,
            float[] b,
            float[] history,
            float[] y,
            int yOffset) {
        int earlier = history.length / channels;
        for (int t = 0; t < tokens; t++) {
            for (int c = 0; c < channels; c++) {
                double sum = b[c];
                for (int j = 0; j <= earlier; j++) {
                    int row = t - earlier + j;
                    float input = row < 0 ? history[(earlier + row) * channels + c] : x[xOffset + row * channels + c];
                    sum += (double) input * w[j * channels + c];
                }
                y[yOffset + t * channels + c] = (float) sum;
            }
        }
        keepLast(x, xOffset, tokens, channels, history);
    }

    /** Moves a convolution's history on by the inputs of a call. */
    static void keepLast(float[] x, int xOffset, int tokens, int channels, float[] history) {
        int earlier = history.length / channels;
        int kept = Math.max(0, earlier - tokens);
        System.arraycopy(history, (earlier - kept) * channels, history, 0, kept * channels);
        System.arraycopy(
                x,
                xOffset + (tokens - (earlier - kept)) * channels,
                history,
                kept * channels,
                (earlier - kept) * channels);
    }

    @Override
    public void rgLru(
            float[] x,
            float[] inputGate,
            float[] recurrenceGate,
            int offset,
            int tokens,
            int channels,
            float[] decay,
            boolean reset,
            float[] h) {
        for (int t = 0; t < tokens; t++) {
            for (int c = 0; c < channels; c++) {
                int at = offset + t * channels + c;
                h[c] = rgLruStep(x[at], inputGate[at], recurrenceGate[at], decay[c], reset && t == 0, h[c]);
                x[at] = h[c];
            }
        }
    }

    static float rgLruStep(float x, float inputGate, float recurrenceGate, float decay, boolean reset, float h) {
        double gated = x / (1 + Math.exp(-inputGate));
        if (reset) {
            return (float) gated;
        }
        double logA = decay / (1 + Math.exp(-recurrenceGate));
        return (float) (Math.exp(logA) * h + Math.sqrt(-Math.expm1(2 * logA)) * gated);
    }

    // Page layout: keys [POSITIONS, kvWidth], then values [POSITIONS, kvWidth].
    @Override
    public long kvPageBytes(AttentionShape shape, KvPage.Type type) {
        return 2L * KvPage.POSITIONS * shape.kvWidth() * type.bytes;
    }

    @Override
    public void writeKv(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, float[] v, int vOffset, int tokens) {
        java.util.Objects.checkFromIndexSize(slot, tokens, KvPage.POSITIONS);
        int width = shape.kvWidth();
        for (int i = 0; i < tokens * width; i++) {
            put(page, slot * width + i, k[kOffset + i]);
            put(page, (KvPage.POSITIONS + slot) * width + i, v[vOffset + i]);
        }
    }

    @Override
    public void writeHalves(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, short[] v, int vOffset, int tokens) {
        if (page.type() != KvPage.Type.F16) {
            throw new IllegalArgumentException("page: " + page.type() + " (expected: F16)");
        }
        float[] values = new float[tokens * shape.kvWidth()];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.float16ToFloat(v[vOffset + i]);
        }
        writeKv(shape, page, slot, k, kOffset, values, 0, tokens);
    }

    private static void put(KvPage page, long element, float value) {
        switch (page.type()) {
            case F32 -> page.segment().setAtIndex(FLOAT, element, value);
            case F16 -> page.segment().setAtIndex(SHORT, element, Half.round(value));
        }
    }

    private static float get(KvPage page, long element) {
        return switch (page.type()) {
            case F32 -> page.segment().getAtIndex(FLOAT, element);
            case F16 -> Float.float16ToFloat(page.segment().getAtIndex(SHORT, element));
        };
    }

    @Override
    public void attention(
            AttentionShape shape,
            float[] q,
            int qOffset,
            int tokens,
            KvPage[] pages,
            int start,
            int length,
            float[] out,
            int outOffset) {
        pool.run((part, parts) -> {
            float[] scores = new float[length];
            int queries = tokens * shape.queryHeads();
            for (int i = (int) ((long) queries * part / parts); i < (int) ((long) queries * (part + 1) / parts); i++) {
                int position = start + i / shape.queryHeads();
                int head = i % shape.queryHeads();
                attend(
                        shape,
                        q,
                        qOffset + i * shape.headDim(),
                        pages,
                        position,
                        head,
                        length,
                        scores,
                        out,
                        outOffset + i * shape.headDim());
            }
        });
    }

    /** One query head at one position: out[0, headDim) = softmax(scale q K') V over the positions that it sees. */
    private void attend(
            AttentionShape shape,
            float[] q,
            int qOffset,
            KvPage[] pages,
            int position,
            int head,
            int length,
            float[] scores,
            float[] out,
            int outOffset) {
        int dim = shape.headDim();
        int kvHead = head / (shape.queryHeads() / shape.kvHeads());
        int to = shape.causal() ? Math.min(length, position + 1) : length;
        int from = shape.window() == 0 ? 0 : Math.max(0, position - shape.window() + 1);
        for (int p = from; p < to; p++) {
            KvPage page = pages[p / KvPage.POSITIONS];
            long key = (long) (p % KvPage.POSITIONS) * shape.kvWidth() + kvHead * dim;
            double dot = 0;
            for (int d = 0; d < dim; d++) {
                dot += (double) q[qOffset + d] * get(page, key + d);
            }
            float score = (float) dot * shape.scale();
            scores[p - from] =
                    shape.softcap() == 0 ? score : shape.softcap() * (float) Math.tanh(score / shape.softcap());
        }
        softmax(scores, 0, to - from);
        for (int d = 0; d < dim; d++) {
            double sum = 0;
            for (int p = from; p < to; p++) {
                long value = (long) (KvPage.POSITIONS + p % KvPage.POSITIONS) * shape.kvWidth() + kvHead * dim;
                sum += (double) scores[p - from] * get(pages[p / KvPage.POSITIONS], value + d);
            }
            out[outOffset + d] = (float) sum;
        }
    }

    @Override
    public int argmax(float[] x, int xOffset, int n) {
        int best = 0;
        for (int i = 1; i < n; i++) {
            if (x[xOffset + i] > x[xOffset + best]) {
                best = i;
            }
        }
        return best;
    }
}
