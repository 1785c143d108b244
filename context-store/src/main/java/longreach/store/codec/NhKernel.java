package longreach.store.codec;

import java.lang.foreign.MemorySegment;

/**
 * Which kernel {@link UniversalHash} uses: vectors take seconds before the JVM has compiled them, and meanwhile are a
 * thousand times slower than words. So words, until somebody who hashes in the background has seen the others win.
 */
final class NhKernel {
    private static final boolean VECTORS =
            ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent() && NhVectors.isFit();

    /** One win can be the machine's mood. */
    private static final int WINS = 3;

    private static final int MOST_ROUNDS = 400;

    private static volatile boolean faster;

    private NhKernel() {}

    static boolean hasVectors() {
        return VECTORS;
    }

    static boolean useVectors() {
        return faster;
    }

    static void warmUp(MemorySegment bytes) {
        if (!VECTORS || faster) {
            return;
        }
        var hash = new UniversalHash(new byte[UniversalHash.KEY_BYTES]);
        int wins = 0;
        for (int round = 0; round < MOST_ROUNDS && wins < WINS; round++) {
            long began = System.nanoTime();
            hash.hash(bytes, false);
            long between = System.nanoTime();
            hash.hash(bytes, true);
            wins = System.nanoTime() - between < between - began ? wins + 1 : 0;
        }
        faster = wins == WINS;
    }
}
