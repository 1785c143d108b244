package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static longreach.tensor.kernel.Gemv.HALF_AFTER;
import static longreach.tensor.kernel.Gemv.HALF_BITS;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import longreach.tensor.kernel.PackedMatrix.Format;

/**
 * {@link Gemv} for two groups at once, each with the same result to the last bit as alone. One token's products wait for
 * memory more than for arithmetic, and a processor fetches ahead along each run of addresses that it has seen: two groups that
 * lie far apart are two runs.
 */
final class GemvPair {
    /** Whether this pays: the sums want more than the sixteen registers that narrower vectors have. */
    static final boolean PAYS = LANES == 16;

    private GemvPair() {}

    /**
     * {@link Gemv#groupRounded} for two groups of matrices that have the same columns.
     *
     * @param ya receives the first group's rows from {@code aOffset} on, {@code yb} the second's from {@code bOffset} on
     */
    static void rounded(
            PackedMatrix a,
            int aGroup,
            PackedMatrix b,
            int bGroup,
            int[] pairs,
            float[] scales,
            float[] sums,
            int token,
            float[] ya,
            int aOffset,
            float[] yb,
            int bOffset) {
        int[] wa = a.words(aGroup);
        int[] wb = b.words(bGroup);
        int aWords = a.offset(aGroup);
        int bWords = b.offset(bGroup);
        int steps = a.steps();
        int first = token * steps;
        FloatVector ya0 = FloatVector.zero(F);
        FloatVector ya1 = ya0;
        FloatVector yb0 = ya0;
        FloatVector yb1 = ya0;
        ShortVector nibble = IntVector.broadcast(I, 0x000f000f).reinterpretAsShorts();
        ShortVector none = IntVector.broadcast(I, 0).reinterpretAsShorts();
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfAfter = FloatVector.broadcast(F, HALF_AFTER);
        for (int step = 0; step < steps; step++) {
            int sa = aWords + step * Format.Q4.stepWords;
            int sb = bWords + step * Format.Q4.stepWords;
            IntVector dma0 = IntVector.fromArray(I, wa, sa);
            IntVector dma1 = IntVector.fromArray(I, wa, sa + LANES);
            IntVector dmb0 = IntVector.fromArray(I, wb, sb);
            IntVector dmb1 = IntVector.fromArray(I, wb, sb + LANES);
            FloatVector sum = FloatVector.broadcast(F, sums[first + step]);
            FloatVector scale = FloatVector.broadcast(F, scales[first + step]);
            ShortVector pa0 = none;
            ShortVector pa1 = none;
            ShortVector pb0 = none;
            ShortVector pb1 = none;
            for (int i = 0; i < 4; i++) {
                int k = (first + step) * 16 + i * 4;
                IntVector wa0 = IntVector.fromArray(I, wa, sa + (i + 1) * GROUP);
                IntVector wa1 = IntVector.fromArray(I, wa, sa + (i + 1) * GROUP + LANES);
                IntVector wb0 = IntVector.fromArray(I, wb, sb + (i + 1) * GROUP);
                IntVector wb1 = IntVector.fromArray(I, wb, sb + (i + 1) * GROUP + LANES);
                IntVector i0 = IntVector.broadcast(I, pairs[k]);
                IntVector i1 = IntVector.broadcast(I, pairs[k + 1]);
                IntVector i2 = IntVector.broadcast(I, pairs[k + 2]);
                IntVector i3 = IntVector.broadcast(I, pairs[k + 3]);
                ShortVector qa0 = wa0.reinterpretAsShorts();
                ShortVector qa1 = wa1.reinterpretAsShorts();
                ShortVector qb0 = wb0.reinterpretAsShorts();
                ShortVector qb1 = wb1.reinterpretAsShorts();
                ShortVector a0 = i0.reinterpretAsShorts();
                ShortVector a1 = i1.reinterpretAsShorts();
                ShortVector a2 = i2.reinterpretAsShorts();
                ShortVector a3 = i3.reinterpretAsShorts();
                pa0 = pa0.add(qa0.lanewise(AND, nibble).mul(a0));
                pa1 = pa1.add(qa1.lanewise(AND, nibble).mul(a0));
                pb0 = pb0.add(qb0.lanewise(AND, nibble).mul(a0));
                pb1 = pb1.add(qb1.lanewise(AND, nibble).mul(a0));
                pa0 = pa0.add(qa0.lanewise(LSHR, 4).lanewise(AND, nibble).mul(a1));
                pa1 = pa1.add(qa1.lanewise(LSHR, 4).lanewise(AND, nibble).mul(a1));
                pb0 = pb0.add(qb0.lanewise(LSHR, 4).lanewise(AND, nibble).mul(a1));
                pb1 = pb1.add(qb1.lanewise(LSHR, 4).lanewise(AND, nibble).mul(a1));
                pa0 = pa0.add(qa0.lanewise(LSHR, 8).lanewise(AND, nibble).mul(a2));
                pa1 = pa1.add(qa1.lanewise(LSHR, 8).lanewise(AND, nibble).mul(a2));
                pb0 = pb0.add(qb0.lanewise(LSHR, 8).lanewise(AND, nibble).mul(a2));
                pb1 = pb1.add(qb1.lanewise(LSHR, 8).lanewise(AND, nibble).mul(a2));
                pa0 = pa0.add(qa0.lanewise(LSHR, 12).mul(a3));
                pa1 = pa1.add(qa1.lanewise(LSHR, 12).mul(a3));
                pb0 = pb0.add(qb0.lanewise(LSHR, 12).mul(a3));
                pb1 = pb1.add(qb1.lanewise(LSHR, 12).mul(a3));
            }
            IntVector sa0 = pa0.reinterpretAsInts();
            IntVector sa1 = pa1.reinterpretAsInts();
            IntVector sb0 = pb0.reinterpretAsInts();
            IntVector sb1 = pb1.reinterpretAsInts();
            sa0 = sa0.lanewise(LSHL, 16).lanewise(ASHR, 16).add(sa0.lanewise(ASHR, 16));
            sa1 = sa1.lanewise(LSHL, 16).lanewise(ASHR, 16).add(sa1.lanewise(ASHR, 16));
            sb0 = sb0.lanewise(LSHL, 16).lanewise(ASHR, 16).add(sb0.lanewise(ASHR, 16));
            sb1 = sb1.lanewise(LSHL, 16).lanewise(ASHR, 16).add(sb1.lanewise(ASHR, 16));
            ya0 = ((FloatVector) sa0.convertShape(I2F, F, 0))
                    .mul(scale)
                    .fma(
                            dma0.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            ya0);
            ya0 = dma0.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, ya0);
            ya1 = ((FloatVector) sa1.convertShape(I2F, F, 0))
                    .mul(scale)
                    .fma(
                            dma1.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            ya1);
            ya1 = dma1.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, ya1);
            yb0 = ((FloatVector) sb0.convertShape(I2F, F, 0))
                    .mul(scale)
                    .fma(
                            dmb0.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            yb0);
            yb0 = dmb0.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, yb0);
            yb1 = ((FloatVector) sb1.convertShape(I2F, F, 0))
                    .mul(scale)
                    .fma(
                            dmb1.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            yb1);
            yb1 = dmb1.lanewise(ASHR, 3)
                    .lanewise(AND, halfBits)
                    .reinterpretAsFloats()
                    .fma(sum, yb1);
        }
        ya0.mul(halfAfter).intoArray(ya, aOffset);
        ya1.mul(halfAfter).intoArray(ya, aOffset + LANES);
        yb0.mul(halfAfter).intoArray(yb, bOffset);
        yb1.mul(halfAfter).intoArray(yb, bOffset + LANES);
    }

    /** {@link Gemv#group} for two groups of one matrix of {@link Format#Q8}. */
    static void bytes(
            PackedMatrix matrix, int aGroup, int bGroup, float[] x, float[] sums, float[] y, int aOffset, int bOffset) {
        int[] wa = matrix.words(aGroup);
        int[] wb = matrix.words(bGroup);
        int aWords = matrix.offset(aGroup);
        int bWords = matrix.offset(bGroup);
        int steps = matrix.steps();
        FloatVector zero = FloatVector.zero(F);
        FloatVector ya0 = zero;
        FloatVector ya1 = zero;
        FloatVector yb0 = zero;
        FloatVector yb1 = zero;
        IntVector byte0 = IntVector.broadcast(I, 0xff);
        IntVector byte1 = IntVector.broadcast(I, 0xff00);
        IntVector byte2 = IntVector.broadcast(I, 0xff0000);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfAfter = FloatVector.broadcast(F, HALF_AFTER);
        for (int step = 0; step < steps; step++) {
            int sa = aWords + step * Format.Q8.stepWords;
            int sb = bWords + step * Format.Q8.stepWords;
            IntVector da = IntVector.fromArray(I, wa, sa);
            IntVector db = IntVector.fromArray(I, wb, sb);
            FloatVector evena0 = FloatVector.broadcast(F, sums[step]);
            FloatVector evena1 = evena0;
            FloatVector evenb0 = evena0;
            FloatVector evenb1 = evena0;
            FloatVector odda0 = zero;
            FloatVector odda1 = zero;
            FloatVector oddb0 = zero;
            FloatVector oddb1 = zero;
            for (int i = 0; i < 8; i++) {
                int k = step * 32 + i * 4;
                IntVector qa0 = IntVector.fromArray(I, wa, sa + LANES + i * GROUP);
                IntVector qa1 = IntVector.fromArray(I, wa, sa + LANES + i * GROUP + LANES);
                IntVector qb0 = IntVector.fromArray(I, wb, sb + LANES + i * GROUP);
                IntVector qb1 = IntVector.fromArray(I, wb, sb + LANES + i * GROUP + LANES);
                FloatVector x0 = FloatVector.broadcast(F, x[k + 0]);
                FloatVector x1 = FloatVector.broadcast(F, x[k + 1]);
                FloatVector x2 = FloatVector.broadcast(F, x[k + 2]);
                FloatVector x3 = FloatVector.broadcast(F, x[k + 3]);
                evena0 = ((FloatVector) qa0.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(x0, evena0);
                evena1 = ((FloatVector) qa1.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(x0, evena1);
                evenb0 = ((FloatVector) qb0.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(x0, evenb0);
                evenb1 = ((FloatVector) qb1.lanewise(AND, byte0).convertShape(I2F, F, 0)).fma(x0, evenb1);
                odda0 = ((FloatVector) qa0.lanewise(AND, byte1).convertShape(I2F, F, 0)).fma(x1, odda0);
                odda1 = ((FloatVector) qa1.lanewise(AND, byte1).convertShape(I2F, F, 0)).fma(x1, odda1);
                oddb0 = ((FloatVector) qb0.lanewise(AND, byte1).convertShape(I2F, F, 0)).fma(x1, oddb0);
                oddb1 = ((FloatVector) qb1.lanewise(AND, byte1).convertShape(I2F, F, 0)).fma(x1, oddb1);
                evena0 = ((FloatVector) qa0.lanewise(AND, byte2).convertShape(I2F, F, 0)).fma(x2, evena0);
                evena1 = ((FloatVector) qa1.lanewise(AND, byte2).convertShape(I2F, F, 0)).fma(x2, evena1);
                evenb0 = ((FloatVector) qb0.lanewise(AND, byte2).convertShape(I2F, F, 0)).fma(x2, evenb0);
                evenb1 = ((FloatVector) qb1.lanewise(AND, byte2).convertShape(I2F, F, 0)).fma(x2, evenb1);
                odda0 = ((FloatVector) qa0.lanewise(LSHR, 24).convertShape(I2F, F, 0)).fma(x3, odda0);
                odda1 = ((FloatVector) qa1.lanewise(LSHR, 24).convertShape(I2F, F, 0)).fma(x3, odda1);
                oddb0 = ((FloatVector) qb0.lanewise(LSHR, 24).convertShape(I2F, F, 0)).fma(x3, oddb0);
                oddb1 = ((FloatVector) qb1.lanewise(LSHR, 24).convertShape(I2F, F, 0)).fma(x3, oddb1);
            }
            ya0 = evena0.add(odda0)
                    .fma(
                            da.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            ya0);
            ya1 = evena1.add(odda1)
                    .fma(da.lanewise(ASHR, 3).lanewise(AND, halfBits).reinterpretAsFloats(), ya1);
            yb0 = evenb0.add(oddb0)
                    .fma(
                            db.lanewise(LSHL, 16)
                                    .lanewise(ASHR, 3)
                                    .lanewise(AND, halfBits)
                                    .reinterpretAsFloats(),
                            yb0);
            yb1 = evenb1.add(oddb1)
                    .fma(db.lanewise(ASHR, 3).lanewise(AND, halfBits).reinterpretAsFloats(), yb1);
        }
        ya0.mul(halfAfter).intoArray(y, aOffset);
        ya1.mul(halfAfter).intoArray(y, aOffset + LANES);
        yb0.mul(halfAfter).intoArray(y, bOffset);
        yb1.mul(halfAfter).intoArray(y, bOffset + LANES);
    }
}
