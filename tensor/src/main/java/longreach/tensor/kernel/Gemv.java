package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.OR;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import longreach.tensor.kernel.PackedMatrix.Format;

/**
 * Matrix times vector in f32, one group of {@link Lanes#GROUP} rows a call, straight from the packed words: each word
 * is read once and its columns are masked, not shifted, out of it. What a mask leaves in place is a power of two too
 * large, and {@link #scaleActivations} has divided the activation by it. A binary16 is taken as the high bits of a
 * binary32, 2^112 too small.
 */
final class Gemv {
    // Keeps sign, exponent and fraction of a binary16 that was shifted to where binary32 has them.
    static final int HALF_BITS = 0x8fffe000;
    // A part of 2^112 that activations take before, so that no sum of ordinary size is subnormal on the way: on Intel's
    // processors each multiply-add that makes a subnormal number takes some 150 cycles.
    private static final float HALF_BEFORE = 0x1p40f;
    static final float HALF_AFTER = 0x1p72f;
    // Halves of 2^112, so that neither the activation nor the product leaves the range of binary32.
    private static final float HALF_ROOT = 0x1p56f;

    // Whether binary16 weights are widened before they are multiplied: five operations more, but none on a subnormal
    // binary32, for which Intel's processors take some 150 cycles. Those with narrower vectors have less arithmetic to
    // spare.
    private static final boolean WHOLE_HALVES = LANES == 16;

    // 1.5 * 2^23: a small float added to it is rounded to an integer.
    private static final float ROUNDER = 0x1.8p23f;

    private Gemv() {}

    /**
     * Prepares one token for the kernels of a format.
     *
     * @param scaled receives the activations as the kernels multiply them; paddedCols elements
     * @param sums receives per step or block the multiple of the activations' sum that the kernels add; at most
     *     paddedCols elements
     */
    static void scaleActivations(PackedMatrix w, float[] x, int xOffset, float[] scaled, float[] sums) {
        int cols = w.cols();
        switch (w.format()) {
            case Q4 -> {
                for (int b = 0; b < w.steps(); b++) {
                    float sum = 0;
                    float scale = HALF_BEFORE;
                    for (int k = b * 32; k < b * 32 + 32; k++) {
                        float value = x[xOffset + k];
                        sum += value;
                        scaled[k] = value * scale;
                        // The eighth nibble is shifted down, see q4.
                        scale = k % 8 >= 6 ? HALF_BEFORE : scale / 16;
                    }
                    sums[b] = sum * HALF_BEFORE;
                }
            }
            case Q8 -> {
                for (int b = 0; b < w.steps(); b++) {
                    float sum = 0;
                    float scale = HALF_BEFORE;
                    for (int k = b * 32; k < b * 32 + 32; k++) {
                        float value = x[xOffset + k];
                        sum += value;
                        scaled[k] = value * scale;
                        scale = k % 4 >= 2 ? HALF_BEFORE : scale / 256;
                    }
                    sums[b] = -128 * HALF_BEFORE * sum;
                }
            }
            case F16 -> {
                float scale = WHOLE_HALVES ? 1 : HALF_ROOT;
                for (int k = 0; k < cols; k++) {
                    scaled[k] = x[xOffset + k] * scale;
                }
            }
            case Q4K, Q5K, Q6K -> KQuantGemv.scaleActivations(w, x, xOffset, scaled, sums);
            case BF16, F32 -> System.arraycopy(x, xOffset, scaled, 0, cols);
        }
        for (int k = cols; k < w.paddedCols(); k++) {
            scaled[k] = 0;
        }
    }

    /** y[yOffset, yOffset + GROUP) = the group's rows times the prepared activations. */
    static void group(PackedMatrix w, int group, float[] scaled, float[] sums, float[] y, int yOffset) {
        int[] words = w.words(group);
        int offset = w.offset(group);
        switch (w.format()) {
            case Q4 -> q4(words, offset, w.steps(), scaled, sums, y, yOffset);
            case Q8 -> q8(words, offset, w.steps(), scaled, sums, y, yOffset);
            case Q4K -> KQuantGemv.q4k(words, offset, w.steps(), scaled, sums, y, yOffset);
            case Q5K -> KQuantGemv.q5k(words, offset, w.steps(), scaled, sums, y, yOffset);
            case Q6K -> KQuantGemv.q6k(words, offset, w.steps(), scaled, sums, y, yOffset);
            case F16 -> {
                if (WHOLE_HALVES) {
                    f16Whole(words, offset, w.steps(), scaled, y, yOffset);
                } else {
                    f16(words, offset, w.steps(), scaled, y, yOffset);
                }
            }
            case BF16 -> bf16(words, offset, w.steps(), scaled, y, yOffset);
            case F32 -> f32(words, offset, w.steps(), scaled, y, yOffset);
        }
    }

