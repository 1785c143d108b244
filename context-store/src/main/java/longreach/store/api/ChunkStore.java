package longreach.store.api;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * Chunks by key. An optimisation: a fault of the store is a miss with a reason, or a dropped publication, and never an
 * exception. Safe for use by several threads.
 */
public interface ChunkStore extends AutoCloseable {
    /**
     * The tenant of this name, under the deployment's secret.
     *
     * @throws IllegalArgumentException if the name is empty or longer than 256 characters
     */
    Tenant tenant(String name);

    /**
     * Asks for all keys in one pipelined round trip.
     *
     * @param layoutVersion a chunk of another one is a miss
     * @return one entry for each key, in order; to be closed
     */
    LookupResult get(Tenant tenant, int layoutVersion, List<ChunkKey> keys);

    /**
     * Which of these are not there, asked in one pipelined round trip that moves no payloads. Nothing is verified: what is
     * there may turn out to be no good, or to be gone, when it is fetched.
     *
     * @return for each key, in order, null when it is there, else why not
     */
    default MissReason[] missing(Tenant tenant, int layoutVersion, List<ChunkKey> keys) {
        try (LookupResult result = get(tenant, layoutVersion, keys)) {
            MissReason[] missing = new MissReason[keys.size()];
            for (int i = 0; i < missing.length; i++) {
                missing[i] = result.entry(i) instanceof Lookup.Miss miss ? miss.reason() : null;
            }
            return missing;
        }
    }

    /**
     * Publishes a chunk in the background. A chunk that is there already is written again: it is the same.
     *
     * @param writePayload called at most once, before this returns, with {@code header.payloadBytes()} bytes, 64-byte
     *     aligned and of undefined content, all of which it must write
     */
    PutOutcome put(Tenant tenant, ChunkHeader header, Consumer<MemorySegment> writePayload);

    /** Publishes a chunk whose payload is ready; it is copied before this returns. */
    default PutOutcome put(Tenant tenant, ChunkHeader header, MemorySegment payload) {
        if (payload.byteSize() != header.payloadBytes()) {
            throw new IllegalArgumentException(
                    "payload: " + payload.byteSize() + " bytes (expected: " + header.payloadBytes() + ")");
        }
        return put(tenant, header, out -> out.copyFrom(payload));
    }

    /**
     * Waits until everything accepted so far is written or given up.
     *
     * @return false if that took longer than the limit
     */
    boolean flush(Duration limit);

    /** Writes what was accepted as far as a second allows, and lets go of connections and memory. */
    @Override
    void close();
}
