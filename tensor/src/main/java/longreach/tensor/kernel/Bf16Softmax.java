package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;

/**
 * The softmax between the two bf16 products of attention, over one row of scores where oneDNN left them: its maximum, then
 * its weights, written where the second product reads them. Scores outside of the range that a row sees count as
 * -infinity, so a row's results do not depend on how many there are.
 */
final class Bf16Softmax {
    private static final float ROUNDER = 0x1.8p23f;
    private static final float LOG2_E = 1.44269504f;
    private static final float EXP_MIN = -87;
    // 2^r for |r| <= 1/2, relative error below 2.9e-6: least squares, weighted until the error was even. A weight keeps
    // eight
    // bits of it.
    private static final float C1 = 0.6931241750717163f;
    private static final float C2 = 0.24024099111557007f;
    private static final float C3 = 0.055906426161527634f;
    private static final float C4 = 0.009582849219441414f;

    private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

    private Bf16Softmax() {}

    /**
     * The largest of scores [from, to), from < to, of the row that begins at byte {@code at}. What shares a vector with them
     * is overwritten with -infinity.
     */
    static float max(MemorySegment scores, long at, int from, int to) {
        int first = from / LANES * LANES;
        int end = (to + LANES - 1) / LANES * LANES;
        for (int p = first; p < from; p++) {
            scores.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 4L * p, Float.NEGATIVE_INFINITY);
        }
        for (int p = to; p < end; p++) {
            scores.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 4L * p, Float.NEGATIVE_INFINITY);
        }
        FloatVector max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        for (int p = first; p < end; p += LANES) {
            max = max.max(FloatVector.fromMemorySegment(F, scores, at + 4L * p, NATIVE));
        }
        return max.reduceLanes(jdk.incubator.vector.VectorOperators.MAX);
    }

    /**
     * Weights e^(score - max) of positions [from, to) in bf16 from byte {@code target} on, halves away from zero; exactly 0
     * below e^-87 and for the other positions of a page. After {@link #max} of the same range.
     *
     * @return the sum of the weights before they are rounded
     */
    static float weights(
            MemorySegment scores, long at, int from, int to, float max, MemorySegment weights, long target) {
        FloatVector rounder = FloatVector.broadcast(F, ROUNDER);
        FloatVector log2e = FloatVector.broadcast(F, LOG2_E);
        FloatVector largest = FloatVector.broadcast(F, max);
        FloatVector least = FloatVector.broadcast(F, EXP_MIN);
        FloatVector zero = FloatVector.zero(F);
        FloatVector one = FloatVector.broadcast(F, 1);
        FloatVector c1 = FloatVector.broadcast(F, C1);
        FloatVector c2 = FloatVector.broadcast(F, C2);
        FloatVector c3 = FloatVector.broadcast(F, C3);
        FloatVector c4 = FloatVector.broadcast(F, C4);
        IntVector half = IntVector.broadcast(Lanes.I, 0x8000);
        FloatVector sum = zero;
        int first = from / LANES * LANES;
        int end = (to + LANES - 1) / LANES * LANES;
        for (int p = first; p < end; p += LANES) {
            FloatVector d = FloatVector.fromMemorySegment(F, scores, at + 4L * p, NATIVE)
                    .sub(largest);
            VectorMask<Float> under = d.compare(LT, least);
            FloatVector c = d.max(least);
            FloatVector shifted = c.fma(log2e, rounder);
            FloatVector r = c.fma(log2e, rounder.sub(shifted));
            FloatVector e = c4.fma(r, c3)
                    .fma(r, c2)
                    .fma(r, c1)
                    .fma(r, one)
                    .reinterpretAsInts()
                    .lanewise(ADD, shifted.reinterpretAsInts().lanewise(LSHL, 23))
                    .reinterpretAsFloats()
                    .blend(zero, under);
            sum = sum.add(e);
            ((ShortVector) e.reinterpretAsInts()
                            .lanewise(ADD, half)
                            .lanewise(LSHR, 16)
                            .convertShape(I2S, Bf16.S, 0))
                    .intoMemorySegment(weights, target + 2L * p, NATIVE);
        }
        clear(weights, target, 0, first);
        clear(weights, target, end, KvPage.POSITIONS);
        return VectorMath.sumLanes(sum);
    }

    /** For a row that sees nothing of a page. */
    static void none(MemorySegment weights, long target) {
        clear(weights, target, 0, KvPage.POSITIONS);
    }

    private static void clear(MemorySegment weights, long target, int from, int to) {
        if (from < to) {
            weights.asSlice(target + 2L * from, 2L * (to - from)).fill((byte) 0);
        }
    }
}
