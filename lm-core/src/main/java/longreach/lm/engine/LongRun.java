package longreach.lm.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import longreach.lm.kv.Arrangement;
import longreach.lm.kv.ChunkPlan;
import longreach.lm.kv.ChunkPlanner;
import longreach.lm.kv.ChunkPublisher;
import longreach.lm.kv.ChunkSpan;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.kv.RowLookup;
import longreach.lm.prompt.TokenStream;
import longreach.lm.select.BlockSelector;
import longreach.lm.select.Candidates;
import longreach.lm.select.PieceIndex;
import longreach.lm.select.Question;
import longreach.lm.select.TextBlock;
import longreach.store.api.ChunkKey;
import longreach.store.api.ChunkStore;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A sequence that sees a part of its prompt at a time: which part each step sees, which raw rows are kept for later steps,
 * and, when the question is reached, the choice of blocks for it. Everything but the choice itself happens on the engine's
 * thread; the choice waits for the store and the index on a virtual thread.
 */
final class LongRun {
    private static final int CHUNK = ChunkPlanner.CHUNK;
    // Ranked blocks beside those that are shown: some may be gone from the store.
    private static final int SPARE = 4;
    private static final Duration FLUSH = Duration.ofSeconds(10);
    private static final Duration INDEX = Duration.ofMinutes(5);

    private static final Logger log = LoggerFactory.getLogger(LongRun.class);

    private enum Phase {
        PROMPT,
        CHOOSING,
        CHOSEN
    }

    /** What a choice came to. Its rows must be closed. */
    record Choice(List<TextBlock> blocks, RowLookup rows, int missing, long chooseMicros, long fetchMicros) {}

    final LongShape shape;
    final BlockSelector.Kind selector;
    private final TokenStream prompt;
    private final LongSelection selection;
    private final PieceIndex index;
    private CompletableFuture<Void> indexed = CompletableFuture.completedFuture(null);
    private final Set<ChunkKey> restored = new HashSet<>();
    private Phase phase = Phase.PROMPT;
    private int oldest;
    private int seen;
    private Outcome.Seen report;

    /** @param usual what questions without a wish of their own are chosen by */
    LongRun(LongShape shape, TokenStream prompt, LongSelection selection, BlockSelector.Kind usual) {
        this.shape = shape;
        this.prompt = prompt;
        this.selection = selection;
        selector = selection.available(shape.selector());
        // A context is read once, and asked in other ways later.
        boolean indexes = selector.needsVectors() || selection.available(usual).needsVectors();
        index = !indexes
                ? null
                : new PieceIndex(
                        selection.embedder(), KvPool.blocksFor(prompt.length()), selection.tokens()::bytes, prompt::id);
        seen = shape.question();
        report = new Outcome.Seen(mode(), BlockSelector.Kind.NONE, List.of(), prompt.length(), 0, 0, 0);
    }

    private ContextUse.Mode mode() {
        return shape.windowed() ? ContextUse.Mode.LONG : ContextUse.Mode.FOCUS;
    }

    /** Where a step that begins at {@code from} has to end at the latest. */
    int stepEnd(int from) {
        if (from >= shape.question()) {
            return prompt.length();
        }
        int chunkEnd = shape.windowed() ? (from / CHUNK + 1) * CHUNK : shape.question();
        return Math.min(chunkEnd, shape.question());
    }

    /** Whether nothing can be computed before blocks are chosen. */
    boolean waits(int length) {
        return length >= shape.question() && shape.question() < prompt.length() && phase != Phase.CHOSEN;
    }

    /** Whether the choice has to be begun. */
    boolean reachedQuestion(int length) {
        return waits(length) && phase == Phase.PROMPT;
    }

    /** Has the cache show the next step what it is to see. */
    void arrange(KvCache cache) {
        int length = cache.length();
        if (length < shape.question()) {
            cache.arrange(shape.prefill(length));
        }
    }

