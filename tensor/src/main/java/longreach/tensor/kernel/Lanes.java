package longreach.tensor.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this process, fixed when the class loads: C2 turns vectors into registers only when the species
 * is a constant. The preferred width of the machine up to 512 bits; the system property {@code longreach.vector.bits}
 * forces one.
 *
 * <p>How the vector kernels are written, all of them: C2 gives up inlining static methods once a compilation has seen
 * some 18000 nodes, and a single vector that stays an object makes a kernel ten times slower. Virtual calls are
 * retried later, static ones are not. So a kernel is one flat method that calls no method of ours, its body makes its
 * static calls (fromArray, broadcast) first, and loops that the compiler unrolls stand for repetition.
 */
final class Lanes {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED.withShape(shape());
    static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED.withShape(shape());
    static final int LANES = F.length();

    /** Rows that a packed matrix interleaves: two vectors, so that one broadcast activation serves two products. */
    static final int GROUP = 2 * LANES;

    private Lanes() {}

    private static VectorShape shape() {
        int preferred = Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
        int bits = Integer.getInteger("longreach.vector.bits", preferred);
        if (bits != 128 && bits != 256 && bits != 512) {
            throw new IllegalArgumentException("longreach.vector.bits: " + bits + " (expected: 128, 256 or 512)");
        }
        return VectorShape.forBitSize(bits);
    }
}
