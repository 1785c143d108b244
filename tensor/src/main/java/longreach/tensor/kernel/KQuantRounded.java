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
import jdk.incubator.vector.ShortVector;
import longreach.tensor.kernel.PackedMatrix.Format;

/**
 * {@link KQuantGemv} for activations rounded to eight bits per 32 columns, in sixteen-bit lanes: twice as many products
 * at once. Values of 5 and 6 bits would overflow a lane's sum; 16 or 32 less each, they do not, and since lanes wrap,
 * taking that multiple of the activations' sum away before anything is added gives the same.
 */
final class KQuantRounded {
    private static final int HALF_BITS = 0x8fffe000;
    private static final float HALF_SCALE = 0x1p112f;

    private KQuantRounded() {}

    /** Whether a format has these kernels. */
    static boolean knows(Format format) {
        return format == Format.Q4K || format == Format.Q5K || format == Format.Q6K;
    }

    /** Activations of one token as {@link #group} wants them: x = scale * a with |a| <= 127, per 32 columns. */
    static final class Activations {
        private int[] pairs = new int[0];
        private int[] biases = new int[0];
        private float[] scales = new float[0];
        private float[] sums = new float[0];
        private final int[] a = new int[32];

        /** Rounds one token for the matrices of one format; grows to the longest. */
        void round(PackedMatrix w, float[] x, int xOffset) {
            int blocks = w.paddedCols() / 32;
            if (scales.length < blocks) {
                pairs = new int[16 * blocks];
                biases = new int[2 * blocks];
                scales = new float[blocks];
                sums = new float[blocks];
            }
            for (int b = 0; b < blocks; b++) {
                int from = xOffset + b * 32;
                float max = 0;
                float sum = 0;
                for (int k = from; k < from + 32; k++) {
                    max = Math.max(max, Math.abs(x[k]));
                    sum += x[k];
                }
                float inverse = max == 0 ? 0 : 127 / max;
                scales[b] = max / 127;
                sums[b] = -sum;
                for (int k = 0; k < 32; k++) {
                    a[k] = Math.round(x[from + k] * inverse);
                }
                switch (w.format()) {
                    case Q4K -> pair(b, 0, 32, 8, 0);
                    case Q5K -> {
                        pair(b, 0, 30, 6, 16);
                        pairs[b * 16 + 15] = word(a[30], a[31]);
                        int low = (short) biases[2 * b] - 16 * a[30];
                        int high = (biases[2 * b] >> 16) - 16 * a[31];
                        biases[2 * b] = word(low, high);
                        biases[2 * b + 1] = -(low + high);
                    }
                    case Q6K -> {
                        pair(b, 0, 16, 4, 32);
                        pair(b, 1, 16, 4, 32);
                    }
                    case Q4, Q8, F16, BF16, F32 -> throw new IllegalArgumentException("format: " + w.format());
                }
            }
        }

        /**
         * Pairs of columns that share a word of {@code perWord} values: the first half of them low, the others high. Part
         * {@code part} of {@code n} columns; its bias is minus {@code less} times the sums of the halves.
         */
        private void pair(int block, int part, int n, int perWord, int less) {
            int low = 0;
            int high = 0;
            int half = perWord / 2;
            for (int i = 0; i < n / 2; i++) {
                int k = part * n + i / half * perWord + i % half;
                pairs[block * 16 + part * n / 2 + i] = word(a[k], a[k + half]);
                low -= less * a[k];
                high -= less * a[k + half];
            }
            biases[2 * block + part] = word(low, high);
        }

        private static int word(int low, int high) {
            return low & 0xffff | high << 16;
        }
    }

    /** y[yOffset, yOffset + GROUP) = the group's rows times the token that was rounded last. */
    static void group(PackedMatrix w, int group, Activations x, float[] y, int yOffset) {
        int[] words = w.words(group);
        int offset = w.offset(group);
        switch (w.format()) {
            case Q4K -> q4k(words, offset, w.steps(), x.pairs, x.scales, x.sums, y, yOffset);
            case Q5K -> q5k(words, offset, w.steps(), x.pairs, x.biases, x.scales, x.sums, y, yOffset);
            case Q6K -> q6k(words, offset, w.steps(), x.pairs, x.biases, x.scales, y, yOffset);
            case Q4, Q8, F16, BF16, F32 -> throw new IllegalArgumentException("format: " + w.format());
        }
    }

