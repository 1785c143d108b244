package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Element-wise functions over runs of f32. An element of an activation is the same to the last bit wherever it lies in a run:
 * the last ones, fewer than a vector, are padded to one, so that a token's result does not depend on how many others
 * share its step. In sums and maxima, which are of one row, they are taken one by one.
 */
final class VectorMath {
    // 1.5 * 2^23: adding it rounds a small float to an integer, which is then in its low bits.
    private static final float ROUNDER = 0x1.8p23f;
    private static final float LOG2_E = 1.44269504f;
    // ln 2 in two parts, the first of few bits so that its multiples are exact (Cody and Waite).
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    // exp underflows below and overflows above.
    private static final float EXP_MIN = -87;
    private static final float EXP_MAX = 88;

    private VectorMath() {}

    /**
     * e^x for x clamped to [-87, 88], relative error below 3e-7: e^x = 2^n e^r with |r| <= ln 2 / 2 and the Taylor
     * series of e^r to r^7.
     */
    static FloatVector exp(FloatVector x) {
        FloatVector rounder = FloatVector.broadcast(F, ROUNDER);
        FloatVector c = x.max(EXP_MIN).min(EXP_MAX);
        FloatVector shifted = c.fma(FloatVector.broadcast(F, LOG2_E), rounder);
        FloatVector n = shifted.sub(rounder);
        FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), c);
        r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
        FloatVector p = FloatVector.broadcast(F, 1 / 5040f);
        p = p.fma(r, FloatVector.broadcast(F, 1 / 720f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 120f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 24f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 6f));
        p = p.fma(r, FloatVector.broadcast(F, 0.5f));
        FloatVector one = FloatVector.broadcast(F, 1);
        p = p.fma(r, one).fma(r, one);
        // n is in the low bits of shifted; the exponent field of p grows by it.
        return p.reinterpretAsInts()
                .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                .reinterpretAsFloats();
    }

    /** x[i] = e^(x[i] - max), exactly 0 where that is below e^-87; returns the sum. */
    static float expSum(float[] x, int offset, int n, float max) {
        FloatVector sum = FloatVector.zero(F);
        int bound = F.loopBound(n);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector v = FloatVector.fromArray(F, x, offset + i).sub(max);
            FloatVector e = exp(v).blend(0, v.compare(VectorOperators.LT, EXP_MIN));
            e.intoArray(x, offset + i);
            sum = sum.add(e);
        }
        float total = sumLanes(sum);
        for (int i = offset + bound; i < offset + n; i++) {
            float v = x[i] - max;
            x[i] = v < EXP_MIN ? 0 : (float) Math.exp(v);
            total += x[i];
        }
        return total;
    }

    static float max(float[] x, int offset, int n) {
        FloatVector max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        int bound = F.loopBound(n);
        for (int i = 0; i < bound; i += LANES) {
            max = max.max(FloatVector.fromArray(F, x, offset + i));
        }
        float result = max.reduceLanes(VectorOperators.MAX);
        for (int i = offset + bound; i < offset + n; i++) {
            result = Math.max(result, x[i]);
        }
        return result;
    }

    static void scale(float[] x, int offset, int n, float factor) {
        for (int i = offset; i < offset + n; i++) {
            x[i] *= factor;
        }
    }

    static float sumOfSquares(float[] x, int offset, int n, float mean) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        int i = 0;
        for (; i + 2 * LANES <= n; i += 2 * LANES) {
            FloatVector u = FloatVector.fromArray(F, x, offset + i).sub(mean);
            FloatVector v = FloatVector.fromArray(F, x, offset + i + LANES).sub(mean);
            a = u.fma(u, a);
            b = v.fma(v, b);
        }
        float sum = sumLanes(a.add(b));
        for (; i < n; i++) {
            float d = x[offset + i] - mean;
            sum += d * d;
        }
        return sum;
    }

    /**
     * The sum of the lanes in one fixed order. {@code reduceLanes} may add in any, and does so differently before and
     * after a method is compiled: the same prompt would give other last bits in a fresh process.
     */
    static float sumLanes(FloatVector v) {
        float sum = sumFour(v, 0);
        if (LANES > 4) {
            sum += sumFour(v, 4);
        }
        if (LANES > 8) {
            sum += sumFour(v, 8) + sumFour(v, 12);
        }
        return sum;
    }

    private static float sumFour(FloatVector v, int lane) {
        return v.lane(lane) + v.lane(lane + 1) + (v.lane(lane + 2) + v.lane(lane + 3));
    }

    static float sum(float[] x, int offset, int n) {
        FloatVector a = FloatVector.zero(F);
        int bound = F.loopBound(n);
        for (int i = 0; i < bound; i += LANES) {
            a = a.add(FloatVector.fromArray(F, x, offset + i));
        }
        float sum = sumLanes(a);
        for (int i = bound; i < n; i++) {
            sum += x[offset + i];
        }
        return sum;
    }

    static void siluMul(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
        FloatVector one = FloatVector.broadcast(F, 1);
        int bound = F.loopBound(n);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector z = FloatVector.fromArray(F, gate, gateOffset + i);
            FloatVector u = FloatVector.fromArray(F, up, upOffset + i);
            z.div(exp(z.neg()).add(one)).mul(u).intoArray(gate, gateOffset + i);
        }
        if (bound < n) {
            float[] last = padded(gate, gateOffset + bound, n - bound);
            siluMul(last, 0, padded(up, upOffset + bound, n - bound), 0, LANES);
            System.arraycopy(last, 0, gate, gateOffset + bound, n - bound);
        }
    }

    /** gelu(z) = z / (1 + exp(-2 sqrt(2 / pi) (z + 0.044715 z^3))), which is the tanh form. */
    static void geluTanhMul(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
        FloatVector one = FloatVector.broadcast(F, 1);
        float linear = (float) (-2 * Math.sqrt(2 / Math.PI));
        FloatVector c1 = FloatVector.broadcast(F, linear);
        FloatVector c3 = FloatVector.broadcast(F, 0.044715f * linear);
        int bound = F.loopBound(n);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector z = FloatVector.fromArray(F, gate, gateOffset + i);
            FloatVector u = FloatVector.fromArray(F, up, upOffset + i);
            FloatVector t = z.mul(z).fma(c3, c1).mul(z);
            z.div(exp(t).add(one)).mul(u).intoArray(gate, gateOffset + i);
        }
        if (bound < n) {
            float[] last = padded(gate, gateOffset + bound, n - bound);
            geluTanhMul(last, 0, padded(up, upOffset + bound, n - bound), 0, LANES);
            System.arraycopy(last, 0, gate, gateOffset + bound, n - bound);
        }
    }

    /** As {@link #geluTanhMul}, without the product. */
    static void geluTanh(float[] x, int offset, int n) {
        FloatVector one = FloatVector.broadcast(F, 1);
        float linear = (float) (-2 * Math.sqrt(2 / Math.PI));
        FloatVector c1 = FloatVector.broadcast(F, linear);
        FloatVector c3 = FloatVector.broadcast(F, 0.044715f * linear);
        int bound = F.loopBound(n);
        for (int i = offset; i < offset + bound; i += LANES) {
            FloatVector z = FloatVector.fromArray(F, x, i);
            FloatVector t = z.mul(z).fma(c3, c1).mul(z);
            z.div(exp(t).add(one)).intoArray(x, i);
        }
        for (int i = offset + bound; i < offset + n; i++) {
            double z = x[i];
            x[i] = (float) (z / (1 + Math.exp(linear * (z + 0.044715 * z * z * z))));
        }
    }

    /**
     * x[i] = cap tanh(x[i] / cap), relative error below 1e-6: where |z| < 1/2 the Taylor series of tanh to z^13 (error 2e-7 z), else
     * 1 - 2 / (e^2z + 1).
     */
    static void softcap(float[] x, int offset, int n, float cap) {
        FloatVector one = FloatVector.broadcast(F, 1);
        FloatVector two = FloatVector.broadcast(F, 2);
        FloatVector c3 = FloatVector.broadcast(F, -1 / 3f);
        FloatVector c5 = FloatVector.broadcast(F, 2 / 15f);
        FloatVector c7 = FloatVector.broadcast(F, -17 / 315f);
        FloatVector c9 = FloatVector.broadcast(F, 62 / 2835f);
        FloatVector c11 = FloatVector.broadcast(F, -1382 / 155_925f);
        FloatVector c13 = FloatVector.broadcast(F, 21_844 / 6_081_075f);
        int bound = F.loopBound(n);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector z = FloatVector.fromArray(F, x, offset + i).div(cap);
            FloatVector large = one.sub(two.div(exp(z.add(z)).add(one)));
            FloatVector s = z.mul(z);
            FloatVector series = s.fma(c13, c11)
                    .fma(s, c9)
                    .fma(s, c7)
                    .fma(s, c5)
                    .fma(s, c3)
                    .fma(s, one)
                    .mul(z);
            large.blend(series, s.compare(VectorOperators.LT, 0.25f)).mul(cap).intoArray(x, offset + i);
        }
        if (bound < n) {
            float[] last = padded(x, offset + bound, n - bound);
            softcap(last, 0, LANES, cap);
            System.arraycopy(last, 0, x, offset + bound, n - bound);
        }
    }

    /**
     * Exact gelu with erf(z) = 1 - (a1 t + ... + a5 t^5) e^(-z^2), t = 1 / (1 + p |z|), of absolute error 1.5e-7
     * (Abramowitz and Stegun 7.1.26).
     */
    static void geluErf(float[] x, int offset, int n) {
        FloatVector one = FloatVector.broadcast(F, 1);
        int bound = F.loopBound(n);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector v = FloatVector.fromArray(F, x, offset + i);
            FloatVector a5 = FloatVector.broadcast(F, 1.061405429f);
            FloatVector a4 = FloatVector.broadcast(F, -1.453152027f);
            FloatVector a3 = FloatVector.broadcast(F, 1.421413741f);
            FloatVector a2 = FloatVector.broadcast(F, -0.284496736f);
            FloatVector a1 = FloatVector.broadcast(F, 0.254829592f);
            FloatVector p = FloatVector.broadcast(F, 0.3275911f);
            FloatVector z = v.abs().mul((float) Math.sqrt(0.5));
            FloatVector t = one.div(z.fma(p, one));
            FloatVector tail = exp(z.mul(z).neg())
                    .mul(t)
                    .mul(a5.fma(t, a4).fma(t, a3).fma(t, a2).fma(t, a1));
            // erf is odd: for negative v, 1 + erf = tail, else 2 - tail.
            FloatVector onePlusErf = one.add(one).sub(tail).blend(tail, v.compare(VectorOperators.LT, 0));
            v.mul(0.5f).mul(onePlusErf).intoArray(x, offset + i);
        }
        if (bound < n) {
            float[] last = padded(x, offset + bound, n - bound);
            geluErf(last, 0, LANES);
            System.arraycopy(last, 0, x, offset + bound, n - bound);
        }
    }

    /** One vector that begins with {@code n} elements of x. Widths of models are whole vectors: it is seldom needed. */
    private static float[] padded(float[] x, int offset, int n) {
        float[] vector = new float[LANES];
        System.arraycopy(x, offset, vector, 0, n);
        return vector;
    }
}