    /** Takes over what the store has; returns how many bytes. */
    long found(RowLookup rows, KvCache cache) {
        long bytes = rows.hold(cache);
        rows.spans().forEach(span -> restored.add(span.key()));
        if (rows.firstComputed() > 0) {
            cache.resume(rows.firstComputed());
        }
        return bytes;
    }

    /**
     * After a step over [before, after) of the prompt.
     *
     * @param publisher null: nothing is published
     * @return how many chunks were offered
     */
    int stepped(
            int before,
            int after,
            KvCache cache,
            ChunkPlan plan,
            Tenant tenant,
            ChunkPublisher publisher,
            ChunkStore store,
            KvPool pool,
            long holdBytes) {
        int published = 0;
        if (before >= shape.question()) {
            return 0;
        }
        if (plan != null) {
            for (ChunkSpan span : plan.partial()) {
                published += publish(span, before, after, cache, tenant, publisher);
            }
        }
        for (int start = before / CHUNK * CHUNK; start + CHUNK <= after; start += CHUNK) {
            ChunkSpan span = plan == null ? null : plan.full().get(start / CHUNK);
            if (span != null) {
                published += publish(span, before, after, cache, tenant, publisher);
            }
            addToIndex(start / CHUNK, publisher == null ? null : span, tenant, store);
        }
        drop(cache, after, pool, holdBytes);
        return published;
    }

    private int publish(ChunkSpan span, int before, int after, KvCache cache, Tenant tenant, ChunkPublisher publisher) {
        boolean complete = span.end() > before && span.end() <= after;
        return publisher != null && complete && !restored.contains(span.key()) && publisher.offer(tenant, cache, span)
                ? 1
                : 0;
    }

    /** Computes the vectors of a chunk's pieces beside the next steps. */
    private void addToIndex(int chunk, ChunkSpan published, Tenant tenant, ChunkStore store) {
        if (index == null) {
            return;
        }
        try {
            var task = CompletableFuture.runAsync(
                    () -> {
                        if (published == null) {
                            index.compute(chunk, (chunk + 1) * CHUNK);
                        } else {
                            index.computeAndPublish(published, store, tenant);
                        }
                    },
                    selection.indexing());
            indexed = CompletableFuture.allOf(indexed.exceptionally(e -> null), task);
        } catch (RejectedExecutionException closing) {
            log.debug("vectors of chunk {} not computed: the engine is closing", chunk);
        }
    }

    /**
     * Chunks that end at or before {@code end} whose pieces have no vectors in the store, though they are there
     * themselves: who published them ended before it came to that. Waits for the store.
     */
    List<ChunkSpan> unindexed(ChunkStore store, Tenant tenant, ChunkPlan plan, int end) {
        if (index == null) {
            return List.of();
        }
        List<ChunkSpan> restored = plan.full().stream()
                .filter(span -> span.end() <= Math.min(end, shape.question()))
                .toList();
        MissReason[] missing = store.missing(
                tenant,
                PieceIndex.LAYOUT_VERSION,
                restored.stream()
                        .map(span -> PieceIndex.key(span.key(), selection.embedder()))
                        .toList());
        List<ChunkSpan> unindexed = new ArrayList<>();
        for (int i = 0; i < missing.length; i++) {
            if (missing[i] == MissReason.ABSENT) {
                unindexed.add(restored.get(i));
            }
        }
        return unindexed;
    }

    /** Computes and publishes the vectors of these chunks' pieces beside the next steps. */
    void index(List<ChunkSpan> chunks, Tenant tenant, ChunkStore store) {
        chunks.forEach(span -> addToIndex(span.start() / CHUNK, span, tenant, store));
    }

