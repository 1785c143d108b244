package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.OR;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import longreach.tensor.kernel.PackedMatrix.Format;

/**
 * {@link Gemv} for the formats with super-blocks of 256 columns: values are masked out of their words in place, and
 * activations were divided by the powers of two that remain.
 */
final class KQuantGemv {
    private static final int HALF_BITS = 0x8fffe000;
    private static final float HALF_SCALE = 0x1p112f;

    private KQuantGemv() {}

    /** See {@link Gemv#scaleActivations}; {@code sums} receives one element per block. */
    static void scaleActivations(PackedMatrix w, float[] x, int xOffset, float[] scaled, float[] sums) {
        int block = w.format() == Format.Q6K ? 16 : 32;
        for (int b = 0; b < w.paddedCols() / block; b++) {
            float sum = 0;
            for (int i = 0; i < block; i++) {
                float value = x[xOffset + b * block + i];
                sum += value;
                int shift = switch (w.format()) {
                    // The eighth nibble is shifted down.
                    case Q4K -> i % 8 == 7 ? 0 : i % 8 * 4;
                    case Q5K -> i < 30 ? i % 6 * 5 + i % 6 / 3 : i % 2 * 16;
                    case Q6K -> i % 4 / 2 * 16 + i % 2 * 6;
                    case Q4, Q8, F16, BF16, F32 -> throw new IllegalArgumentException("format: " + w.format());
                };
                scaled[b * block + i] = value * Float.intBitsToFloat(127 - shift << 23);
            }
            // Minima are subtracted; values of Q6_K are stored 32 too large.
            sums[b] = w.format() == Format.Q6K ? -32 * sum : -sum;
        }
    }

    static void q4k(int[] w, int offset, int steps, float[] x, float[] sums, float[] y, int yOffset) {
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
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q4K.stepWords;
            IntVector dm0 = IntVector.fromArray(I, w, s);
            IntVector dm1 = IntVector.fromArray(I, w, s + LANES);
            FloatVector scaled0 = zero;
            FloatVector scaled1 = zero;
            FloatVector min0 = zero;
            FloatVector min1 = zero;
            for (int b = 0; b < 8; b++) {
                FloatVector sum = FloatVector.broadcast(F, sums[step * 8 + b]);
                IntVector sm0 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP);
                IntVector sm1 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP + LANES);
                sm0 = sm0.lanewise(LSHR, b % 2 * 16);
                sm1 = sm1.lanewise(LSHR, b % 2 * 16);
                FloatVector even0 = zero;
                FloatVector even1 = zero;
                FloatVector odd0 = zero;
                FloatVector odd1 = zero;
                for (int i = 0; i < 4; i++) {
                    int k = step * 256 + b * 32 + i * 8;
                    IntVector q0 = IntVector.fromArray(I, w, s + (5 + b * 4 + i) * GROUP);
                    IntVector q1 = IntVector.fromArray(I, w, s + (5 + b * 4 + i) * GROUP + LANES);
                    FloatVector x0 = FloatVector.broadcast(F, x[k]);
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
                scaled0 =
                        ((FloatVector) sm0.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(even0.add(odd0), scaled0);
                scaled1 =
                        ((FloatVector) sm1.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(even1.add(odd1), scaled1);
                sm0 = sm0.lanewise(LSHR, 8).lanewise(AND, byte0);
                sm1 = sm1.lanewise(LSHR, 8).lanewise(AND, byte0);
                min0 = ((FloatVector) sm0.convertShape(I2F, F, 0)).fma(sum, min0);
                min1 = ((FloatVector) sm1.convertShape(I2F, F, 0)).fma(sum, min1);
            }
            IntVector d0 = dm0.lanewise(LSHL, 16).lanewise(ASHR, 3).lanewise(AND, halfBits);
            IntVector d1 = dm1.lanewise(LSHL, 16).lanewise(ASHR, 3).lanewise(AND, halfBits);
            IntVector m0 = dm0.lanewise(ASHR, 3).lanewise(AND, halfBits);
            IntVector m1 = dm1.lanewise(ASHR, 3).lanewise(AND, halfBits);
            y0 = d0.reinterpretAsFloats().mul(halfScale).fma(scaled0, y0);
            y1 = d1.reinterpretAsFloats().mul(halfScale).fma(scaled1, y1);
            y0 = m0.reinterpretAsFloats().mul(halfScale).fma(min0, y0);
            y1 = m1.reinterpretAsFloats().mul(halfScale).fma(min1, y1);
        }
        y0.intoArray(y, yOffset);
        y1.intoArray(y, yOffset + LANES);
    }

