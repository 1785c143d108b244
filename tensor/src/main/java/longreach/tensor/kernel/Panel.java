package longreach.tensor.kernel;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import longreach.tensor.kernel.PackedMatrix.Format;

/**
 * Packed words dequantised to f32 panels [columns, GROUP] for {@link Tile}. The values are exactly those of
 * {@link PackedMatrix#row}, a fused rounding aside. Paid once for all tokens of a product.
 */
final class Panel {
    private static final int HALF_BITS = 0x8fffe000;
    private static final float HALF_SCALE = 0x1p112f;

    private Panel() {}

    /** Steps [from, to) of a group, to {@code panel[0, (to - from) * stepCols * GROUP)}. */
    static void unpack(PackedMatrix w, int group, int from, int to, float[] panel) {
        int[] words = w.words(group);
        int offset = w.offset(group) + from * w.format().stepWords;
        int steps = to - from;
        switch (w.format()) {
            case Q4 -> q4(words, offset, steps, panel);
            case Q8 -> q8(words, offset, steps, panel);
            case Q4K -> KQuantPanel.q4k(words, offset, steps, panel);
            case Q5K -> KQuantPanel.q5k(words, offset, steps, panel);
            case Q6K -> KQuantPanel.q6k(words, offset, steps, panel);
            case F16 -> f16(words, offset, steps, panel);
            case BF16 -> bf16(words, offset, steps, panel);
            case F32 -> f32(words, offset, steps, panel);
        }
    }

    private static void q4(int[] w, int offset, int steps, float[] panel) {
        IntVector nibble = IntVector.broadcast(I, 15);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        int o = 0;
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q4.stepWords;
            IntVector dm0 = IntVector.fromArray(I, w, s);
            IntVector dm1 = IntVector.fromArray(I, w, s + LANES);
            FloatVector d0 = half(dm0.lanewise(LSHL, 16), halfBits, halfScale);
            FloatVector d1 = half(dm1.lanewise(LSHL, 16), halfBits, halfScale);
            FloatVector m0 = half(dm0, halfBits, halfScale);
            FloatVector m1 = half(dm1, halfBits, halfScale);
            for (int i = 1; i <= 4; i++) {
                IntVector q0 = IntVector.fromArray(I, w, s + i * GROUP);
                IntVector q1 = IntVector.fromArray(I, w, s + i * GROUP + LANES);
                for (int n = 0; n < 8; n++) {
                    FloatVector f0 = (FloatVector) q0.lanewise(AND, nibble).convertShape(I2F, F, 0);
                    FloatVector f1 = (FloatVector) q1.lanewise(AND, nibble).convertShape(I2F, F, 0);
                    f0.fma(d0, m0).intoArray(panel, o);
                    f1.fma(d1, m1).intoArray(panel, o + LANES);
                    q0 = q0.lanewise(LSHR, 4);
                    q1 = q1.lanewise(LSHR, 4);
                    o += GROUP;
                }
            }
        }
    }

    private static void q8(int[] w, int offset, int steps, float[] panel) {
        IntVector low = IntVector.broadcast(I, 255);
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        FloatVector bias = FloatVector.broadcast(F, 128);
        int o = 0;
        for (int step = 0; step < steps; step++) {
            int s = offset + step * Format.Q8.stepWords;
            IntVector d = IntVector.fromArray(I, w, s);
            FloatVector d0 = half(d.lanewise(LSHL, 16), halfBits, halfScale);
            FloatVector d1 = half(d, halfBits, halfScale);
            for (int i = 0; i < 8; i++) {
                IntVector q0 = IntVector.fromArray(I, w, s + LANES + i * GROUP);
                IntVector q1 = IntVector.fromArray(I, w, s + LANES + i * GROUP + LANES);
                for (int n = 0; n < 4; n++) {
                    FloatVector f0 = (FloatVector) q0.lanewise(AND, low).convertShape(I2F, F, 0);
                    FloatVector f1 = (FloatVector) q1.lanewise(AND, low).convertShape(I2F, F, 0);
                    f0.sub(bias).mul(d0).intoArray(panel, o);
                    f1.sub(bias).mul(d1).intoArray(panel, o + LANES);
                    q0 = q0.lanewise(LSHR, 8);
                    q1 = q1.lanewise(LSHR, 8);
                    o += GROUP;
                }
            }
        }
    }

    private static void f16(int[] w, int offset, int steps, float[] panel) {
        IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
        FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
        for (int i = 0; i < steps * GROUP; i += LANES) {
            IntVector pair = IntVector.fromArray(I, w, offset + i);
            // Word i of step s is column 2 s (and 2 s + 1) of row i % GROUP.
            int o = i / GROUP * 2 * GROUP + i % GROUP;
            half(pair.lanewise(LSHL, 16), halfBits, halfScale).intoArray(panel, o);
            half(pair, halfBits, halfScale).intoArray(panel, o + GROUP);
        }
    }

    private static void bf16(int[] w, int offset, int steps, float[] panel) {
        IntVector high = IntVector.broadcast(I, 0xffff0000);
        for (int i = 0; i < steps * GROUP; i += LANES) {
            IntVector pair = IntVector.fromArray(I, w, offset + i);
            int o = i / GROUP * 2 * GROUP + i % GROUP;
            pair.lanewise(LSHL, 16).reinterpretAsFloats().intoArray(panel, o);
            pair.lanewise(AND, high).reinterpretAsFloats().intoArray(panel, o + GROUP);
        }
    }

    private static void f32(int[] w, int offset, int steps, float[] panel) {
        for (int i = 0; i < steps * GROUP; i += LANES) {
            IntVector.fromArray(I, w, offset + i).reinterpretAsFloats().intoArray(panel, i);
        }
    }

    /** The binary16 in the high half of each lane. */
    private static FloatVector half(IntVector v, IntVector halfBits, FloatVector halfScale) {
        return v.lanewise(ASHR, 3).lanewise(AND, halfBits).reinterpretAsFloats().mul(halfScale);
    }

    /**
     * {@code rows} rows of {@code GROUP} words of a page, from byte {@code offset}: f32, or pairs of binary16 that become
     * two rows each.
     */
    static void unpackPage(
            MemorySegment page, long offset, int rows, KvPage.Type type, float[] panel, int panelOffset) {
        switch (type) {
            case F32 -> {
                for (int i = 0; i < rows * GROUP; i += LANES) {
                    FloatVector.fromMemorySegment(F, page, offset + 4L * i, ByteOrder.LITTLE_ENDIAN)
                            .intoArray(panel, panelOffset + i);
                }
            }
            case F16 -> {
                IntVector halfBits = IntVector.broadcast(I, HALF_BITS);
                FloatVector halfScale = FloatVector.broadcast(F, HALF_SCALE);
                for (int r = 0; r < rows; r++) {
                    int o = panelOffset + r * 2 * GROUP;
                    IntVector p0 =
                            IntVector.fromMemorySegment(I, page, offset + 4L * (r * GROUP), ByteOrder.LITTLE_ENDIAN);
                    IntVector p1 = IntVector.fromMemorySegment(
                            I, page, offset + 4L * (r * GROUP + LANES), ByteOrder.LITTLE_ENDIAN);
                    half(p0.lanewise(LSHL, 16), halfBits, halfScale).intoArray(panel, o);
                    half(p1.lanewise(LSHL, 16), halfBits, halfScale).intoArray(panel, o + LANES);
                    half(p0, halfBits, halfScale).intoArray(panel, o + GROUP);
                    half(p1, halfBits, halfScale).intoArray(panel, o + GROUP + LANES);
                }
            }
        }
    }
}
