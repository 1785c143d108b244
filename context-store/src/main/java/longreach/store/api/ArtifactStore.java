package longreach.store.api;

import java.time.Duration;

/** Small derived values by digest: what an encoder made of a media item. Faults are misses, as for chunks. */
public interface ArtifactStore {
    ArtifactLookup getArtifact(Tenant tenant, Digest digest);

    /**
     * Writes and waits for the answer, within the store's time limit.
     *
     * @param ttl zero: the store's default
     * @return false if the value was not stored
     */
    boolean putArtifact(Tenant tenant, Digest digest, byte[] value, Duration ttl);
}
