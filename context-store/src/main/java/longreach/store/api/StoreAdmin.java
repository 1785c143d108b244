package longreach.store.api;

import java.util.Optional;

/** Looking after a store. Unlike lookups, these report that the store cannot be reached. */
public interface StoreAdmin {
    /** @param tenant empty: of all tenants */
    StoreStats stats(Optional<Tenant> tenant);

    /**
     * Deletes every chunk and artifact of the tenant, and looks again.
     *
     * @throws StoreUnavailableException if the store cannot be reached, also half-way: nothing is then known to be gone
     */
    EraseResult erase(Tenant tenant);

    /** @param maxBytes 0: no limit */
    record StoreStats(
            boolean reachable, long chunks, long artifacts, long usedBytes, long maxBytes, String serverVersion) {
        public static final StoreStats UNREACHABLE = new StoreStats(false, 0, 0, 0, 0, "");
    }

    /** @param remaining found by looking again */
    record EraseResult(long chunksErased, long artifactsErased, long remaining) {}
}
