package longreach.store.codec;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

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

    // What the JVM's compiler has done is one thing for the whole process, whoever owns a store in it.
    private static final AtomicBoolean FASTER = new AtomicBoolean();

    private NhKernel() {}

    static boolean hasVectors() {
        return VECTORS;
    }

    static boolean useVectors() {
        return FASTER.get();
    }

    static void warmUp(MemorySegment bytes) {
        if (!VECTORS || FASTER.get()) {
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
        FASTER.set(wins == WINS);
    }
}