    private static void q4k(
            int[] w, int offset, int steps, int[] pairs, float[] scales, float[] sums, float[] y, int yOffset) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector y0 = zero;
        FloatVector y1 = zero;
        IntVector none = IntVector.broadcast(I, 0);
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        ShortVector nibble = IntVector.broadcast(I, 0x000f000f).reinterpretAsShorts();
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
                FloatVector scale = FloatVector.broadcast(F, scales[step * 8 + b]);
                IntVector sm0 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP);
                IntVector sm1 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP + LANES);
                sm0 = sm0.lanewise(LSHR, b % 2 * 16);
                sm1 = sm1.lanewise(LSHR, b % 2 * 16);
                ShortVector p0 = none.reinterpretAsShorts();
                ShortVector p1 = p0;
                for (int i = 0; i < 4; i++) {
                    int k = (step * 8 + b) * 16 + i * 4;
                    ShortVector q0 = IntVector.fromArray(I, w, s + (5 + b * 4 + i) * GROUP)
                            .reinterpretAsShorts();
                    ShortVector q1 = IntVector.fromArray(I, w, s + (5 + b * 4 + i) * GROUP + LANES)
                            .reinterpretAsShorts();
                    ShortVector a0 = IntVector.broadcast(I, pairs[k]).reinterpretAsShorts();
                    ShortVector a1 = IntVector.broadcast(I, pairs[k + 1]).reinterpretAsShorts();
                    ShortVector a2 = IntVector.broadcast(I, pairs[k + 2]).reinterpretAsShorts();
                    ShortVector a3 = IntVector.broadcast(I, pairs[k + 3]).reinterpretAsShorts();
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
                scaled0 = ((FloatVector) sm0.lanewise(AND, byte0).convertShape(I2F, F, 0))
                        .fma(((FloatVector) s0.convertShape(I2F, F, 0)).mul(scale), scaled0);
                scaled1 = ((FloatVector) sm1.lanewise(AND, byte0).convertShape(I2F, F, 0))
                        .fma(((FloatVector) s1.convertShape(I2F, F, 0)).mul(scale), scaled1);
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

    private static void q5k(
            int[] w,
            int offset,
            int steps,
            int[] pairs,
            int[] biases,
            float[] scales,
            float[] sums,
            float[] y,
            int yOffset) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector y0 = zero;
        FloatVector y1 = zero;
        IntVector none = IntVector.broadcast(I, 0);
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        ShortVector five = IntVector.broadcast(I, 0x001f001f).reinterpretAsShorts();
        ShortVector spare = IntVector.broadcast(I, 0x80008000).reinterpretAsShorts();
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q5K.stepWords;
            IntVector dm0 = IntVector.fromArray(I, w, s);
            IntVector dm1 = IntVector.fromArray(I, w, s + LANES);
            FloatVector scaled0 = zero;
            FloatVector scaled1 = zero;
            FloatVector min0 = zero;
            FloatVector min1 = zero;
            for (int b = 0; b < 8; b++) {
                int block = step * 8 + b;
                FloatVector sum = FloatVector.broadcast(F, sums[block]);
                FloatVector scale = FloatVector.broadcast(F, scales[block]);
                IntVector back = IntVector.broadcast(I, biases[2 * block + 1]);
                ShortVector p0 = IntVector.broadcast(I, biases[2 * block]).reinterpretAsShorts();
                ShortVector a15 = IntVector.broadcast(I, pairs[block * 16 + 15]).reinterpretAsShorts();
                IntVector sm0 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP);
                IntVector sm1 = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP + LANES);
                sm0 = sm0.lanewise(LSHR, b % 2 * 16);
                sm1 = sm1.lanewise(LSHR, b % 2 * 16);
                ShortVector p1 = p0;
                ShortVector last0 = none.reinterpretAsShorts();
                ShortVector last1 = last0;
                for (int i = 0; i < 5; i++) {
                    int k = block * 16 + i * 3;
                    ShortVector q0 = IntVector.fromArray(I, w, s + (5 + b * 5 + i) * GROUP)
                            .reinterpretAsShorts();
                    ShortVector q1 = IntVector.fromArray(I, w, s + (5 + b * 5 + i) * GROUP + LANES)
                            .reinterpretAsShorts();
                    ShortVector a0 = IntVector.broadcast(I, pairs[k]).reinterpretAsShorts();
                    ShortVector a1 = IntVector.broadcast(I, pairs[k + 1]).reinterpretAsShorts();
                    ShortVector a2 = IntVector.broadcast(I, pairs[k + 2]).reinterpretAsShorts();
                    p0 = p0.add(q0.lanewise(AND, five).mul(a0));
                    p1 = p1.add(q1.lanewise(AND, five).mul(a0));
                    p0 = p0.add(q0.lanewise(LSHR, 5).lanewise(AND, five).mul(a1));
                    p1 = p1.add(q1.lanewise(LSHR, 5).lanewise(AND, five).mul(a1));
                    p0 = p0.add(q0.lanewise(LSHR, 10).lanewise(AND, five).mul(a2));
                    p1 = p1.add(q1.lanewise(LSHR, 10).lanewise(AND, five).mul(a2));
                    last0 = last0.lanewise(LSHR, 1).lanewise(OR, q0.lanewise(AND, spare));
                    last1 = last1.lanewise(LSHR, 1).lanewise(OR, q1.lanewise(AND, spare));
                }
                p0 = p0.add(last0.lanewise(LSHR, 11).mul(a15));
                p1 = p1.add(last1.lanewise(LSHR, 11).mul(a15));
                IntVector s0 = p0.reinterpretAsInts();
                IntVector s1 = p1.reinterpretAsInts();
                s0 = s0.lanewise(LSHL, 16)
                        .lanewise(ASHR, 16)
                        .add(s0.lanewise(ASHR, 16))
                        .add(back);
                s1 = s1.lanewise(LSHL, 16)
                        .lanewise(ASHR, 16)
                        .add(s1.lanewise(ASHR, 16))
                        .add(back);
                scaled0 = ((FloatVector) sm0.lanewise(AND, byte0).convertShape(I2F, F, 0))
                        .fma(((FloatVector) s0.convertShape(I2F, F, 0)).mul(scale), scaled0);
                scaled1 = ((FloatVector) sm1.lanewise(AND, byte0).convertShape(I2F, F, 0))
                        .fma(((FloatVector) s1.convertShape(I2F, F, 0)).mul(scale), scaled1);
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

    private static void q6k(
            int[] w, int offset, int steps, int[] pairs, int[] biases, float[] scales, float[] y, int yOffset) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector y0 = zero;
        FloatVector y1 = zero;
        IntVector none = IntVector.broadcast(I, 0);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        ShortVector six = IntVector.broadcast(I, 0x003f003f).reinterpretAsShorts();
        ShortVector spare = IntVector.broadcast(I, 0xf000f000).reinterpretAsShorts();
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q6K.stepWords;
            IntVector d = IntVector.fromArray(I, w, s);
            FloatVector scaled0 = zero;
            FloatVector scaled1 = zero;
            for (int b = 0; b < 8; b++) {
                FloatVector scale = FloatVector.broadcast(F, scales[step * 8 + b]);
                IntVector sum0 = none;
                IntVector sum1 = none;
                // Two blocks of 16 columns share a scale of the activations.
                for (int part = 0; part < 2; part++) {
                    int block = b * 2 + part;
                    int k = (step * 16 + block) * 8;
                    ShortVector p0 =
                            IntVector.broadcast(I, biases[step * 16 + block]).reinterpretAsShorts();
                    ShortVector a6 = IntVector.broadcast(I, pairs[k + 6]).reinterpretAsShorts();
                    ShortVector a7 = IntVector.broadcast(I, pairs[k + 7]).reinterpretAsShorts();
                    IntVector scale0 = IntVector.fromArray(I, w, s + LANES + block / 4 * GROUP);
                    IntVector scale1 = IntVector.fromArray(I, w, s + LANES + block / 4 * GROUP + LANES);
                    scale0 = scale0.lanewise(LSHL, 24 - block % 4 * 8).lanewise(ASHR, 24);
                    scale1 = scale1.lanewise(LSHL, 24 - block % 4 * 8).lanewise(ASHR, 24);
                    ShortVector p1 = p0;
                    ShortVector last0 = none.reinterpretAsShorts();
                    ShortVector last1 = last0;
                    for (int i = 0; i < 3; i++) {
                        int at = s + LANES + (4 + block * 3 + i) * GROUP;
                        ShortVector q0 = IntVector.fromArray(I, w, at).reinterpretAsShorts();
                        ShortVector q1 = IntVector.fromArray(I, w, at + LANES).reinterpretAsShorts();
                        ShortVector a0 =
                                IntVector.broadcast(I, pairs[k + 2 * i]).reinterpretAsShorts();
                        ShortVector a1 =
                                IntVector.broadcast(I, pairs[k + 2 * i + 1]).reinterpretAsShorts();
                        p0 = p0.add(q0.lanewise(AND, six).mul(a0));
                        p1 = p1.add(q1.lanewise(AND, six).mul(a0));
                        p0 = p0.add(q0.lanewise(LSHR, 6).lanewise(AND, six).mul(a1));
                        p1 = p1.add(q1.lanewise(LSHR, 6).lanewise(AND, six).mul(a1));
                        last0 = last0.lanewise(LSHR, 4).lanewise(OR, q0.lanewise(AND, spare));
                        last1 = last1.lanewise(LSHR, 4).lanewise(OR, q1.lanewise(AND, spare));
                    }
                    last0 = last0.lanewise(LSHR, 4);
                    last1 = last1.lanewise(LSHR, 4);
                    p0 = p0.add(last0.lanewise(AND, six).mul(a6));
                    p1 = p1.add(last1.lanewise(AND, six).mul(a6));
                    p0 = p0.add(last0.lanewise(LSHR, 6).mul(a7));
                    p1 = p1.add(last1.lanewise(LSHR, 6).mul(a7));
                    IntVector s0 = p0.reinterpretAsInts();
                    IntVector s1 = p1.reinterpretAsInts();
                    s0 = s0.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s0.lanewise(ASHR, 16));
                    s1 = s1.lanewise(LSHL, 16).lanewise(ASHR, 16).add(s1.lanewise(ASHR, 16));
                    sum0 = sum0.add(s0.mul(scale0));
                    sum1 = sum1.add(s1.mul(scale1));
                }
                scaled0 = ((FloatVector) sum0.convertShape(I2F, F, 0)).fma(scale, scaled0);
                scaled1 = ((FloatVector) sum1.convertShape(I2F, F, 0)).fma(scale, scaled1);
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
