package longreach.store.api;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Looking after a store. Unlike lookups, these report that the store cannot be reached. */
public interface StoreAdmin {
    /** @param tenant empty: of all tenants */
    StoreStats stats(Optional<Tenant> tenant);

    /**
     * Deletes every chunk, artifact and record of the tenant, and looks again.
     *
     * @throws StoreUnavailableException if the store cannot be reached, also half-way: nothing is then known to be gone
     */
    EraseResult erase(Tenant tenant);

    /** The same for these chunks alone. */
    EraseResult eraseChunks(Tenant tenant, List<ChunkKey> keys);

    /**
     * Lets chunks live at least so long from now, whether or not they are used; none lives shorter for it.
     *
     * @return how many of them are there
     * @throws StoreUnavailableException
     */
    int keep(Tenant tenant, List<ChunkKey> keys, Duration atLeast);

    /** @param maxBytes 0: no limit */
    record StoreStats(
            boolean reachable, long chunks, long artifacts, long usedBytes, long maxBytes, String serverVersion) {
        public static final StoreStats UNREACHABLE = new StoreStats(false, 0, 0, 0, 0, "");
    }

    /** @param artifactsErased records among them @param remaining found by looking again */
    record EraseResult(long chunksErased, long artifactsErased, long remaining) {}
}
