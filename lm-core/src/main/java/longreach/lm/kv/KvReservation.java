package longreach.lm.kv;

/**
 * Memory set aside for one sequence, made by {@link KvPool#reserve}; the sequence's cache takes it over.
 *
 * <p>{@code unused} belongs to the pool and is guarded by it.
 */
public final class KvReservation {
    private final int positions;
    private final int step;
    private final int rollback;
    long unused;

    KvReservation(int positions, int step, int rollback, long bytes) {
        this.positions = positions;
        this.step = step;
        this.rollback = rollback;
        this.unused = bytes;
    }

    /** Most positions that the sequence will have. */
    public int positions() {
        return positions;
    }

    /** Most positions that it adds in one step. */
    public int step() {
        return step;
    }

    /** Most positions that it takes back after a step. */
    public int rollback() {
        return rollback;
    }
}