    /**
     * Rounds one token to eight bits per step for {@link #groupRounded}: x = scale * a with |a| <= 127.
     *
     * @param token where the results go: behind those of so many tokens
     * @param pairs receives per eight columns four words, column n low and column n + 4 high; paddedCols / 2 elements
     * @param scales receives the scales times 2^40; steps elements
     * @param sums receives the sums of the unrounded activations times 2^40; steps elements
     */
    static void roundActivations(
            PackedMatrix w, float[] x, int xOffset, int token, int[] pairs, float[] scales, float[] sums) {
        int first = token * w.steps();
        for (int b = 0; b < w.steps(); b++) {
            int from = xOffset + b * 32;
            FloatVector largest = FloatVector.zero(F);
            FloatVector sum = largest;
            for (int k = 0; k < 32; k += LANES) {
                FloatVector v = FloatVector.fromArray(F, x, from + k);
                largest = largest.max(v.abs());
                sum = sum.add(v);
            }
            float max = largest.reduceLanes(MAX);
            float inverse = max == 0 ? 0 : 127 / max;
            scales[first + b] = max / 127 * HALF_BEFORE;
            sums[first + b] = VectorMath.sumLanes(sum) * HALF_BEFORE;
            for (int i = 0; i < 16; i++) {
                int k = from + i / 4 * 8 + i % 4;
                // Adding it leaves the rounded value, in two's complement, in the low bits of the sum.
                int low = Float.floatToRawIntBits(x[k] * inverse + ROUNDER);
                int high = Float.floatToRawIntBits(x[k + 4] * inverse + ROUNDER);
                pairs[(first + b) * 16 + i] = low & 0xffff | high << 16;
            }
        }
    }

