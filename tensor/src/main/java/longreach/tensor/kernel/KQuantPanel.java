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
 * {@link Panel} for the formats with super-blocks of 256 columns. A scale times d and a product with it are exact in
 * f32, so a fused multiply-add gives the stored value's very bits. One vector of rows is unpacked after the other.
 */
final class KQuantPanel {
    private static final int HALF_BITS = 0x8fffe000;
    private static final float HALF_SCALE = 0x1p112f;

    private KQuantPanel() {}

    static void q4k(int[] w, int offset, int steps, float[] panel) {
        IntVector nibble = IntVector.broadcast(I, 15);
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        for (int step = 0; step < steps; step++) {
            for (int rows = 0; rows < GROUP; rows += LANES) {
                int s = offset + step * Format.Q4K.stepWords + rows;
                IntVector dm = IntVector.fromArray(I, w, s);
                IntVector dBits = dm.lanewise(LSHL, 16).lanewise(ASHR, 3).lanewise(AND, halfBits);
                IntVector mBits = dm.lanewise(ASHR, 3).lanewise(AND, halfBits);
                FloatVector d = dBits.reinterpretAsFloats().mul(halfScale);
                FloatVector m = mBits.reinterpretAsFloats().mul(halfScale).neg();
                for (int b = 0; b < 8; b++) {
                    IntVector sm = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP);
                    sm = sm.lanewise(LSHR, b % 2 * 16);
                    IntVector min = sm.lanewise(LSHR, 8).lanewise(AND, byte0);
                    FloatVector scale = ((FloatVector) sm.lanewise(AND, byte0).convertShape(I2F, F, 0)).mul(d);
                    FloatVector low = ((FloatVector) min.convertShape(I2F, F, 0)).mul(m);
                    for (int i = 0; i < 4; i++) {
                        IntVector q = IntVector.fromArray(I, w, s + (5 + b * 4 + i) * GROUP);
                        int o = (step * 256 + b * 32 + i * 8) * GROUP + rows;
                        for (int n = 0; n < 8; n++) {
                            FloatVector f =
                                    (FloatVector) q.lanewise(AND, nibble).convertShape(I2F, F, 0);
                            f.fma(scale, low).intoArray(panel, o + n * GROUP);
                            q = q.lanewise(LSHR, 4);
                        }
                    }
                }
            }
        }
    }

    static void q5k(int[] w, int offset, int steps, float[] panel) {
        IntVector none = IntVector.broadcast(I, 0);
        IntVector five = IntVector.broadcast(I, 31);
        IntVector spare = IntVector.broadcast(I, 0x80008000);
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        for (int step = 0; step < steps; step++) {
            for (int rows = 0; rows < GROUP; rows += LANES) {
                int s = offset + step * Format.Q5K.stepWords + rows;
                IntVector dm = IntVector.fromArray(I, w, s);
                IntVector dBits = dm.lanewise(LSHL, 16).lanewise(ASHR, 3).lanewise(AND, halfBits);
                IntVector mBits = dm.lanewise(ASHR, 3).lanewise(AND, halfBits);
                FloatVector d = dBits.reinterpretAsFloats().mul(halfScale);
                FloatVector m = mBits.reinterpretAsFloats().mul(halfScale).neg();
                for (int b = 0; b < 8; b++) {
                    IntVector sm = IntVector.fromArray(I, w, s + (1 + b / 2) * GROUP);
                    sm = sm.lanewise(LSHR, b % 2 * 16);
                    IntVector min = sm.lanewise(LSHR, 8).lanewise(AND, byte0);
                    FloatVector scale = ((FloatVector) sm.lanewise(AND, byte0).convertShape(I2F, F, 0)).mul(d);
                    FloatVector low = ((FloatVector) min.convertShape(I2F, F, 0)).mul(m);
                    int o = (step * 256 + b * 32) * GROUP + rows;
                    IntVector last = none;
                    for (int i = 0; i < 5; i++) {
                        IntVector q = IntVector.fromArray(I, w, s + (5 + b * 5 + i) * GROUP);
                        last = last.lanewise(LSHR, 1).lanewise(OR, q.lanewise(AND, spare));
                        for (int n = 0; n < 6; n++) {
                            FloatVector f = (FloatVector) q.lanewise(AND, five).convertShape(I2F, F, 0);
                            f.fma(scale, low).intoArray(panel, o + (i * 6 + n) * GROUP);
                            // The fourth value begins at bit 16, after a spare bit.
                            q = q.lanewise(LSHR, n == 2 ? 6 : 5);
                        }
                    }
                    IntVector q30 = last.lanewise(LSHR, 11).lanewise(AND, five);
                    IntVector q31 = last.lanewise(LSHR, 27);
                    ((FloatVector) q30.convertShape(I2F, F, 0)).fma(scale, low).intoArray(panel, o + 30 * GROUP);
                    ((FloatVector) q31.convertShape(I2F, F, 0)).fma(scale, low).intoArray(panel, o + 31 * GROUP);
                }
            }
        }
    }

    static void q6k(int[] w, int offset, int steps, float[] panel) {
        IntVector none = IntVector.broadcast(I, 0);
        IntVector six = IntVector.broadcast(I, 63);
        IntVector spare = IntVector.broadcast(I, 0xf000f000);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        FloatVector bias = FloatVector.broadcast(F, 32);
        for (int step = 0; step < steps; step++) {
            for (int rows = 0; rows < GROUP; rows += LANES) {
                int s = offset + step * Format.Q6K.stepWords;
                IntVector dBits = IntVector.fromArray(I, w, s).lanewise(LSHL, rows == 0 ? 16 : 0);
                dBits = dBits.lanewise(ASHR, 3).lanewise(AND, halfBits);
                FloatVector d = dBits.reinterpretAsFloats().mul(halfScale);
                for (int b = 0; b < 16; b++) {
                    int block = s + LANES + (4 + b * 3) * GROUP + rows;
                    int o = (step * 256 + b * 16) * GROUP + rows;
                    IntVector scales = IntVector.fromArray(I, w, s + LANES + b / 4 * GROUP + rows);
                    scales = scales.lanewise(LSHL, 24 - b % 4 * 8).lanewise(ASHR, 24);
                    FloatVector scale = ((FloatVector) scales.convertShape(I2F, F, 0)).mul(d);
                    IntVector last = none;
                    for (int i = 0; i < 4; i++) {
                        // The fourth word is made of the spare nibbles of the three before it.
                        IntVector q = last.lanewise(LSHR, 4);
                        if (i < 3) {
                            q = IntVector.fromArray(I, w, block + i * GROUP);
                            last = last.lanewise(LSHR, 4).lanewise(OR, q.lanewise(AND, spare));
                        }
                        IntVector q1 = q.lanewise(LSHR, 6).lanewise(AND, six);
                        IntVector q2 = q.lanewise(LSHR, 16).lanewise(AND, six);
                        IntVector q3 = q.lanewise(LSHR, 22).lanewise(AND, six);
                        FloatVector f0 = (FloatVector) q.lanewise(AND, six).convertShape(I2F, F, 0);
                        FloatVector f1 = (FloatVector) q1.convertShape(I2F, F, 0);
                        FloatVector f2 = (FloatVector) q2.convertShape(I2F, F, 0);
                        FloatVector f3 = (FloatVector) q3.convertShape(I2F, F, 0);
                        f0.sub(bias).mul(scale).intoArray(panel, o + (i * 4) * GROUP);
                        f1.sub(bias).mul(scale).intoArray(panel, o + (i * 4 + 1) * GROUP);
                        f2.sub(bias).mul(scale).intoArray(panel, o + (i * 4 + 2) * GROUP);
                        f3.sub(bias).mul(scale).intoArray(panel, o + (i * 4 + 3) * GROUP);
                    }
                }
            }
        }
    }
}
