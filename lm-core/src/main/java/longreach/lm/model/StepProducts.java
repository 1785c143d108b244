package longreach.lm.model;

import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;

/**
 * The matrix products of a step, each row the way its kind wants it: prompt rows as {@link Precision#matmul}, generated
 * rows as {@link Precision#decode}. So a sequence's numbers do not depend on which others share its steps. Rows of one
 * kind that follow each other are computed together, whatever sequences they belong to.
 *
 * <p>Use: {@link #begin}; {@link #multiply} for all rows; after the rows whose logits are wanted were moved together,
 * {@link #keepLogitRows}, and then {@link #multiply} for those.
 */
final class StepProducts {
    private final Kernels kernels;
    private final Precision precision;
    private Batch batch;
    // Run i: rows [ends[i - 1], ends[i]) of one kind.
    private int[] ends = new int[8];
    private boolean[] generated = new boolean[8];
    private int runs;

    StepProducts(Kernels kernels, Precision precision) {
        this.kernels = kernels;
        this.precision = precision;
    }

    /** Rows are now those of the batch, entry after entry. */
    void begin(Batch batch) {
        this.batch = batch;
        runs = 0;
        for (int e = 0; e < batch.entries(); e++) {
            add(batch.entry(e).generated(), batch.entry(e).tokens());
        }
    }

    /** Rows are now those whose logits the batch's entries want, entry after entry. */
    void keepLogitRows() {
        runs = 0;
        for (int e = 0; e < batch.entries(); e++) {
            add(batch.entry(e).generated(), batch.entry(e).logitRows);
        }
    }

    private void add(boolean kind, int rows) {
        if (rows == 0) {
            return;
        }
        int end = rows() + rows;
        if (runs == 0 || generated[runs - 1] != kind) {
            if (runs == ends.length) {
                ends = java.util.Arrays.copyOf(ends, 2 * runs);
                generated = java.util.Arrays.copyOf(generated, 2 * runs);
            }
            generated[runs++] = kind;
        }
        ends[runs - 1] = end;
    }

    /** How many rows {@link #multiply} computes. */
    int rows() {
        return runs == 0 ? 0 : ends[runs - 1];
    }

    /** y[t, r] = sum_k x[t, k] w[r, k] for every row t. */
    void multiply(Matrix w, float[] x, float[] y) {
        int from = 0;
        for (int i = 0; i < runs; i++) {
            int tokens = ends[i] - from;
            if (generated[i]) {
                precision.decode(kernels, w, x, from * w.cols(), tokens, y, from * w.rows());
            } else {
                precision.matmul(kernels, w, x, from * w.cols(), tokens, y, from * w.rows());
            }
            from = ends[i];
        }
    }

    /** As {@link #multiply(Matrix, float[], float[])} for two matrices of the same input, which costs less than one by one. */
    void multiply(float[] x, Matrix w0, float[] y0, Matrix w1, float[] y1) {
        multiply(x, new Matrix[] {w0, w1}, new float[][] {y0, y1});
    }

    /** The same for three. */
    void multiply(float[] x, Matrix w0, float[] y0, Matrix w1, float[] y1, Matrix w2, float[] y2) {
        multiply(x, new Matrix[] {w0, w1, w2}, new float[][] {y0, y1, y2});
    }

    private void multiply(float[] x, Matrix[] ws, float[][] ys) {
        int from = 0;
        for (int i = 0; i < runs; i++) {
            int tokens = ends[i] - from;
            if (generated[i]) {
                precision.decode(kernels, ws, x, from, tokens, ys);
            } else {
                for (int k = 0; k < ws.length; k++) {
                    precision.matmul(kernels, ws[k], x, from * ws[k].cols(), tokens, ys[k], from * ws[k].rows());
                }
            }
            from = ends[i];
        }
    }
}
