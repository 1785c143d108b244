package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import longreach.store.api.ChunkKey;
import longreach.store.api.ChunkStore;
import longreach.store.api.Codec;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;

/**
 * What of a plan need not be computed where a step sees a part of the positions only: how far the store has unbroken
 * chunks, and the raw rows of those that the next step sees. The others are not fetched. To be closed; the payloads are
 * borrowed from it.
 */
public final class RowLookup implements AutoCloseable {
    /** Chunks that turn out to be no good before a lookup is content with nothing. */
    private static final int TRIES = 4;

    private final List<LookupResult> results = new ArrayList<>();
    private final List<ChunkSpan> spans = new ArrayList<>();
    private final List<MemorySegment> payloads = new ArrayList<>();
    private int firstComputed;
    private String missReason = "";
    private long micros;

    private RowLookup() {}

    /**
     * @param limit chunks that end after it do not count
     * @param seen what the step that begins at a position sees
     */
    public static RowLookup of(
            ChunkStore store, Tenant tenant, ChunkPlan plan, int limit, IntFunction<Arrangement> seen, KvPool pool) {
        long began = System.nanoTime();
        var lookup = new RowLookup();
        try {
            lookup.find(store, tenant, plan, limit, seen, pool);
        } catch (RuntimeException e) {
            lookup.close();
            throw e;
        }
        lookup.micros = (System.nanoTime() - began) / 1000;
        return lookup;
    }

    private void find(
            ChunkStore store, Tenant tenant, ChunkPlan plan, int limit, IntFunction<Arrangement> seen, KvPool pool) {
        List<ChunkSpan> wanted =
                plan.lookups().stream().filter(span -> span.end() <= limit).toList();
        if (wanted.isEmpty()) {
            return;
        }
        MissReason[] missing = store.missing(
                tenant,
                KvShape.LAYOUT_VERSION,
                wanted.stream().map(ChunkSpan::key).toList());
        Set<ChunkSpan> good = new HashSet<>();
        for (int i = 0; i < missing.length; i++) {
            if (missing[i] == null) {
                good.add(wanted.get(i));
            } else {
                missed(missing[i].text());
            }
        }
        for (int tries = 0; tries < TRIES; tries++) {
            ChunkPlan.Prefix prefix = plan.longestPrefix(good::contains);
            if (prefix.firstComputed() == 0) {
                return;
            }
            List<Integer> chunks = seen.apply(prefix.firstComputed()).chunks();
            List<ChunkSpan> needed = prefix.spans().stream()
                    .filter(span -> chunks.contains(span.start() / ChunkPlanner.CHUNK))
                    .toList();
            ChunkSpan failed = fetch(store, tenant, needed, pool.shape(), pool.codec());
            if (failed == null) {
                firstComputed = prefix.firstComputed();
                if (firstComputed >= plan.prompt().resumableAt(limit - 1)) {
                    missReason = "";
                }
                return;
            }
            good.remove(failed);
            close();
            spans.clear();
            payloads.clear();
        }
    }

    /** Returns the first that is no good, or null. */
    private ChunkSpan fetch(ChunkStore store, Tenant tenant, List<ChunkSpan> needed, KvShape shape, Codec codec) {
        LookupResult result = store.get(
                tenant,
                KvShape.LAYOUT_VERSION,
                needed.stream().map(ChunkSpan::key).toList());
        results.add(result);
        for (int i = 0; i < needed.size(); i++) {
            String reason = ChunkLookup.reasonAgainst(result.entry(i), needed.get(i), shape, codec);
            if (reason != null) {
                missed(reason);
                return needed.get(i);
            }
            spans.add(needed.get(i));
            payloads.add(((Lookup.Hit) result.entry(i)).chunk().payload());
        }
        return null;
    }

    /**
     * Fetches chunks whatever lies between them; those that are no good are left out.
     *
     * @param needed full chunks
     */
    public static RowLookup ofChunks(ChunkStore store, Tenant tenant, List<ChunkSpan> needed, KvPool pool) {
        long began = System.nanoTime();
        var lookup = new RowLookup();
        try {
            List<ChunkKey> keys = needed.stream().map(ChunkSpan::key).toList();
            LookupResult result = store.get(tenant, KvShape.LAYOUT_VERSION, keys);
            lookup.results.add(result);
            for (int i = 0; i < needed.size(); i++) {
                String reason = ChunkLookup.reasonAgainst(result.entry(i), needed.get(i), pool.shape(), pool.codec());
                if (reason == null) {
                    lookup.spans.add(needed.get(i));
                    lookup.payloads.add(((Lookup.Hit) result.entry(i)).chunk().payload());
                } else {
                    lookup.missed(reason);
                }
            }
        } catch (RuntimeException e) {
            lookup.close();
            throw e;
        }
        lookup.micros = (System.nanoTime() - began) / 1000;
        return lookup;
    }

    private void missed(String reason) {
        if (missReason.isEmpty()) {
            missReason = reason;
        }
    }

    /** Chunks whose raw rows were fetched, ascending. */
    public List<ChunkSpan> spans() {
        return spans;
    }

    /** Hands the raw rows to a cache. Returns how many bytes they are. */
    public long hold(KvCache cache) {
        long bytes = 0;
        for (int i = 0; i < spans.size(); i++) {
            cache.hold(spans.get(i), payloads.get(i));
            bytes += payloads.get(i).byteSize();
        }
        return bytes;
    }

    /** Where computing begins. */
    public int firstComputed() {
        return firstComputed;
    }

    /** Why not more was found; empty when everything was. */
    public String missReason() {
        return missReason;
    }

    public long micros() {
        return micros;
    }

    @Override
    public void close() {
        results.forEach(LookupResult::close);
        results.clear();
    }
}
