package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.WeakHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The {@link Bf16Weights} of the matrices that prompts have been multiplied with, made when first asked for, in the arena
 * that the packed matrix was prepared in. Used by one thread at a time.
 */
final class Expansions {
    private static final Logger log = LoggerFactory.getLogger(Expansions.class);
    // Of the machine's, or the container's, memory: weights of two bytes come on top of the packed ones, pages and
    // heap.
    private static final int MEMORY_SHARE = 4;

    private final Map<PackedMatrix, Expansion> expansions = new WeakHashMap<>();
    private final long mostBytes;
    private boolean refused;

    private static final class Expansion {
        private final Arena arena;
        private Bf16Weights weights;

        private Expansion(Arena arena) {
            this.arena = arena;
        }
    }

    /** @param mostBytes that expanded weights may take, of all models together */
    Expansions(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    /** A quarter of the memory that this process may have. */
    static long defaultBytes() {
        return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
                        .getTotalMemorySize()
                / MEMORY_SHARE;
    }

    long mostBytes() {
        return mostBytes;
    }

    void add(PackedMatrix w, Arena arena) {
        expansions.put(w, new Expansion(arena));
    }

    /** What all matrices that are known would take. */
    long neededBytes() {
        return expansions.keySet().stream()
                .mapToLong(w -> Bf16Weights.bytes(w.rows(), w.cols()))
                .sum();
    }

    private long bytes() {
        return expansions.values().stream()
                .filter(expansion -> expansion.weights != null)
                .mapToLong(expansion -> expansion.weights.data().byteSize())
                .sum();
    }

    /** The matrix in bf16; null where there is no room for it, or no product of its columns. */
    Bf16Weights of(PackedMatrix w, Bf16Products products) {
        Expansion expansion = expansions.get(w);
        if (expansion == null) {
            return null;
        }
        if (expansion.weights == null && !refused) {
            long bytes = Bf16Weights.bytes(w.rows(), w.cols());
            if (bytes > mostBytes - bytes()) {
                log.warn("weights in bf16 would take more than {} MiB: others stay as they are", mostBytes >> 20);
                refused = true;
                return null;
            }
            try {
                expansion.weights = products.weights(w, expansion.arena);
            } catch (UnsupportedOperationException e) {
                log.warn("matrix of {} columns: {}", w.cols(), e.getMessage());
                refused = true;
            }
        }
        return expansion.weights;
    }
}
