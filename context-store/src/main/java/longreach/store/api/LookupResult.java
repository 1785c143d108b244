package longreach.store.api;

/**
 * The answers to one lookup, each at the position of its key. All keys were asked for at once when the lookup was made;
 * {@link #entry} waits for, and verifies, one answer, so a caller that walks the positions in order copies one chunk
 * while the next ones are still arriving. For use by one thread, but for {@link #release}.
 */
public interface LookupResult extends AutoCloseable {
    int size();

    /**
     * The answer at a position; asking again gives the same one. Never throws for a fault of the store, and never
     * waits longer than the store's time limits.
     *
     * @throws IndexOutOfBoundsException outside [0, size)
     * @throws IllegalStateException after {@link #close}
     */
    Lookup entry(int position);

    /**
     * Gives the memory of one chunk back, which was asked for before and is not used any more; another thread may do so
     * while entries are walked.
     */
    default void release(int position) {}

    /** Gives the memory of all chunks back, and abandons what has not arrived. Closing twice is harmless. */
    @Override
    void close();
}