    /** Gives back raw rows that no step needs as they are, the oldest first, while there are too many of them. */
    private void drop(KvCache cache, int after, KvPool pool, long holdBytes) {
        if (pool.stageBytesInUse() <= holdBytes) {
            return;
        }
        int next = Math.min(after, shape.question());
        int reach = shape.windowed() ? Math.max(shape.window(), shape.local()) : shape.local();
        int firstNeeded = Math.max(0, next / CHUNK * CHUNK - reach) / CHUNK;
        int lastInitial = (shape.initial() - 1) / CHUNK;
        oldest = Math.max(oldest, lastInitial + 1);
        for (; oldest < firstNeeded && pool.stageBytesInUse() > holdBytes; oldest++) {
            cache.dropStage(oldest * CHUNK);
        }
    }

    /**
     * Begins the choice on a virtual thread.
     *
     * @param plan null: nothing can be fetched
     * @param publisher null: nothing is on its way to the store
     * @param chosen called on that thread, as is {@code failed}
     */
    void startChoice(
            KvCache cache,
            ChunkPlan plan,
            ChunkStore store,
            Tenant tenant,
            ChunkPublisher publisher,
            KvPool pool,
            Consumer<Choice> chosen,
            Consumer<Throwable> failed) {
        phase = Phase.CHOOSING;
        var held = new BitSet();
        for (int chunk = 0; chunk < KvPool.blocksFor(shape.question()); chunk++) {
            held.set(chunk, cache.holds(chunk));
        }
        Thread.ofVirtual().name("block-choice").start(() -> {
            try {
                chosen.accept(choose(held, plan, store, tenant, publisher, pool));
            } catch (RuntimeException | Error | InterruptedException e) {
                log.warn("choice of blocks failed: {}", e.toString());
                failed.accept(e);
            }
        });
    }

    /**
     * Chooses blocks for the question, and fetches those that are not held.
     *
     * @param held chunks whose raw rows the cache has
     */
    private Choice choose(
            BitSet held, ChunkPlan plan, ChunkStore store, Tenant tenant, ChunkPublisher publisher, KvPool pool)
            throws InterruptedException {
        long began = System.nanoTime();
        boolean fetches = plan != null && store != null;
        List<TextBlock> ranked =
                shape.chooses() ? rank(fetches ? plan : null, store, tenant, publisher != null) : List.of();
        long chose = System.nanoTime();
        if (fetches && publisher != null && ranked.stream().anyMatch(block -> !isHeld(block, held))) {
            publisher.flush(FLUSH);
        }
        RowLookup rows = fetches ? fetch(ranked, held, plan, store, tenant, pool) : null;
        var present = (BitSet) held.clone();
        if (rows != null) {
            rows.spans().forEach(span -> present.set(span.start() / CHUNK));
        }
        List<TextBlock> blocks = ranked.stream()
                .filter(block -> isHeld(block, present))
                .limit(shape.blocks())
                .toList();
        int missing = (int) ranked.stream()
                .limit(shape.blocks())
                .filter(block -> !isHeld(block, present))
                .count();
        return new Choice(blocks, rows, missing, (chose - began) / 1000, (System.nanoTime() - chose) / 1000);
    }

    private List<TextBlock> rank(ChunkPlan plan, ChunkStore store, Tenant tenant, boolean publishes) {
        if (selector.needsVectors()) {
            await();
            int chunks = KvPool.blocksFor(shape.localStart());
            if (plan != null) {
                index.restore(plan.full().subList(0, Math.min(plan.full().size(), chunks)), store, tenant);
            }
            for (int chunk = 0; chunk < chunks; chunk++) {
                boolean lost = plan != null && publishes && (chunk + 1) * CHUNK <= shape.question();
                if (lost && !index.vectors().hasChunk(chunk)) {
                    index.computeAndPublish(plan.full().get(chunk), store, tenant);
                } else {
                    index.compute(chunk, Math.min((chunk + 1) * CHUNK, shape.question()));
                }
            }
        }
        int start = Math.ceilDiv(shape.initial(), Candidates.PIECE) * Candidates.PIECE;
        var candidates = new Candidates(
                start, shape.localStart(), shape.blockTokens(), prompt::id, index == null ? null : index.vectors());
        return selection.selector(selector).rank(candidates, question(), shape.blocks() + SPARE);
    }

