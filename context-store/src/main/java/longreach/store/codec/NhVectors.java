package longreach.store.codec;

import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.LSHR;

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
    private static final int STEPS = UniversalHash.BLOCK_BYTES / 4 / WORDS;

    /** Each word beside the one four later, which it is multiplied with: the halves of a long. */
    private static final VectorShuffle<Integer> PAIRS =
            VectorShuffle.fromOp(I, lane -> lane / 8 * 8 + lane % 8 / 2 + lane % 2 * 4);

    private static final long LOW = 0xffffffffL;
    private static final int STREAM = STEPS * WORDS;

    /** For each stream its words of key, paired as the value's are. */
    private final int[] keys = new int[UniversalHash.STREAMS * STREAM];

    static boolean isFit() {
        return IntVector.SPECIES_PREFERRED.vectorBitSize() >= 256;
    }

    NhVectors(int[] words) {
        for (int stream = 0; stream < UniversalHash.STREAMS; stream++) {
            for (int i = 0; i < STREAM; i++) {
                int word = stream * UniversalHash.STREAM_SHIFT + i / 8 * 8 + i % 8 / 2 + i % 2 * 4;
                keys[stream * STREAM + i] = words[word];
            }
        }
    }

    /** Hashes a whole block; {@code sums} takes one sum for each stream. */
    void block(MemorySegment value, long at, long[] sums) {
        int[] k = keys;
        LongVector sum0 = LongVector.zero(L);
        LongVector sum1 = LongVector.zero(L);
        LongVector sum2 = LongVector.zero(L);
        LongVector sum3 = LongVector.zero(L);
        for (int step = 0; step < STEPS; step++) {
            int i = step * WORDS;
            IntVector words = IntVector.fromMemorySegment(I, value, at + 4L * i, ByteOrder.LITTLE_ENDIAN)
                    .rearrange(PAIRS);
            // A product of longs whose upper halves are zero is one instruction.
            LongVector v0 = words.add(IntVector.fromArray(I, k, i)).reinterpretAsLongs();
            LongVector v1 = words.add(IntVector.fromArray(I, k, i + STREAM)).reinterpretAsLongs();
            LongVector v2 = words.add(IntVector.fromArray(I, k, i + 2 * STREAM)).reinterpretAsLongs();
            LongVector v3 = words.add(IntVector.fromArray(I, k, i + 3 * STREAM)).reinterpretAsLongs();
            sum0 = sum0.add(v0.and(LOW).mul(v0.lanewise(LSHR, 32)));
            sum1 = sum1.add(v1.and(LOW).mul(v1.lanewise(LSHR, 32)));
            sum2 = sum2.add(v2.and(LOW).mul(v2.lanewise(LSHR, 32)));
            sum3 = sum3.add(v3.and(LOW).mul(v3.lanewise(LSHR, 32)));
        }
        sums[0] = sum0.reduceLanes(ADD);
        sums[1] = sum1.reduceLanes(ADD);
        sums[2] = sum2.reduceLanes(ADD);
        sums[3] = sum3.reduceLanes(ADD);
    }
}
