package longreach.lm.engine;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import longreach.store.api.Chunk;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.ChunkStore;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.PutOutcome;
import longreach.store.api.Tenant;
import longreach.store.memory.MemoryContextStore;

/** A store whose answers pass through {@code lie}; what it says is missing is the truth. */
record LyingStore(MemoryContextStore store, UnaryOperator<Lookup> lie, boolean broken) implements ChunkStore {
    @Override
    public Tenant tenant(String name) {
        return store.tenant(name);
    }

    @Override
    public LookupResult get(Tenant tenant, int layoutVersion, List<ChunkKey> keys) {
        if (broken) {
            throw new IllegalStateException("broken store");
        }
        LookupResult found = store.get(tenant, layoutVersion, keys);
        return new LookupResult() {
            @Override
            public int size() {
                return found.size();
            }

            @Override
            public Lookup entry(int position) {
                return lie.apply(found.entry(position));
            }

            @Override
            public void close() {
                found.close();
            }
        };
    }

    @Override
    public MissReason[] missing(Tenant tenant, int layoutVersion, List<ChunkKey> keys) {
        return store.missing(tenant, layoutVersion, keys);
    }

    @Override
    public PutOutcome put(Tenant tenant, ChunkHeader header, Consumer<MemorySegment> writePayload) {
        if (broken) {
            throw new IllegalStateException("broken store");
        }
        return store.put(tenant, header, writePayload);
    }

    @Override
    public boolean flush(Duration limit) {
        return store.flush(limit);
    }

    @Override
    public void close() {
        store.close();
    }

    /** A payload that lacks its last two bytes. */
    static Lookup cut(Lookup entry) {
        if (!(entry instanceof Lookup.Hit hit)) {
            return entry;
        }
        MemorySegment payload = hit.chunk().payload();
        return new Lookup.Hit(new Chunk(hit.chunk().header(), payload.asSlice(0, payload.byteSize() - 2)));
    }

    /** A header that names another place. */
    static Lookup moved(Lookup entry) {
        if (!(entry instanceof Lookup.Hit hit)) {
            return entry;
        }
        Chunk chunk = hit.chunk();
        ChunkHeader h = chunk.header();
        var header = new ChunkHeader(
                h.layoutVersion(),
                h.key(),
                h.parent(),
                h.firstToken() + 256,
                h.tokenCount(),
                h.codec(),
                h.payloadBytes());
        return new Lookup.Hit(new Chunk(header, chunk.payload()));
    }
}