    private void await() {
        try {
            indexed.get(INDEX.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (TimeoutException | java.util.concurrent.ExecutionException e) {
            // What is missing is computed now.
            log.warn("vectors computed beside prefill: {}", e.toString());
        }
    }

    /** The question up to the last boundary behind its beginning: what follows is the template's. */
    private Question question() {
        int from = shape.question();
        int to = prompt.length();
        for (int boundary : prompt.boundaries()) {
            if (boundary > from) {
                to = boundary;
            }
        }
        int[] ids = new int[to - from];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = prompt.id(from + i);
        }
        return new Question(ids, PieceIndex.text(selection.tokens()::bytes, prompt::id, from, to));
    }

    private static boolean isHeld(TextBlock block, BitSet held) {
        int last = (block.end() - 1) / CHUNK;
        return held.nextClearBit(block.start() / CHUNK) > last;
    }

    private RowLookup fetch(
            List<TextBlock> ranked, BitSet held, ChunkPlan plan, ChunkStore store, Tenant tenant, KvPool pool) {
        var wanted = new BitSet();
        for (TextBlock block : ranked.subList(0, Math.min(shape.blocks(), ranked.size()))) {
            wanted.set(block.start() / CHUNK, (block.end() - 1) / CHUNK + 1);
        }
        if (!shape.chooses()) {
            shape.answer(List.of()).chunks().forEach(wanted::set);
        }
        // What every question sees was taken with the lookup, or computed.
        wanted.andNot(held);
        if (wanted.isEmpty()) {
            return null;
        }
        List<ChunkSpan> spans = new ArrayList<>();
        wanted.stream()
                .filter(chunk -> chunk < plan.full().size())
                .forEach(chunk -> spans.add(plan.full().get(chunk)));
        return RowLookup.ofChunks(store, tenant, spans, pool);
    }

    /** Arranges the chosen blocks for the question. Returns bytes that came from the store. */
    long chosen(Choice choice, KvCache cache) {
        long bytes = 0;
        if (choice.rows() != null) {
            bytes = choice.rows().hold(cache);
        }
        Arrangement arrangement = shape.answer(choice.blocks());
        cache.arrange(arrangement);
        seen = arrangement.places();
        report = new Outcome.Seen(
                mode(),
                shape.chooses() ? selector : BlockSelector.Kind.NONE,
                choice.blocks().stream()
                        .map(block -> new Outcome.Block(block.start(), block.end(), block.score()))
                        .toList(),
                seen + prompt.length() - shape.question(),
                choice.chooseMicros(),
                choice.fetchMicros(),
                choice.missing());
        phase = Phase.CHOSEN;
        return bytes;
    }

    /** What the step at a position sees that a lookup has to bring. */
    Arrangement firstSeen(int position) {
        return position < shape.question() || shape.question() == prompt.length()
                ? shape.prefill(position)
                : Arrangement.of(shape.initial(), List.of(), shape.localStart(), position);
    }

    /** Positions of the stream with which the context is full. */
    int full(int context) {
        return Math.min(shape.positions(), shape.question() + context - seen);
    }

    Outcome.Seen report() {
        return report;
    }

    /** Keys of what a longer prompt needs: the chunks before the question, and the vectors of their pieces. */
    List<ChunkKey> keys(ChunkPlan plan) {
        List<ChunkKey> keys = new ArrayList<>();
        for (ChunkSpan span : plan.full()) {
            if (span.end() <= shape.question()) {
                keys.add(span.key());
                if (index != null) {
                    keys.add(PieceIndex.key(span.key(), selection.embedder()));
                }
            }
        }
        for (ChunkSpan span : plan.partial()) {
            if (span.end() == shape.question()) {
                keys.add(span.key());
            }
        }
        return keys;
    }
}