    /**
     * As {@link #group} for {@link Format#Q4} and rounded activations. Sixteen-bit lanes: the low half of each word sums
     * its first four columns, the high half the others. A half sums sixteen products below 15 * 127, which fits.
     */
    static void groupRounded(
            PackedMatrix matrix,
            int group,
            int[] pairs,
            float[] scales,
            float[] sums,
            int token,
            float[] y,
            int yOffset) {
        int[] w = matrix.words(group);
        int offset = matrix.offset(group);
        int steps = matrix.steps();
        int first = token * steps;
        FloatVector y0 = FloatVector.zero(F);
        FloatVector y1 = y0;
        ShortVector nibble = IntVector.broadcast(I, 0x000f000f).reinterpretAsShorts();
        ShortVector none = IntVector.broadcast(I, 0).reinterpretAsShorts();
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfAfter = FloatVector.broadcast(F, HALF_AFTER);
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q4.stepWords;
            IntVector dm0 = IntVector.fromArray(I, w, s);
            IntVector dm1 = IntVector.fromArray(I, w, s + LANES);
            FloatVector sum = FloatVector.broadcast(F, sums[first + step]);
            FloatVector scale = FloatVector.broadcast(F, scales[first + step]);
            ShortVector p0 = none;
            ShortVector p1 = none;
            for (int i = 0; i < 4; i++) {
                int k = (first + step) * 16 + i * 4;
                IntVector w0 = IntVector.fromArray(I, w, s + (i + 1) * GROUP);
                IntVector w1 = IntVector.fromArray(I, w, s + (i + 1) * GROUP + LANES);
                IntVector i0 = IntVector.broadcast(I, pairs[k]);
                IntVector i1 = IntVector.broadcast(I, pairs[k + 1]);
                IntVector i2 = IntVector.broadcast(I, pairs[k + 2]);
                IntVector i3 = IntVector.broadcast(I, pairs[k + 3]);
                ShortVector q0 = w0.reinterpretAsShorts();
                ShortVector q1 = w1.reinterpretAsShorts();
                ShortVector a0 = i0.reinterpretAsShorts();
                ShortVector a1 = i1.reinterpretAsShorts();
                ShortVector a2 = i2.reinterpretAsShorts();
                ShortVector a3 = i3.reinterpretAsShorts();
                p0 = p0.add(q0.lanewise(AND, nibble).mul(a0));
                p1 = p1.add(q1.lanewise(AND, nibble).mul(a0));
                p0 = p0.add(q0.lanewise(LSHR, 4).lanewise(AND, nibble).mul(a1));
                p1 = p1.add(q1.lanewise(LSHR, 4).lanewise(AND, nibble).mul(a1));
                p0 = p0.add(q0.lanewise(LSHR, 8).lanewise(AND, nibble).mul(a2));
                p1 = p1.add(q1.lanewise(LSHR, 8).lanewise(AND, nibble).mul(a2));
                p0 = p0.add(q0.lanewise(LSHR, 12).mul(a3));
                p1 = p1.add(q1.lanewise(LSHR, 12).mul(a3));
            }
            IntVector s0 = p0.reinterpretAsInts();
            IntVector s1 = p1.reinterpretAsInts();
            s0 = s0.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s0.lanewise(ASHR, 16));
            s1 = s1.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s1.lanewise(ASHR, 16));
            y0 = ((FloatVector) s0.convertShape(I2F, F, 0))
                    .mul(scale)
                    .fma(
                            dm0.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            y0);
            y1 = ((FloatVector) s1.convertShape(I2F, F, 0))
                    .mul(scale)
                    .fma(
                            dm1.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            y1);
            y0 = dm0.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, y0);
            y1 = dm1.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, y1);
        }
        y0.mul(halfAfter).intoArray(y, yOffset);
        y1.mul(halfAfter).intoArray(y, yOffset + LANES);
    }

    /** Tokens that {@link #fourRounded} multiplies at once: their sums and a vector of weights stay in registers. */
    static final int ROUNDED_TOKENS = 4;

    /**
     * As {@link #groupRounded} for up to {@link #ROUNDED_TOKENS} tokens, each with the same result to the last bit: one
     * vector of weights after the other is unpacked and multiplied by all of them.
     *
     * @param pairs per token {@code 16 * steps} words; {@code scales} and {@code sums} {@code steps} each
     * @param token the first token
     * @param count tokens in [1, 4]; those beyond are computed from the last one and not stored
     * @param half which vector of the group's rows, 0 or 1
     */
    static void fourRounded(
            PackedMatrix matrix,
            int group,
            int half,
            int[] pairs,
            float[] scales,
            float[] sums,
            int token,
            int count,
            float[] y,
            int yOffset,
            int yStride) {
        int[] w = matrix.words(group);
        int offset = matrix.offset(group) + half * LANES;
        int steps = matrix.steps();
        FloatVector y0 = FloatVector.zero(F);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        ShortVector nibble = IntVector.broadcast(I, 0x000f000f).reinterpretAsShorts();
        ShortVector none = IntVector.broadcast(I, 0).reinterpretAsShorts();
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfAfter = FloatVector.broadcast(F, HALF_AFTER);
        int t0 = token * steps;
        int t1 = (token + Math.min(1, count - 1)) * steps;
        int t2 = (token + Math.min(2, count - 1)) * steps;
        int t3 = (token + Math.min(3, count - 1)) * steps;
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q4.stepWords;
            IntVector dm = IntVector.fromArray(I, w, s);
            FloatVector scale0 = FloatVector.broadcast(F, scales[t0 + step]);
            FloatVector scale1 = FloatVector.broadcast(F, scales[t1 + step]);
            FloatVector scale2 = FloatVector.broadcast(F, scales[t2 + step]);
            FloatVector scale3 = FloatVector.broadcast(F, scales[t3 + step]);
            FloatVector sum0 = FloatVector.broadcast(F, sums[t0 + step]);
            FloatVector sum1 = FloatVector.broadcast(F, sums[t1 + step]);
            FloatVector sum2 = FloatVector.broadcast(F, sums[t2 + step]);
            FloatVector sum3 = FloatVector.broadcast(F, sums[t3 + step]);
            ShortVector p0 = none;
            ShortVector p1 = none;
            ShortVector p2 = none;
            ShortVector p3 = none;
            for (int i = 0; i < 4; i++) {
                int k = step * 16 + i * 4;
                IntVector word = IntVector.fromArray(I, w, s + (i + 1) * GROUP);
                for (int n = 0; n < 4; n++) {
                    IntVector a0 = IntVector.broadcast(I, pairs[t0 * 16 + k + n]);
                    IntVector a1 = IntVector.broadcast(I, pairs[t1 * 16 + k + n]);
                    IntVector a2 = IntVector.broadcast(I, pairs[t2 * 16 + k + n]);
                    IntVector a3 = IntVector.broadcast(I, pairs[t3 * 16 + k + n]);
                    ShortVector low = word.reinterpretAsShorts().lanewise(AND, nibble);
                    p0 = p0.add(low.mul(a0.reinterpretAsShorts()));
                    p1 = p1.add(low.mul(a1.reinterpretAsShorts()));
                    p2 = p2.add(low.mul(a2.reinterpretAsShorts()));
                    p3 = p3.add(low.mul(a3.reinterpretAsShorts()));
                    word = word.lanewise(LSHR, 4);
                }
            }
            FloatVector d = dm.lanewise(LSHL, 16)
                    .lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats();
            FloatVector m = dm.lanewise(ASHR, 3).lanewise(AND, halfBits).reinterpretAsFloats();
            IntVector s0 = p0.reinterpretAsInts();
            IntVector s1 = p1.reinterpretAsInts();
            IntVector s2 = p2.reinterpretAsInts();
            IntVector s3 = p3.reinterpretAsInts();
            s0 = s0.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s0.lanewise(ASHR, 16));
            s1 = s1.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s1.lanewise(ASHR, 16));
            s2 = s2.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s2.lanewise(ASHR, 16));
            s3 = s3.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s3.lanewise(ASHR, 16));
            y0 = m.fma(
                    sum0, ((FloatVector) s0.convertShape(I2F, F, 0)).mul(scale0).fma(d, y0));
            y1 = m.fma(
                    sum1, ((FloatVector) s1.convertShape(I2F, F, 0)).mul(scale1).fma(d, y1));
            y2 = m.fma(
                    sum2, ((FloatVector) s2.convertShape(I2F, F, 0)).mul(scale2).fma(d, y2));
            y3 = m.fma(
                    sum3, ((FloatVector) s3.convertShape(I2F, F, 0)).mul(scale3).fma(d, y3));
        }
        int o = yOffset + half * LANES;
        y0.mul(halfAfter).intoArray(y, o);
        if (count > 1) {
            y1.mul(halfAfter).intoArray(y, o + yStride);
        }
        if (count > 2) {
            y2.mul(halfAfter).intoArray(y, o + 2 * yStride);
        }
        if (count > 3) {
            y3.mul(halfAfter).intoArray(y, o + 3 * yStride);
        }
    }

    /** Tokens that {@link #fourBytes} multiplies at once. */
    static final int BYTE_TOKENS = 4;

    /**
     * As {@link #group} for {@link Format#Q8} and four tokens, each with the same result to the last bit: a vector of
     * weights is converted once for all of them.
     *
     * @param half which vector of the group's rows, 0 or 1
     * @param scaled prepared activations, a token in each; {@code sums} too
     */
    static void fourBytes(
            PackedMatrix matrix,
            int group,
            int half,
            float[][] scaled,
            float[][] sums,
            int token,
            float[] y,
            int yOffset,
            int yStride) {
        int[] w = matrix.words(group);
        int offset = matrix.offset(group);
        int steps = matrix.steps();
        float[] xa = scaled[token];
        float[] sa = sums[token];
        float[] xb = scaled[token + 1];
        float[] sb = sums[token + 1];
        float[] xc = scaled[token + 2];
        float[] sc = sums[token + 2];
        float[] xd = scaled[token + 3];
        float[] sd = sums[token + 3];
        FloatVector ya = FloatVector.zero(F);
        FloatVector yb = ya;
        FloatVector yc = ya;
        FloatVector yd = ya;
        IntVector low = IntVector.broadcast(I, 0xff);
        IntVector byte1 = IntVector.broadcast(I, 0xff00);
        IntVector byte2 = IntVector.broadcast(I, 0xff0000);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfAfter = FloatVector.broadcast(F, HALF_AFTER);
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q8.stepWords;
            IntVector d = IntVector.fromArray(I, w, s);
            d = half == 0 ? d.lanewise(LSHL, 16) : d;
            FloatVector aEven = FloatVector.broadcast(F, sa[step]);
            FloatVector aOdd = FloatVector.zero(F);
            FloatVector bEven = FloatVector.broadcast(F, sb[step]);
            FloatVector bOdd = FloatVector.zero(F);
            FloatVector cEven = FloatVector.broadcast(F, sc[step]);
            FloatVector cOdd = FloatVector.zero(F);
            FloatVector dEven = FloatVector.broadcast(F, sd[step]);
            FloatVector dOdd = FloatVector.zero(F);
            for (int i = 0; i < 8; i++) {
                int k = step * 32 + i * 4;
                IntVector q = IntVector.fromArray(I, w, s + LANES + i * GROUP + half * LANES);
                FloatVector a0 = FloatVector.broadcast(F, xa[k + 0]);
                FloatVector b0 = FloatVector.broadcast(F, xb[k + 0]);
                FloatVector c0 = FloatVector.broadcast(F, xc[k + 0]);
                FloatVector d0 = FloatVector.broadcast(F, xd[k + 0]);
                FloatVector a1 = FloatVector.broadcast(F, xa[k + 1]);
                FloatVector b1 = FloatVector.broadcast(F, xb[k + 1]);
                FloatVector c1 = FloatVector.broadcast(F, xc[k + 1]);
                FloatVector d1 = FloatVector.broadcast(F, xd[k + 1]);
                FloatVector a2 = FloatVector.broadcast(F, xa[k + 2]);
                FloatVector b2 = FloatVector.broadcast(F, xb[k + 2]);
                FloatVector c2 = FloatVector.broadcast(F, xc[k + 2]);
                FloatVector d2 = FloatVector.broadcast(F, xd[k + 2]);
                FloatVector a3 = FloatVector.broadcast(F, xa[k + 3]);
                FloatVector b3 = FloatVector.broadcast(F, xb[k + 3]);
                FloatVector c3 = FloatVector.broadcast(F, xc[k + 3]);
                FloatVector d3 = FloatVector.broadcast(F, xd[k + 3]);
                FloatVector w0 = (FloatVector) q.lanewise(AND, low).convertShape(I2F, F, 0);
                aEven = w0.fma(a0, aEven);
                bEven = w0.fma(b0, bEven);
                cEven = w0.fma(c0, cEven);
                dEven = w0.fma(d0, dEven);
                FloatVector w1 = (FloatVector) q.lanewise(AND, byte1).convertShape(I2F, F, 0);
                aOdd = w1.fma(a1, aOdd);
                bOdd = w1.fma(b1, bOdd);
                cOdd = w1.fma(c1, cOdd);
                dOdd = w1.fma(d1, dOdd);
                FloatVector w2 = (FloatVector) q.lanewise(AND, byte2).convertShape(I2F, F, 0);
                aEven = w2.fma(a2, aEven);
                bEven = w2.fma(b2, bEven);
                cEven = w2.fma(c2, cEven);
                dEven = w2.fma(d2, dEven);
                FloatVector w3 = (FloatVector) q.lanewise(LSHR, 24).convertShape(I2F, F, 0);
                aOdd = w3.fma(a3, aOdd);
                bOdd = w3.fma(b3, bOdd);
                cOdd = w3.fma(c3, cOdd);
                dOdd = w3.fma(d3, dOdd);
            }
            FloatVector scale = d.lanewise(ASHR, 3).lanewise(AND, halfBits).reinterpretAsFloats();
            ya = aEven.add(aOdd).fma(scale, ya);
            yb = bEven.add(bOdd).fma(scale, yb);
            yc = cEven.add(cOdd).fma(scale, yc);
            yd = dEven.add(dOdd).fma(scale, yd);
        }
        int o = yOffset + half * LANES;
        ya.mul(halfAfter).intoArray(y, o);
        yb.mul(halfAfter).intoArray(y, o + yStride);
        yc.mul(halfAfter).intoArray(y, o + 2 * yStride);
        yd.mul(halfAfter).intoArray(y, o + 3 * yStride);
    }

    private static void q4(int[] w, int offset, int steps, float[] x, float[] sums, float[] y, int yOffset) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector y0 = zero;
        FloatVector y1 = zero;
        IntVector nibble0 = IntVector.broadcast(I, 0xf);
        IntVector nibble1 = IntVector.broadcast(I, 0xf << 4);
        IntVector nibble2 = IntVector.broadcast(I, 0xf << 8);
        IntVector nibble3 = IntVector.broadcast(I, 0xf << 12);
        IntVector nibble4 = IntVector.broadcast(I, 0xf << 16);
        IntVector nibble5 = IntVector.broadcast(I, 0xf << 20);
        IntVector nibble6 = IntVector.broadcast(I, 0xf << 24);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfAfter = FloatVector.broadcast(F, HALF_AFTER);
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q4.stepWords;
            IntVector dm0 = IntVector.fromArray(I, w, s);
            IntVector dm1 = IntVector.fromArray(I, w, s + LANES);
            FloatVector sum = FloatVector.broadcast(F, sums[step]);
            FloatVector even0 = zero;
            FloatVector even1 = zero;
            FloatVector odd0 = zero;
            FloatVector odd1 = zero;
            for (int i = 0; i < 4; i++) {
                int k = step * 32 + i * 8;
                IntVector q0 = IntVector.fromArray(I, w, s + (i + 1) * GROUP);
                IntVector q1 = IntVector.fromArray(I, w, s + (i + 1) * GROUP + LANES);
                FloatVector x0 = FloatVector.broadcast(F, x[k + 0]);
                FloatVector x1 = FloatVector.broadcast(F, x[k + 1]);
                FloatVector x2 = FloatVector.broadcast(F, x[k + 2]);
                FloatVector x3 = FloatVector.broadcast(F, x[k + 3]);
                FloatVector x4 = FloatVector.broadcast(F, x[k + 4]);
                FloatVector x5 = FloatVector.broadcast(F, x[k + 5]);
                FloatVector x6 = FloatVector.broadcast(F, x[k + 6]);
                FloatVector x7 = FloatVector.broadcast(F, x[k + 7]);
                even0 = ((FloatVector) q0.lanewise(AND, nibble0).convertShape(I2F, F, 0)).fma(x0, even0);
                even1 = ((FloatVector) q1.lanewise(AND, nibble0).convertShape(I2F, F, 0)).fma(x0, even1);
                odd0 = ((FloatVector) q0.lanewise(AND, nibble1).convertShape(I2F, F, 0)).fma(x1, odd0);
                odd1 = ((FloatVector) q1.lanewise(AND, nibble1).convertShape(I2F, F, 0)).fma(x1, odd1);
                even0 = ((FloatVector) q0.lanewise(AND, nibble2).convertShape(I2F, F, 0)).fma(x2, even0);
                even1 = ((FloatVector) q1.lanewise(AND, nibble2).convertShape(I2F, F, 0)).fma(x2, even1);
                odd0 = ((FloatVector) q0.lanewise(AND, nibble3).convertShape(I2F, F, 0)).fma(x3, odd0);
                odd1 = ((FloatVector) q1.lanewise(AND, nibble3).convertShape(I2F, F, 0)).fma(x3, odd1);
                even0 = ((FloatVector) q0.lanewise(AND, nibble4).convertShape(I2F, F, 0)).fma(x4, even0);
                even1 = ((FloatVector) q1.lanewise(AND, nibble4).convertShape(I2F, F, 0)).fma(x4, even1);
                odd0 = ((FloatVector) q0.lanewise(AND, nibble5).convertShape(I2F, F, 0)).fma(x5, odd0);
                odd1 = ((FloatVector) q1.lanewise(AND, nibble5).convertShape(I2F, F, 0)).fma(x5, odd1);
                even0 = ((FloatVector) q0.lanewise(AND, nibble6).convertShape(I2F, F, 0)).fma(x6, even0);
                even1 = ((FloatVector) q1.lanewise(AND, nibble6).convertShape(I2F, F, 0)).fma(x6, even1);
                odd0 = ((FloatVector) q0.lanewise(LSHR, 28).convertShape(I2F, F, 0)).fma(x7, odd0);
                odd1 = ((FloatVector) q1.lanewise(LSHR, 28).convertShape(I2F, F, 0)).fma(x7, odd1);
            }
            y0 = even0.add(odd0)
                    .fma(
                            dm0.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            y0);
            y0 = dm0.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, y0);
            y1 = even1.add(odd1)
                    .fma(
                            dm1.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            y1);
            y1 = dm1.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, y1);
        }
        y0.mul(halfAfter).intoArray(y, yOffset);
        y1.mul(halfAfter).intoArray(y, yOffset + LANES);
    }

    private static void q8(int[] w, int offset, int steps, float[] x, float[] sums, float[] y, int yOffset) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector y0 = zero;
        FloatVector y1 = zero;
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector byte1 = IntVector.broadcast(I, 0xff00);
        IntVector byte2 = IntVector.broadcast(I, 0xff0000);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfAfter = FloatVector.broadcast(F, HALF_AFTER);
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q8.stepWords;
            IntVector d = IntVector.fromArray(I, w, s);
            FloatVector even0 = FloatVector.broadcast(F, sums[step]);
            FloatVector even1 = even0;
            FloatVector odd0 = zero;
            FloatVector odd1 = zero;
            for (int i = 0; i < 8; i++) {
                int k = step * 32 + i * 4;
                IntVector q0 = IntVector.fromArray(I, w, s + LANES + i * GROUP);
                IntVector q1 = IntVector.fromArray(I, w, s + LANES + i * GROUP + LANES);
                FloatVector x0 = FloatVector.broadcast(F, x[k + 0]);
                FloatVector x1 = FloatVector.broadcast(F, x[k + 1]);
                FloatVector x2 = FloatVector.broadcast(F, x[k + 2]);
                FloatVector x3 = FloatVector.broadcast(F, x[k + 3]);
                even0 = ((FloatVector) q0.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(x0, even0);
                even1 = ((FloatVector) q1.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(x0, even1);
                odd0 = ((FloatVector) q0.lanewise(AND, byte1).convertShape(I2F, F, 0)).fma(x1, odd0);
                odd1 = ((FloatVector) q1.lanewise(AND, byte1).convertShape(I2F, F, 0)).fma(x1, odd1);
                even0 = ((FloatVector) q0.lanewise(AND, byte2).convertShape(I2F, F, 0)).fma(x2, even0);
                even1 = ((FloatVector) q1.lanewise(AND, byte2).convertShape(I2F, F, 0)).fma(x2, even1);
                odd0 = ((FloatVector) q0.lanewise(LSHR, 24).convertShape(I2F, F, 0)).fma(x3, odd0);
                odd1 = ((FloatVector) q1.lanewise(LSHR, 24).convertShape(I2F, F, 0)).fma(x3, odd1);
            }
            y0 = even0.add(odd0)
                    .fma(
                            d.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            y0);
            y1 = even1.add(odd1).fma(d.lanewise(ASHR, 3).lanewise(AND, halfBits).reinterpretAsFloats(), y1);
        }
        y0.mul(halfAfter).intoArray(y, yOffset);
        y1.mul(halfAfter).intoArray(y, yOffset + LANES);
    }

    private static void f16(int[] w, int offset, int steps, float[] x, float[] y, int yOffset) {
        FloatVector even0 = FloatVector.zero(F);
        FloatVector even1 = even0;
        FloatVector odd0 = even0;
        FloatVector odd1 = even0;
        IntVector bits = IntVector.broadcast(I, HALF_BITS);
        FloatVector scale = FloatVector.broadcast(F, HALF_ROOT);
        for (int step = 0; step < steps; step++) {
            IntVector q0 = IntVector.fromArray(I, w, offset + step * GROUP);
            IntVector q1 = IntVector.fromArray(I, w, offset + step * GROUP + LANES);
            FloatVector x0 = FloatVector.broadcast(F, x[2 * step]);
            FloatVector x1 = FloatVector.broadcast(F, x[2 * step + 1]);
            even0 = q0.lanewise(LSHL, 16)
                    .lanewise(ASHR, 3)
                    .lanewise(AND, bits)
                    .reinterpretAsFloats()
                    .fma(x0, even0);
            odd0 = q0.lanewise(ASHR, 3)
                    .lanewise(AND, bits)
                    .reinterpretAsFloats()
                    .fma(x1, odd0);
            even1 = q1.lanewise(LSHL, 16)
                    .lanewise(ASHR, 3)
                    .lanewise(AND, bits)
                    .reinterpretAsFloats()
                    .fma(x0, even1);
            odd1 = q1.lanewise(ASHR, 3)
                    .lanewise(AND, bits)
                    .reinterpretAsFloats()
                    .fma(x1, odd1);
        }
        even0.add(odd0).mul(scale).intoArray(y, yOffset);
        even1.add(odd1).mul(scale).intoArray(y, yOffset + LANES);
    }

    /**
     * As {@link #f16}, to the last bit, by weights of their true size. With f the fraction and exponent of a binary16 where
     * binary32 has them, a = f 2^112 is right for an exponent above 0; for the exponent 0 it reads 2^-15 + w / 2 instead of
     * w, which 2 a - 2^-14 mends. That is the smaller of the two there, and the larger elsewhere.
     */
    private static void f16Whole(int[] w, int offset, int steps, float[] x, float[] y, int yOffset) {
        FloatVector even0 = FloatVector.zero(F);
        FloatVector even1 = even0;
        FloatVector odd0 = even0;
        FloatVector odd1 = even0;
        IntVector size = IntVector.broadcast(I, HALF_BITS & Integer.MAX_VALUE);
        IntVector sign = IntVector.broadcast(I, Integer.MIN_VALUE);
        IntVector bias = IntVector.broadcast(I, 112 << 23);
        FloatVector two = FloatVector.broadcast(F, 2);
        FloatVector least = FloatVector.broadcast(F, -0x1p-14f);
        for (int step = 0; step < steps; step++) {
            IntVector h0 = IntVector.fromArray(I, w, offset + step * GROUP);
            IntVector h1 = IntVector.fromArray(I, w, offset + step * GROUP + LANES);
            FloatVector x0 = FloatVector.broadcast(F, x[2 * step]);
            FloatVector x1 = FloatVector.broadcast(F, x[2 * step + 1]);
            IntVector l0 = h0.lanewise(LSHL, 16);
            IntVector l1 = h1.lanewise(LSHL, 16);
            IntVector la0 = l0.lanewise(LSHR, 3).lanewise(AND, size).add(bias);
            IntVector la1 = l1.lanewise(LSHR, 3).lanewise(AND, size).add(bias);
            IntVector ha0 = h0.lanewise(LSHR, 3).lanewise(AND, size).add(bias);
            IntVector ha1 = h1.lanewise(LSHR, 3).lanewise(AND, size).add(bias);
            la0 = la0.min(la0.reinterpretAsFloats().fma(two, least).reinterpretAsInts());
            la1 = la1.min(la1.reinterpretAsFloats().fma(two, least).reinterpretAsInts());
            ha0 = ha0.min(ha0.reinterpretAsFloats().fma(two, least).reinterpretAsInts());
            ha1 = ha1.min(ha1.reinterpretAsFloats().fma(two, least).reinterpretAsInts());
            even0 = la0.lanewise(OR, l0.lanewise(AND, sign))
                    .reinterpretAsFloats()
                    .fma(x0, even0);
            even1 = la1.lanewise(OR, l1.lanewise(AND, sign))
                    .reinterpretAsFloats()
                    .fma(x0, even1);
            odd0 = ha0.lanewise(OR, h0.lanewise(AND, sign))
                    .reinterpretAsFloats()
                    .fma(x1, odd0);
            odd1 = ha1.lanewise(OR, h1.lanewise(AND, sign))
                    .reinterpretAsFloats()
                    .fma(x1, odd1);
        }
        even0.add(odd0).intoArray(y, yOffset);
        even1.add(odd1).intoArray(y, yOffset + LANES);
    }

    private static void bf16(int[] w, int offset, int steps, float[] x, float[] y, int yOffset) {
        FloatVector even0 = FloatVector.zero(F);
        FloatVector even1 = even0;
        FloatVector odd0 = even0;
        FloatVector odd1 = even0;
        IntVector bits = IntVector.broadcast(I, 0xffff0000);
        FloatVector scale = FloatVector.broadcast(F, 1);
        for (int step = 0; step < steps; step++) {
            IntVector q0 = IntVector.fromArray(I, w, offset + step * GROUP);
            IntVector q1 = IntVector.fromArray(I, w, offset + step * GROUP + LANES);
            FloatVector x0 = FloatVector.broadcast(F, x[2 * step]);
            FloatVector x1 = FloatVector.broadcast(F, x[2 * step + 1]);
            even0 = q0.lanewise(LSHL, 16).reinterpretAsFloats().fma(x0, even0);
            odd0 = q0.lanewise(AND, bits).reinterpretAsFloats().fma(x1, odd0);
            even1 = q1.lanewise(LSHL, 16).reinterpretAsFloats().fma(x0, even1);
            odd1 = q1.lanewise(AND, bits).reinterpretAsFloats().fma(x1, odd1);
        }
        even0.add(odd0).mul(scale).intoArray(y, yOffset);
        even1.add(odd1).mul(scale).intoArray(y, yOffset + LANES);
    }

    private static void f32(int[] w, int offset, int steps, float[] x, float[] y, int yOffset) {
        FloatVector y0 = FloatVector.zero(F);
        FloatVector y1 = y0;
        for (int step = 0; step < steps; step++) {
            IntVector q0 = IntVector.fromArray(I, w, offset + step * GROUP);
            IntVector q1 = IntVector.fromArray(I, w, offset + step * GROUP + LANES);
            FloatVector v = FloatVector.broadcast(F, x[step]);
            y0 = q0.reinterpretAsFloats().fma(v, y0);
            y1 = q1.reinterpretAsFloats().fma(v, y1);
        }
        y0.intoArray(y, yOffset);
        y1.intoArray(y, yOffset + LANES);
    }
}
