package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Rotary positions (Su et al. 2021) over rows of heads, in vectors: (a, b) becomes (a c - b s, a s + b c) with every product
 * and sum rounded by itself, so that an element is the scalar kernel's to the last bit.
 */
final class Rotary {
    private static final VectorShuffle<Float> SWAPPED = VectorShuffle.fromOp(F, i -> i ^ 1);
    private static final VectorShuffle<Float> LOWER = VectorShuffle.fromOp(F, i -> i / 2);
    private static final VectorShuffle<Float> UPPER = VectorShuffle.fromOp(F, i -> LANES / 2 + i / 2);
    /** -1, 1, -1, ... */
    private static final float[] ALTERNATING = new float[LANES];

    static {
        for (int i = 0; i < LANES; i++) {
            ALTERNATING[i] = i % 2 == 0 ? -1 : 1;
        }
    }

    private Rotary() {}

    /** Heads [from, to), counted over rows, of x[tokens, heads, headDim]; pairs are (i, i + pairs). */
    static void halves(
            float[] x,
            int xOffset,
            int heads,
            int headDim,
            int pairs,
            float[] cos,
            float[] sin,
            int tableOffset,
            int from,
            int to) {
        int bound = F.loopBound(pairs);
        for (int i = from; i < to; i++) {
            int head = xOffset + i * headDim;
            int table = tableOffset + i / heads * pairs;
            int p = 0;
            for (; p < bound; p += LANES) {
                FloatVector a = FloatVector.fromArray(F, x, head + p);
                FloatVector b = FloatVector.fromArray(F, x, head + p + pairs);
                FloatVector c = FloatVector.fromArray(F, cos, table + p);
                FloatVector s = FloatVector.fromArray(F, sin, table + p);
                a.mul(c).sub(b.mul(s)).intoArray(x, head + p);
                a.mul(s).add(b.mul(c)).intoArray(x, head + p + pairs);
            }
            for (; p < pairs; p++) {
                float a = x[head + p];
                float b = x[head + p + pairs];
                float c = cos[table + p];
                float s = sin[table + p];
                x[head + p] = a * c - b * s;
                x[head + p + pairs] = a * s + b * c;
            }
        }
    }

    /** As {@link #halves}; pairs are (2 i, 2 i + 1). */
    static void adjacent(
            float[] x,
            int xOffset,
            int heads,
            int headDim,
            float[] cos,
            float[] sin,
            int tableOffset,
            int from,
            int to) {
        int pairs = headDim / 2;
        int bound = F.loopBound(pairs);
        // a c - b s is a c + b (-s): a sign changes no rounding.
        FloatVector signs = FloatVector.fromArray(F, ALTERNATING, 0);
        for (int i = from; i < to; i++) {
            int head = xOffset + i * headDim;
            int table = tableOffset + i / heads * pairs;
            int p = 0;
            for (; p < bound; p += LANES) {
                FloatVector c = FloatVector.fromArray(F, cos, table + p);
                FloatVector s = FloatVector.fromArray(F, sin, table + p);
                FloatVector x0 = FloatVector.fromArray(F, x, head + 2 * p);
                FloatVector x1 = FloatVector.fromArray(F, x, head + 2 * p + LANES);
                FloatVector s0 = s.rearrange(LOWER).mul(signs);
                FloatVector s1 = s.rearrange(UPPER).mul(signs);
                x0.mul(c.rearrange(LOWER)).add(x0.rearrange(SWAPPED).mul(s0)).intoArray(x, head + 2 * p);
                x1.mul(c.rearrange(UPPER)).add(x1.rearrange(SWAPPED).mul(s1)).intoArray(x, head + 2 * p + LANES);
            }
            for (; p < pairs; p++) {
                int j = head + 2 * p;
                float a = x[j];
                float b = x[j + 1];
                float c = cos[table + p];
                float s = sin[table + p];
                x[j] = a * c - b * s;
                x[j + 1] = a * s + b * c;
            }
        }
    }
}
