package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.OR;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rounding to bfloat16: the upper half of a binary32, to nearest, ties to even. Values above 2^128 (1 - 2^-9) become
 * infinite; a NaN stays one.
 */
final class Bf16 {
    static final VectorSpecies<Short> S =
            ShortVector.SPECIES_PREFERRED.withShape(VectorShape.forBitSize(F.vectorBitSize() / 2));
    private static final int MAGNITUDE = 0x7fffffff;
    private static final int INFINITY = 0x7f800000;
    private static final int QUIET = 0x00400000;
    private static final int UPPER = 0xffff0000;

    private Bf16() {}

    static short round(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & MAGNITUDE) > INFINITY) {
            return (short) ((bits | QUIET) >>> 16);
        }
        return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }

    static float widen(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** x[offset, offset + n), rounded, to {@code to} from byte {@code at} on. */
    static void round(float[] x, int offset, int n, MemorySegment to, long at) {
        IntVector one = IntVector.broadcast(I, 1);
        IntVector half = IntVector.broadcast(I, 0x7fff);
        IntVector quiet = IntVector.broadcast(I, QUIET);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector bits = FloatVector.fromArray(F, x, offset + i).reinterpretAsInts();
            VectorMask<Integer> nan = bits.lanewise(AND, MAGNITUDE).compare(GT, INFINITY);
            IntVector odd = bits.lanewise(LSHR, 16).lanewise(AND, one);
            IntVector rounded = bits.add(half).add(odd).blend(bits.lanewise(OR, quiet), nan);
            ((ShortVector) rounded.lanewise(LSHR, 16).convertShape(I2S, S, 0))
                    .intoMemorySegment(to, at + 2L * i, ByteOrder.nativeOrder());
        }
        for (; i < n; i++) {
            to.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 2L * i, round(x[offset + i]));
        }
    }

    /**
     * Two columns of a panel at a time, rounded, the earlier one in the low half of a word: word [pair, row] to
     * {@code at + 4 (pair * rowStride + row)}, for {@code pairs} pairs of columns and all rows of the panel.
     */
    static void pairs(float[] panel, int pairs, MemorySegment to, long at, int rowStride) {
        IntVector one = IntVector.broadcast(I, 1);
        IntVector half = IntVector.broadcast(I, 0x7fff);
        IntVector quiet = IntVector.broadcast(I, QUIET);
        IntVector upper = IntVector.broadcast(I, UPPER);
        for (int pair = 0; pair < pairs; pair++) {
            for (int row = 0; row < GROUP; row += LANES) {
                int source = 2 * pair * GROUP + row;
                IntVector low = FloatVector.fromArray(F, panel, source).reinterpretAsInts();
                IntVector high = FloatVector.fromArray(F, panel, source + GROUP).reinterpretAsInts();
                VectorMask<Integer> lowNan = low.lanewise(AND, MAGNITUDE).compare(GT, INFINITY);
                VectorMask<Integer> highNan = high.lanewise(AND, MAGNITUDE).compare(GT, INFINITY);
                IntVector lowOdd = low.lanewise(LSHR, 16).lanewise(AND, one);
                IntVector highOdd = high.lanewise(LSHR, 16).lanewise(AND, one);
                IntVector lows = low.add(half).add(lowOdd).blend(low.lanewise(OR, quiet), lowNan);
                IntVector highs = high.add(half).add(highOdd).blend(high.lanewise(OR, quiet), highNan);
                lows.lanewise(LSHR, 16)
                        .lanewise(OR, highs.lanewise(AND, upper))
                        .intoMemorySegment(to, at + 4L * ((long) pair * rowStride + row), ByteOrder.nativeOrder());
            }
        }
    }
}
