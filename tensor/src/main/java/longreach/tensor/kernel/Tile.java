package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * The register tiles of all matrix products: a few rows of activations, broadcast, times a panel of {@link Lanes#GROUP}
 * columns. Six rows of two vectors are twelve sums, which with two panel vectors and a broadcast fill the sixteen
 * registers of AVX2 and keep two multiply-add units of latency five busy.
 */
final class Tile {
    /** Rows of the larger tile. */
    static final int ROWS = 6;

    private Tile() {}

    /** Chooses the tile for {@code count} rows in [1, 6]; see {@link #six}. */
    static void multiply(
            float[] x,
            int xOffset,
            int xStride,
            int count,
            float[] panel,
            int panelOffset,
            int depth,
            float[] out,
            int outOffset,
            int outStride) {
        if (count > 3) {
            six(x, xOffset, xStride, count, panel, panelOffset, depth, out, outOffset, outStride);
        } else {
            three(x, xOffset, xStride, count, panel, panelOffset, depth, out, outOffset, outStride);
        }
    }

    /**
     * out[i, j] = sum over k in [0, depth) of x[i, k] * panel[k, j] for {@code count} rows i, j in [0, GROUP).
     *
     * @param xStride elements from one row of x to the next
     * @param panel [depth, GROUP] from {@code panelOffset}
     * @param count rows in [1, 6]; those beyond are computed from the last row and not stored
     */
    static void six(
            float[] x,
            int xOffset,
            int xStride,
            int count,
            float[] panel,
            int panelOffset,
            int depth,
            float[] out,
            int outOffset,
            int outStride) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector a0 = zero;
        FloatVector a1 = zero;
        FloatVector b0 = zero;
        FloatVector b1 = zero;
        FloatVector c0 = zero;
        FloatVector c1 = zero;
        FloatVector d0 = zero;
        FloatVector d1 = zero;
        FloatVector e0 = zero;
        FloatVector e1 = zero;
        FloatVector f0 = zero;
        FloatVector f1 = zero;
        int x0 = xOffset;
        int x1 = xOffset + Math.min(1, count - 1) * xStride;
        int x2 = xOffset + Math.min(2, count - 1) * xStride;
        int x3 = xOffset + Math.min(3, count - 1) * xStride;
        int x4 = xOffset + Math.min(4, count - 1) * xStride;
        int x5 = xOffset + Math.min(5, count - 1) * xStride;
        for (int k = 0; k < depth; k++) {
            FloatVector w0 = FloatVector.fromArray(F, panel, panelOffset + k * GROUP);
            FloatVector w1 = FloatVector.fromArray(F, panel, panelOffset + k * GROUP + LANES);
            FloatVector v0 = FloatVector.broadcast(F, x[x0 + k]);
            FloatVector v1 = FloatVector.broadcast(F, x[x1 + k]);
            FloatVector v2 = FloatVector.broadcast(F, x[x2 + k]);
            FloatVector v3 = FloatVector.broadcast(F, x[x3 + k]);
            FloatVector v4 = FloatVector.broadcast(F, x[x4 + k]);
            FloatVector v5 = FloatVector.broadcast(F, x[x5 + k]);
            a0 = w0.fma(v0, a0);
            a1 = w1.fma(v0, a1);
            b0 = w0.fma(v1, b0);
            b1 = w1.fma(v1, b1);
            c0 = w0.fma(v2, c0);
            c1 = w1.fma(v2, c1);
            d0 = w0.fma(v3, d0);
            d1 = w1.fma(v3, d1);
            e0 = w0.fma(v4, e0);
            e1 = w1.fma(v4, e1);
            f0 = w0.fma(v5, f0);
            f1 = w1.fma(v5, f1);
        }
        int o = outOffset;
        a0.intoArray(out, o);
        a1.intoArray(out, o + LANES);
        if (count > 1) {
            o += outStride;
            b0.intoArray(out, o);
            b1.intoArray(out, o + LANES);
        }
        if (count > 2) {
            o += outStride;
            c0.intoArray(out, o);
            c1.intoArray(out, o + LANES);
        }
        if (count > 3) {
            o += outStride;
            d0.intoArray(out, o);
            d1.intoArray(out, o + LANES);
        }
        if (count > 4) {
            o += outStride;
            e0.intoArray(out, o);
            e1.intoArray(out, o + LANES);
        }
        if (count > 5) {
            o += outStride;
            f0.intoArray(out, o);
            f1.intoArray(out, o + LANES);
        }
    }

    /** As {@link #six}, for at most 3 rows. */
    static void three(
            float[] x,
            int xOffset,
            int xStride,
            int count,
            float[] panel,
            int panelOffset,
            int depth,
            float[] out,
            int outOffset,
            int outStride) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector a0 = zero;
        FloatVector a1 = zero;
        FloatVector b0 = zero;
        FloatVector b1 = zero;
        FloatVector c0 = zero;
        FloatVector c1 = zero;
        int x0 = xOffset;
        int x1 = xOffset + Math.min(1, count - 1) * xStride;
        int x2 = xOffset + Math.min(2, count - 1) * xStride;
        for (int k = 0; k < depth; k++) {
            FloatVector w0 = FloatVector.fromArray(F, panel, panelOffset + k * GROUP);
            FloatVector w1 = FloatVector.fromArray(F, panel, panelOffset + k * GROUP + LANES);
            FloatVector v0 = FloatVector.broadcast(F, x[x0 + k]);
            FloatVector v1 = FloatVector.broadcast(F, x[x1 + k]);
            FloatVector v2 = FloatVector.broadcast(F, x[x2 + k]);
            a0 = w0.fma(v0, a0);
            a1 = w1.fma(v0, a1);
            b0 = w0.fma(v1, b0);
            b1 = w1.fma(v1, b1);
            c0 = w0.fma(v2, c0);
            c1 = w1.fma(v2, c1);
        }
        int o = outOffset;
        a0.intoArray(out, o);
        a1.intoArray(out, o + LANES);
        if (count > 1) {
            o += outStride;
            b0.intoArray(out, o);
            b1.intoArray(out, o + LANES);
        }
        if (count > 2) {
            o += outStride;
            c0.intoArray(out, o);
            c1.intoArray(out, o + LANES);
        }
    }

    /** out[i, j] += tile[i, j] for rows i in [0, count), j in [0, width); tile rows are GROUP apart. */
    static void add(float[] tile, int count, int width, float[] out, int outOffset, int outStride) {
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < width; j++) {
                out[outOffset + i * outStride + j] += tile[i * GROUP + j];
            }
        }
    }
}
