package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The recurrent layers' element-wise work for channels [from, to): each lane is a channel and goes through the tokens in
 * order, so that a token's result is the same to the last bit however a prompt is split into steps. The last channels,
 * fewer than a vector, go through {@link Math}.
 */
final class Recurrence {
    private Recurrence() {}

    /** See {@link Kernels#causalConv}; leaves the history as it was. */
    static void conv(
            float[] x,
            int xOffset,
            int tokens,
            int channels,
            float[] w,
            float[] b,
            float[] history,
            int from,
            int to,
            float[] y,
            int yOffset) {
        int earlier = history.length / channels;
        int bound = from + F.loopBound(to - from);
        for (int t = 0; t < tokens; t++) {
            for (int c = from; c < bound; c += LANES) {
                FloatVector sum = FloatVector.fromArray(F, b, c);
                for (int j = 0; j <= earlier; j++) {
                    int row = t - earlier + j;
                    FloatVector input = row < 0
                            ? FloatVector.fromArray(F, history, (earlier + row) * channels + c)
                            : FloatVector.fromArray(F, x, xOffset + row * channels + c);
                    sum = input.fma(FloatVector.fromArray(F, w, j * channels + c), sum);
                }
                sum.intoArray(y, yOffset + t * channels + c);
            }
            for (int c = bound; c < to; c++) {
                float sum = b[c];
                for (int j = 0; j <= earlier; j++) {
                    int row = t - earlier + j;
                    float input = row < 0 ? history[(earlier + row) * channels + c] : x[xOffset + row * channels + c];
                    sum = Math.fma(input, w[j * channels + c], sum);
                }
                y[yOffset + t * channels + c] = sum;
            }
        }
    }

    /** See {@link Kernels#rgLru}. */
    static void rgLru(
            float[] x,
            float[] inputGate,
            float[] recurrenceGate,
            int offset,
            int tokens,
            int channels,
            float[] decay,
            boolean reset,
            float[] h,
            int from,
            int to) {
        int bound = from + F.loopBound(to - from);
        FloatVector one = FloatVector.broadcast(F, 1);
        for (int c = from; c < bound; c += LANES) {
            FloatVector state = FloatVector.fromArray(F, h, c);
            FloatVector d = FloatVector.fromArray(F, decay, c);
            for (int t = 0; t < tokens; t++) {
                int at = offset + t * channels + c;
                FloatVector in = FloatVector.fromArray(F, inputGate, at);
                FloatVector gated = FloatVector.fromArray(F, x, at)
                        .div(VectorMath.exp(in.neg()).add(one));
                if (reset && t == 0) {
                    state = gated;
                } else {
                    FloatVector r = FloatVector.fromArray(F, recurrenceGate, at);
                    FloatVector logA = d.div(VectorMath.exp(r.neg()).add(one));
                    FloatVector twice = logA.add(logA);
                    FloatVector gain = oneMinusExp(twice).sqrt();
                    state = VectorMath.exp(logA).mul(state).add(gain.mul(gated));
                }
                state.intoArray(x, at);
            }
            state.intoArray(h, c);
        }
        for (int c = bound; c < to; c++) {
            for (int t = 0; t < tokens; t++) {
                int at = offset + t * channels + c;
                h[c] = ScalarKernels.rgLruStep(
                        x[at], inputGate[at], recurrenceGate[at], decay[c], reset && t == 0, h[c]);
                x[at] = h[c];
            }
        }
    }

    /**
     * 1 - e^z for z <= 0, relative error below 1e-6: near zero, where the difference would lose all it has, the series
     * -(z + z^2/2 + ... + z^8/8!).
     */
    private static FloatVector oneMinusExp(FloatVector z) {
        FloatVector one = FloatVector.broadcast(F, 1);
        FloatVector p = FloatVector.broadcast(F, 1 / 40_320f);
        p = p.fma(z, FloatVector.broadcast(F, 1 / 5040f));
        p = p.fma(z, FloatVector.broadcast(F, 1 / 720f));
        p = p.fma(z, FloatVector.broadcast(F, 1 / 120f));
        p = p.fma(z, FloatVector.broadcast(F, 1 / 24f));
        p = p.fma(z, FloatVector.broadcast(F, 1 / 6f));
        p = p.fma(z, FloatVector.broadcast(F, 0.5f));
        p = p.fma(z, one);
        FloatVector series = p.mul(z).neg();
        FloatVector difference = one.sub(VectorMath.exp(z));
        return difference.blend(series, z.compare(VectorOperators.GT, -0.5f));
    }
}
