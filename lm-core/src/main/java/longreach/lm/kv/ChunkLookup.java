package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.ChunkStore;
import longreach.store.api.Codec;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is to be had of a plan without computing: the longest unbroken valid prefix, from pages of running sequences and
 * then from the store; where layers slide or recur, one that ends at a valid checkpoint. To be closed; the payloads are
 * borrowed from it.
 *
 * <p>One thread fetches while another restores what is certain to be part of the prefix ({@link #ready}), so that a long
 * context is never in memory twice.
 */
public final class ChunkLookup implements AutoCloseable {
    /** Checkpoints that turn out to be no good before a lookup is content with nothing. */
    private static final int CHECKPOINT_TRIES = 4;

    /** Chunks that are fetched and not yet restored. */
    private static final int MOST_AHEAD = 16;

    private static final Logger log = LoggerFactory.getLogger(ChunkLookup.class);

    private final ChunkStore store;
    private final Tenant tenant;
    private final ChunkPlan plan;
    private final KvShape shape;
    private final Codec codec;
    private final KvPool pool;
    // Of full chunks in order, from the first: held until a cache takes them over.
    private final List<KvPool.Block> shared;
    private int adopted;
    private final List<LookupResult> results = Collections.synchronizedList(new ArrayList<>());
    private final List<ChunkSpan> spans = Collections.synchronizedList(new ArrayList<>());
    private final List<MemorySegment> payloads = Collections.synchronizedList(new ArrayList<>());
    // Where in the first result each payload is; -1: in pages.
    private final List<Integer> sources = Collections.synchronizedList(new ArrayList<>());
    private final Semaphore ahead = new Semaphore(MOST_AHEAD);
    private Runnable progressed = () -> {};
    private boolean streams;
    private volatile int ready;
    private volatile boolean complete;
    private final Object lock = new Object();
    private boolean fetching = true;
    private volatile boolean closed;
    private MemorySegment checkpoint;
    private int firstComputed;
    private String missReason = "";
    private long micros;

    private ChunkLookup(ChunkStore store, Tenant tenant, ChunkPlan plan, KvPool pool) {
        this.store = store;
        this.tenant = tenant;
        this.plan = plan;
        this.pool = pool;
        this.shape = pool.shape();
        this.codec = pool.codec();
        // The chunk of the last token is not whole before that is computed: what is shared is never written to.
        int last = plan.prompt().resumableAt(plan.prompt().length() - 1);
        shared = pool.retainShared(plan.full().subList(0, Math.min(plan.full().size(), last / ChunkPlanner.CHUNK)));
    }

    /** A lookup that has asked for nothing yet; {@link #fetch} must follow, once. */
    public static ChunkLookup begin(ChunkStore store, Tenant tenant, ChunkPlan plan, KvPool pool) {
        return new ChunkLookup(store, tenant, plan, pool);
    }

    /** All of it: as {@link #begin} and {@link #fetch}, with nobody who restores meanwhile. */
    public static ChunkLookup of(
            ChunkStore store, Tenant tenant, ChunkPlan plan, CheckpointPlan checkpoints, KvPool pool) {
        var lookup = begin(store, tenant, plan, pool);
        lookup.fetchAll(checkpoints);
        return lookup;
    }

    /**
     * Asks for all chunks in one round trip, and waits for as much as makes an unbroken prefix. Where checkpoints are
     * needed, a small round trip before that finds out which there are, and one after it fetches the last that serves.
     * Waits for whoever restores when it is far ahead of them.
     *
     * @param checkpoints ignored for a model that needs none
     * @param onReady called when more is {@link #ready}
     */
    public void fetch(CheckpointPlan checkpoints, Runnable onReady) {
        progressed = onReady;
        streams = !shape.needsCheckpoint();
        fetchAll(checkpoints);
    }

    private void fetchAll(CheckpointPlan checkpoints) {
        long began = System.nanoTime();
        int last = plan.prompt().resumableAt(plan.prompt().length() - 1);
        try {
            if (shape.needsCheckpoint()) {
                // The last token is always computed, so what resumes after it does not serve.
                findCheckpoint(checkpoints.places().stream()
                        .filter(place -> place.position() < plan.prompt().length())
                        .toList());
            } else {
                findChunks(Integer.MAX_VALUE);
            }
            if (firstComputed >= last) {
                missReason = "";
            }
        } catch (RuntimeException | Error e) {
            // What was ready is restored already, or will be; the rest is computed.
            log.warn("chunk lookup failed: {}", e.toString());
            cut(ready);
            checkpoint = null;
            firstComputed = ready * ChunkPlanner.CHUNK;
            missReason = MissReason.DOWN.text();
        } finally {
            micros = (System.nanoTime() - began) / 1000;
            ready = spans.size();
            complete = true;
            synchronized (lock) {
                fetching = false;
                if (closed) {
                    giveBack();
                }
            }
        }
    }

    /** Forgets spans from the end. */
    private void cut(int count) {
        while (spans.size() > count) {
            spans.removeLast();
            payloads.removeLast();
            sources.removeLast();
        }
    }

    private void add(ChunkSpan span, MemorySegment payload, int source) {
        spans.add(span);
        payloads.add(payload);
        sources.add(source);
    }

    /** The longest prefix of growing layers, from chunks that begin before {@code reach}. */
    private void findChunks(int reach) {
        // A chunk of which only a part serves is fetched: its raw rows are needed for the chunk that it becomes.
        int whole = Math.min(shared.size(), reach / ChunkPlanner.CHUNK);
        List<ChunkSpan> wanted = plan.lookups().stream()
                .filter(span -> span.start() < reach && span.start() >= whole * ChunkPlanner.CHUNK)
                .toList();
        LookupResult result = ask(wanted.stream().map(ChunkSpan::key).toList());
        Map<ChunkSpan, Integer> positions = new LinkedHashMap<>();
        for (int i = 0; i < wanted.size(); i++) {
            positions.put(wanted.get(i), i);
        }
        ChunkPlan.Prefix prefix = plan.longestPrefix(span -> {
            boolean full = span.tokens() == ChunkPlanner.CHUNK;
            if (isShared(span, whole)) {
                add(span, null, -1);
                madeReady(span);
                return true;
            }
            Integer position = positions.get(span);
            if (position == null || closed) {
                return false;
            }
            if (full && streams) {
                ahead.acquireUninterruptibly();
            }
            Lookup entry = result.entry(position);
            String reason = reasonAgainst(entry, span);
            missed(reason);
            if (full && reason == null) {
                add(span, ((Lookup.Hit) entry).chunk().payload(), position);
                madeReady(span);
            }
            return reason == null;
        });
        long fulls = prefix.spans().stream()
                .filter(span -> span.tokens() == ChunkPlanner.CHUNK)
                .count();
        cut((int) fulls);
        if (prefix.spans().size() > fulls) {
            ChunkSpan tail = prefix.spans().getLast();
            int position = positions.get(tail);
            add(tail, ((Lookup.Hit) result.entry(position)).chunk().payload(), position);
        }
        firstComputed = prefix.firstComputed();
    }

    /** What ends at or before where the prompt can be resumed is part of the prefix, whatever follows. */
    private void madeReady(ChunkSpan last) {
        if (streams) {
            var prompt = plan.prompt();
            int certain = prompt.resumableAt(Math.min(last.end(), prompt.length() - 1));
            ready = Math.min(spans.size(), certain / ChunkPlanner.CHUNK);
            progressed.run();
        }
    }

    private static boolean isShared(ChunkSpan span, int whole) {
        return span.tokens() == ChunkPlanner.CHUNK && span.end() <= whole * ChunkPlanner.CHUNK;
    }

    private LookupResult ask(List<ChunkKey> keys) {
        LookupResult result = store.get(tenant, KvShape.LAYOUT_VERSION, keys);
        results.add(result);
        return result;
    }

    private void missed(String reason) {
        if (reason != null && missReason.isEmpty()) {
            missReason = reason;
        }
    }

    private void findCheckpoint(List<CheckpointPlan.Place> places) {
        MissReason[] missing = store.missing(
                tenant,
                KvShape.LAYOUT_VERSION,
                places.stream().map(CheckpointPlan.Place::key).toList());
        List<CheckpointPlan.Place> present = new ArrayList<>();
        for (int i = 0; i < missing.length; i++) {
            if (missing[i] == null) {
                present.add(places.get(i));
            }
        }
        if (present.size() < missing.length && (present.isEmpty() || present.getLast() != places.getLast())) {
            missed(missing[missing.length - 1].text());
        }
        if (present.isEmpty()) {
            return;
        }
        int reach = present.getLast().position();
        if (shape.hasGrowing()) {
            findChunks(reach);
            reach = Math.min(reach, firstComputed);
        }
        firstComputed = 0;
        int tries = 0;
        for (CheckpointPlan.Place place : present.reversed()) {
            if (place.position() <= reach && restorableUpTo(place.position()) && tries++ < CHECKPOINT_TRIES) {
                Lookup entry = ask(List.of(place.key())).entry(0);
                String reason = reasonAgainst(entry, place);
                if (reason == null) {
                    checkpoint = ((Lookup.Hit) entry).chunk().payload();
                    firstComputed = place.position();
                    break;
                }
                missed(reason);
            }
        }
        int count = spans.size();
        while (count > 0 && spans.get(count - 1).start() >= firstComputed) {
            count--;
        }
        cut(count);
    }

    /** Whether no shared chunk would have to be cut. */
    private boolean restorableUpTo(int position) {
        for (int i = 0; i < spans.size(); i++) {
            if (payloads.get(i) == null
                    && spans.get(i).start() < position
                    && spans.get(i).end() > position) {
                return false;
            }
        }
        return true;
    }

    private String reasonAgainst(Lookup entry, ChunkSpan span) {
        return reasonAgainst(entry, span, shape, codec);
    }

    /** Null when the entry is a chunk that fits its place. */
    static String reasonAgainst(Lookup entry, ChunkSpan span, KvShape shape, Codec codec) {
        return switch (entry) {
            case Lookup.Miss miss -> miss.reason().text();
            case Lookup.Hit hit -> {
                ChunkHeader header = hit.chunk().header();
                boolean fits = header.parent().equals(span.parent())
                        && header.firstToken() == span.start()
                        && header.tokenCount() == span.tokens()
                        && header.codec() == codec
                        && hit.chunk().payload().byteSize() == shape.payloadBytes(span.tokens(), codec);
                yield fits ? null : "chunk does not fit its place";
            }
        };
    }

    /** Null when the entry is a checkpoint that fits its place. */
    private String reasonAgainst(Lookup entry, CheckpointPlan.Place place) {
        return switch (entry) {
            case Lookup.Miss miss -> miss.reason().text();
            case Lookup.Hit hit -> {
                ChunkHeader header = hit.chunk().header();
                boolean fits = header.parent().equals(place.chunk())
                        && header.firstToken() == place.position()
                        && header.codec() == codec
                        && hit.chunk().payload().byteSize() == shape.checkpointBytes(place.position(), codec);
                yield fits ? null : "checkpoint does not fit its place";
            }
        };
    }

    /** How many chunks can be restored now; all there are, once the lookup is complete. */
    public int ready() {
        return ready;
    }

    public int chunks() {
        return payloads.size();
    }

    public ChunkSpan span(int index) {
        return spans.get(index);
    }

    /**
     * Puts a chunk into a cache, which is at its start: the next one each time.
     *
     * @return bytes that came from the store; 0 when the chunk was in pages
     */
    public long restore(int index, KvCache cache) {
        ChunkSpan span = spans.get(index);
        MemorySegment payload = payloads.get(index);
        if (payload == null) {
            cache.adopt(span, shared.get(index));
            adopted = index + 1;
            return 0;
        }
        int end = complete ? Math.min(span.end(), firstComputed) : span.end();
        cache.restore(span, payload, end);
        if (end == span.end()) {
            cache.share(span);
        }
        results.getFirst().release(sources.get(index));
        ahead.release();
        return payload.byteSize();
    }

    /** Tokens whose chunks are in pages of running sequences. */
    public int tokensShared() {
        return (int) payloads.stream().filter(payload -> payload == null).count() * ChunkPlanner.CHUNK;
    }

    /** What sliding and recurrent layers need at {@link #firstComputed}, after the chunks; null when nothing. */
    public MemorySegment checkpoint() {
        return checkpoint;
    }

    public int firstComputed() {
        return firstComputed;
    }

    /** Why not more was found; empty when everything that could be restored was. */
    public String missReason() {
        return missReason;
    }

    public long micros() {
        return micros;
    }

    /** Also while it is being fetched, which then soon ends. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            ahead.release(MOST_AHEAD);
            if (!fetching) {
                giveBack();
            }
        }
    }

    private void giveBack() {
        results.forEach(LookupResult::close);
        results.clear();
        pool.releaseShared(shared.subList(adopted, shared.size()));
        adopted = shared.size();
    }
}