    static void q5k(int[] w, int offset, int steps, float[] x, float[] sums, float[] y, int yOffset) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector y0 = zero;
        FloatVector y1 = zero;
        IntVector none = IntVector.broadcast(I, 0);
        IntVector five0 = IntVector.broadcast(I, 31);
        IntVector five1 = IntVector.broadcast(I, 31 << 5);
        IntVector five2 = IntVector.broadcast(I, 31 << 10);
        IntVector five3 = IntVector.broadcast(I, 31 << 16);
        IntVector five4 = IntVector.broadcast(I, 31 << 21);
        IntVector five5 = IntVector.broadcast(I, 31 << 26);
        IntVector spare = IntVector.broadcast(I, 0x80008000);
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q5K.stepWords;
            IntVector dm0 = IntVector.fromArray(I, w, s);
            IntVector dm1 = IntVector.fromArray(I, w, s + LANES);
            FloatVector scaled0 = zero;
            FloatVector scaled1 = zero;
            FloatVector min0 = zero;
            FloatVector min1 = zero;
            for (int b = 0; b < 8; b++) {
                int block = step * 256 + b * 32;
                FloatVector sum = FloatVector.broadcast(F, sums[step * 8 + b]);
                FloatVector x30 = FloatVector.broadcast(F, x[block + 30]);
                FloatVector x31 = FloatVector.broadcast(F, x[block + 31]);
                IntVector sm0 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP);
                IntVector sm1 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP + LANES);
                sm0 = sm0.lanewise(LSHR, b % 2 * 16);
                sm1 = sm1.lanewise(LSHR, b % 2 * 16);
                FloatVector even0 = zero;
                FloatVector even1 = zero;
                FloatVector odd0 = zero;
                FloatVector odd1 = zero;
                IntVector last0 = none;
                IntVector last1 = none;
                for (int i = 0; i < 5; i++) {
                    int k = block + i * 6;
                    IntVector q0 = IntVector.fromArray(I, w, s + (5 + b * 5 + i) * GROUP);
                    IntVector q1 = IntVector.fromArray(I, w, s + (5 + b * 5 + i) * GROUP + LANES);
                    FloatVector x0 = FloatVector.broadcast(F, x[k]);
                    FloatVector x1 = FloatVector.broadcast(F, x[k + 1]);
                    FloatVector x2 = FloatVector.broadcast(F, x[k + 2]);
                    FloatVector x3 = FloatVector.broadcast(F, x[k + 3]);
                    FloatVector x4 = FloatVector.broadcast(F, x[k + 4]);
                    FloatVector x5 = FloatVector.broadcast(F, x[k + 5]);
                    even0 = ((FloatVector) q0.lanewise(AND, five0).convertShape(I2F, F, 0)).fma(x0, even0);
                    even1 = ((FloatVector) q1.lanewise(AND, five0).convertShape(I2F, F, 0)).fma(x0, even1);
                    odd0 = ((FloatVector) q0.lanewise(AND, five1).convertShape(I2F, F, 0)).fma(x1, odd0);
                    odd1 = ((FloatVector) q1.lanewise(AND, five1).convertShape(I2F, F, 0)).fma(x1, odd1);
                    even0 = ((FloatVector) q0.lanewise(AND, five2).convertShape(I2F, F, 0)).fma(x2, even0);
                    even1 = ((FloatVector) q1.lanewise(AND, five2).convertShape(I2F, F, 0)).fma(x2, even1);
                    odd0 = ((FloatVector) q0.lanewise(AND, five3).convertShape(I2F, F, 0)).fma(x3, odd0);
                    odd1 = ((FloatVector) q1.lanewise(AND, five3).convertShape(I2F, F, 0)).fma(x3, odd1);
                    even0 = ((FloatVector) q0.lanewise(AND, five4).convertShape(I2F, F, 0)).fma(x4, even0);
                    even1 = ((FloatVector) q1.lanewise(AND, five4).convertShape(I2F, F, 0)).fma(x4, even1);
                    odd0 = ((FloatVector) q0.lanewise(AND, five5).convertShape(I2F, F, 0)).fma(x5, odd0);
                    odd1 = ((FloatVector) q1.lanewise(AND, five5).convertShape(I2F, F, 0)).fma(x5, odd1);
                    // Word i's bits end at 11 + i and 27 + i.
                    last0 = last0.lanewise(LSHR, 1).lanewise(OR, q0.lanewise(AND, spare));
                    last1 = last1.lanewise(LSHR, 1).lanewise(OR, q1.lanewise(AND, spare));
                }
                last0 = last0.lanewise(LSHR, 11);
                last1 = last1.lanewise(LSHR, 11);
                even0 = ((FloatVector) last0.lanewise(AND, five0).convertShape(I2F, F, 0)).fma(x30, even0);
                even1 = ((FloatVector) last1.lanewise(AND, five0).convertShape(I2F, F, 0)).fma(x30, even1);
                odd0 = ((FloatVector) last0.lanewise(AND, five3).convertShape(I2F, F, 0)).fma(x31, odd0);
                odd1 = ((FloatVector) last1.lanewise(AND, five3).convertShape(I2F, F, 0)).fma(x31, odd1);
                scaled0 =
                        ((FloatVector) sm0.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(even0.add(odd0), scaled0);
                scaled1 =
                        ((FloatVector) sm1.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(even1.add(odd1), scaled1);
                sm0 = sm0.lanewise(LSHR, 8).lanewise(AND, byte0);
                sm1 = sm1.lanewise(LSHR, 8).lanewise(AND, byte0);
                min0 = ((FloatVector) sm0.convertShape(I2F, F, 0)).fma(sum, min0);
                min1 = ((FloatVector) sm1.convertShape(I2F, F, 0)).fma(sum, min1);
            }
            IntVector d0 = dm0.lanewise(LSHL, 16).lanewise(ASHR, 3).lanewise(AND, halfBits);
            IntVector d1 = dm1.lanewise(LSHL, 16).lanewise(ASHR, 3).lanewise(AND, halfBits);
            IntVector m0 = dm0.lanewise(ASHR, 3).lanewise(AND, halfBits);
            IntVector m1 = dm1.lanewise(ASHR, 3).lanewise(AND, halfBits);
            y0 = d0.reinterpretAsFloats().mul(halfScale).fma(scaled0, y0);
            y1 = d1.reinterpretAsFloats().mul(halfScale).fma(scaled1, y1);
            y0 = m0.reinterpretAsFloats().mul(halfScale).fma(min0, y0);
            y1 = m1.reinterpretAsFloats().mul(halfScale).fma(min1, y1);
        }
        y0.intoArray(y, yOffset);
        y1.intoArray(y, yOffset + LANES);
    }

    static void q6k(int[] w, int offset, int steps, float[] x, float[] sums, float[] y, int yOffset) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector y0 = zero;
        FloatVector y1 = zero;
        IntVector none = IntVector.broadcast(I, 0);
        IntVector six0 = IntVector.broadcast(I, 63);
        IntVector six1 = IntVector.broadcast(I, 63 << 6);
        IntVector six2 = IntVector.broadcast(I, 63 << 16);
        IntVector six3 = IntVector.broadcast(I, 63 << 22);
        IntVector spare = IntVector.broadcast(I, 0xf000f000);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q6K.stepWords;
            IntVector d = IntVector.fromArray(I, w, s);
            FloatVector scaled0 = zero;
            FloatVector scaled1 = zero;
            for (int b = 0; b < 16; b++) {
                int block = step * 256 + b * 16;
                FloatVector x12 = FloatVector.broadcast(F, x[block + 12]);
                FloatVector x13 = FloatVector.broadcast(F, x[block + 13]);
                FloatVector x14 = FloatVector.broadcast(F, x[block + 14]);
                FloatVector x15 = FloatVector.broadcast(F, x[block + 15]);
                FloatVector even0 = FloatVector.broadcast(F, sums[step * 16 + b]);
                IntVector scale0 = IntVector.fromArray(I, w, s + LANES + b / 4 * GROUP);
                IntVector scale1 = IntVector.fromArray(I, w, s + LANES + b / 4 * GROUP + LANES);
                scale0 = scale0.lanewise(LSHL, 24 - b % 4 * 8).lanewise(ASHR, 24);
                scale1 = scale1.lanewise(LSHL, 24 - b % 4 * 8).lanewise(ASHR, 24);
                FloatVector even1 = even0;
                FloatVector odd0 = zero;
                FloatVector odd1 = zero;
                IntVector last0 = none;
                IntVector last1 = none;
                for (int i = 0; i < 3; i++) {
                    int k = block + i * 4;
                    IntVector q0 = IntVector.fromArray(I, w, s + LANES + (4 + b * 3 + i) * GROUP);
                    IntVector q1 = IntVector.fromArray(I, w, s + LANES + (4 + b * 3 + i) * GROUP + LANES);
                    FloatVector x0 = FloatVector.broadcast(F, x[k]);
                    FloatVector x1 = FloatVector.broadcast(F, x[k + 1]);
                    FloatVector x2 = FloatVector.broadcast(F, x[k + 2]);
                    FloatVector x3 = FloatVector.broadcast(F, x[k + 3]);
                    even0 = ((FloatVector) q0.lanewise(AND, six0).convertShape(I2F, F, 0)).fma(x0, even0);
                    even1 = ((FloatVector) q1.lanewise(AND, six0).convertShape(I2F, F, 0)).fma(x0, even1);
                    odd0 = ((FloatVector) q0.lanewise(AND, six1).convertShape(I2F, F, 0)).fma(x1, odd0);
                    odd1 = ((FloatVector) q1.lanewise(AND, six1).convertShape(I2F, F, 0)).fma(x1, odd1);
                    even0 = ((FloatVector) q0.lanewise(AND, six2).convertShape(I2F, F, 0)).fma(x2, even0);
                    even1 = ((FloatVector) q1.lanewise(AND, six2).convertShape(I2F, F, 0)).fma(x2, even1);
                    odd0 = ((FloatVector) q0.lanewise(AND, six3).convertShape(I2F, F, 0)).fma(x3, odd0);
                    odd1 = ((FloatVector) q1.lanewise(AND, six3).convertShape(I2F, F, 0)).fma(x3, odd1);
                    // Word i's nibbles end at bits 4 + 4 i and 20 + 4 i.
                    last0 = last0.lanewise(LSHR, 4).lanewise(OR, q0.lanewise(AND, spare));
                    last1 = last1.lanewise(LSHR, 4).lanewise(OR, q1.lanewise(AND, spare));
                }
                last0 = last0.lanewise(LSHR, 4);
                last1 = last1.lanewise(LSHR, 4);
                even0 = ((FloatVector) last0.lanewise(AND, six0).convertShape(I2F, F, 0)).fma(x12, even0);
                even1 = ((FloatVector) last1.lanewise(AND, six0).convertShape(I2F, F, 0)).fma(x12, even1);
                odd0 = ((FloatVector) last0.lanewise(AND, six1).convertShape(I2F, F, 0)).fma(x13, odd0);
                odd1 = ((FloatVector) last1.lanewise(AND, six1).convertShape(I2F, F, 0)).fma(x13, odd1);
                even0 = ((FloatVector) last0.lanewise(AND, six2).convertShape(I2F, F, 0)).fma(x14, even0);
                even1 = ((FloatVector) last1.lanewise(AND, six2).convertShape(I2F, F, 0)).fma(x14, even1);
                odd0 = ((FloatVector) last0.lanewise(AND, six3).convertShape(I2F, F, 0)).fma(x15, odd0);
                odd1 = ((FloatVector) last1.lanewise(AND, six3).convertShape(I2F, F, 0)).fma(x15, odd1);
                scaled0 = ((FloatVector) scale0.convertShape(I2F, F, 0)).fma(even0.add(odd0), scaled0);
                scaled1 = ((FloatVector) scale1.convertShape(I2F, F, 0)).fma(even1.add(odd1), scaled1);
            }
            IntVector d0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).lanewise(AND, halfBits);
            IntVector d1 = d.lanewise(ASHR, 3).lanewise(AND, halfBits);
            y0 = d0.reinterpretAsFloats().mul(halfScale).fma(scaled0, y0);
            y1 = d1.reinterpretAsFloats().mul(halfScale).fma(scaled1, y1);
        }
        y0.intoArray(y, yOffset);
        y1.intoArray(y, yOffset + LANES);
    }
}
