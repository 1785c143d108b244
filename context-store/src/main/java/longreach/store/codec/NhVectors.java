package longreach.store.codec;

import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_I2L;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** NH of {@link UniversalHash} in vectors. Loaded only where the JVM has the Vector API and vectors of 256 bits at least. */
final class NhVectors {
    private static final VectorShape SHAPE =
            VectorShape.forBitSize(Math.clamp(IntVector.SPECIES_PREFERRED.vectorBitSize(), 256, 512));
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, SHAPE);
    private static final VectorSpecies<Long> L = VectorSpecies.of(long.class, SHAPE);
    private static final int WORDS = I.length();
    private static final int PRODUCTS = L.length();
    private static final int STEPS = UniversalHash.BLOCK_BYTES / 4 / WORDS;

    /** Of each eight words the first four before all the others, so that a half meets what it is multiplied with. */
    private static final VectorShuffle<Integer> HALVES =
            VectorShuffle.fromOp(I, lane -> lane % (WORDS / 2) / 4 * 8 + lane % 4 + lane / (WORDS / 2) * 4);

    private static final int STREAM = STEPS * PRODUCTS;

    /** Words of key beside the first, and the second, factors: for each stream a run in the order of the lanes. */
    private final long[] first = new long[UniversalHash.STREAMS * STREAM];

    private final long[] second = new long[UniversalHash.STREAMS * STREAM];

    static boolean isFit() {
        return IntVector.SPECIES_PREFERRED.vectorBitSize() >= 256;
    }

    NhVectors(int[] keys) {
        for (int stream = 0; stream < UniversalHash.STREAMS; stream++) {
            for (int i = 0; i < STREAM; i++) {
                int word = stream * UniversalHash.STREAM_SHIFT + i / 4 * 8 + i % 4;
                first[stream * STREAM + i] = keys[word] & 0xffffffffL;
                second[stream * STREAM + i] = keys[word + 4] & 0xffffffffL;
            }
        }
    }

    /** Hashes a whole block; {@code sums} takes one sum for each stream. */
    void block(MemorySegment value, long at, long[] sums) {
        long[] f = first;
        long[] s = second;
        LongVector low = LongVector.broadcast(L, 0xffffffffL);
        LongVector sum0 = LongVector.zero(L);
        LongVector sum1 = LongVector.zero(L);
        LongVector sum2 = LongVector.zero(L);
        LongVector sum3 = LongVector.zero(L);
        for (int step = 0; step < STEPS; step++) {
            int i = step * PRODUCTS;
            IntVector words = IntVector.fromMemorySegment(I, value, at + 4L * step * WORDS, ByteOrder.LITTLE_ENDIAN)
                    .rearrange(HALVES);
            var a = (LongVector) words.convertShape(ZERO_EXTEND_I2L, L, 0);
            var b = (LongVector) words.convertShape(ZERO_EXTEND_I2L, L, 1);
            sum0 = sum0.add(a.add(LongVector.fromArray(L, f, i))
                    .and(low)
                    .mul(b.add(LongVector.fromArray(L, s, i)).and(low)));
            sum1 = sum1.add(a.add(LongVector.fromArray(L, f, i + STREAM))
                    .and(low)
                    .mul(b.add(LongVector.fromArray(L, s, i + STREAM)).and(low)));
            sum2 = sum2.add(a.add(LongVector.fromArray(L, f, i + 2 * STREAM))
                    .and(low)
                    .mul(b.add(LongVector.fromArray(L, s, i + 2 * STREAM)).and(low)));
            sum3 = sum3.add(a.add(LongVector.fromArray(L, f, i + 3 * STREAM))
                    .and(low)
                    .mul(b.add(LongVector.fromArray(L, s, i + 3 * STREAM)).and(low)));
        }
        sums[0] = sum0.reduceLanes(ADD);
        sums[1] = sum1.reduceLanes(ADD);
        sums[2] = sum2.reduceLanes(ADD);
        sums[3] = sum3.reduceLanes(ADD);
    }
}
