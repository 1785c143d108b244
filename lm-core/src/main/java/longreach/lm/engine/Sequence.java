package longreach.lm.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import longreach.lm.kv.CheckpointPlan;
import longreach.lm.kv.ChunkKeys;
import longreach.lm.kv.ChunkLookup;
import longreach.lm.kv.ChunkPlan;
import longreach.lm.kv.ChunkPlanner;
import longreach.lm.kv.ChunkPublisher;
import longreach.lm.kv.ChunkSpan;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.kv.RowLookup;
import longreach.lm.model.Batch;
import longreach.lm.prompt.TokenStream;
import longreach.lm.schedule.StepPlan;
import longreach.lm.speculate.LookupDraft;
import longreach.store.api.ChunkKey;
import longreach.store.api.ChunkStore;
import longreach.store.api.Tenant;

/**
 * One request while it runs: its place in the prompt, its cache and its answer. Everything but the flags and the soft
 * input belongs to the engine's thread.
 */
final class Sequence {
    private static final int CHUNK = ChunkPlanner.CHUNK;
    // Prompt tokens of a first step beside others' answers, while it is not known what one takes.
    private static final int FEW = 8;

    final GenerateRequest request;
    final AnswerSink sink;
    final SoftInput soft;
    final AnswerText answer;
    final long submitted = System.nanoTime();
    /** Most positions this sequence may have: prompt and answer, within the context. */
    final int positions;

    volatile boolean cancelled;

    KvCache cache;
    ChunkKeys keys;
    ChunkPlan plan;
    CheckpointPlan checkpoints = new CheckpointPlan(List.of());
    Tenant tenant;
    /** Being restored; null before the store has answered and after everything is restored. */
    ChunkLookup lookup;

    boolean lookedUp;
    int restoredSpans;
    Batch.Entry entry;
    /** The token that the next decode step computes. */
    int nextToken;
    /** Guesses at the tokens after it, which the step computes too. */
    int[] drafts = new int[0];

    int drafted;

    private long prefillBegan;
    private long prefillEnded;
    private long firstToken;
    private long lastToken;
    private long lookupBegan;
    private long restoreMicros;
    private long bytesRestored;
    private int chunksRestored;
    private int chunksPublished;
    private int tokensRestored;
    private int tokensShared;
    private String missReason = "";
    private ChunkSpan lastRestored;
    private final List<ChunkKey> chain = new ArrayList<>();
    private final boolean publishesAnswers;
    private LookupDraft lookupDraft;
    /** What part of the prompt is seen when; null: all of it. */
    final LongRun reach;
    /** The draft model's state; null: it does not follow this sequence. */
    DraftModel.Follower follower;
    /** Whether the draft model was asked to follow. */
    boolean offered;

    private double nanosPerLayer;
    private int lastTokens;

    /** @param publishesAnswers whether chunks that hold generated tokens may be published too */
    Sequence(
            GenerateRequest request,
            AnswerSink sink,
            AnswerText answer,
            int width,
            int positions,
            boolean publishesAnswers,
            LongRun reach) {
        this.reach = reach;
        this.publishesAnswers = publishesAnswers;
        this.request = request;
        this.sink = sink;
        this.answer = answer;
        this.positions = positions;
        this.soft = new SoftInput(request.prompt(), width);
    }

    TokenStream prompt() {
        return request.prompt();
    }

    int promptLength() {
        return request.prompt().length();
    }

    boolean prefilling() {
        return lookedUp
                && lookup == null
                && cache.length() < promptLength()
                && (reach == null || !reach.waits(cache.length()));
    }

    boolean decoding() {
        return lookedUp && lookup == null && cache.length() >= promptLength();
    }

    private int id(int position) {
        return position < promptLength() ? prompt().id(position) : answer.id(position - promptLength());
    }

    /** The store has been asked: restoring begins. */
    void began(ChunkLookup asked) {
        lookup = asked;
        lookupBegan = System.nanoTime();
    }

    /** The store has answered: it is known what is restored. */
    void found(ChunkLookup found) {
        lookedUp = true;
        missReason = found.missReason();
        tokensRestored = found.firstComputed();
        tokensShared = found.tokensShared();
    }

    /** The store has answered a sequence that sees a part of its prompt. */
    void found(RowLookup rows) {
        long began = System.nanoTime();
        lookedUp = true;
        missReason = rows.missReason();
        tokensRestored = rows.firstComputed();
        chunksRestored = rows.spans().size();
        bytesRestored += reach.found(rows, cache);
        restoreMicros += rows.micros() + (System.nanoTime() - began) / 1000;
    }

    /** Blocks were chosen for the question. */
    void chosen(LongRun.Choice choice) {
        long began = System.nanoTime();
        if (choice.rows() != null) {
            chunksRestored += choice.rows().spans().size();
        }
        bytesRestored += reach.chosen(choice, cache);
        restoreMicros += choice.chooseMicros() + choice.fetchMicros() + (System.nanoTime() - began) / 1000;
    }

    /** There is no store to ask, or it may not be asked. */
    void foundNothing(String reason) {
        lookedUp = true;
        missReason = reason;
    }

    /** Restores one chunk, or ends restoring after the last; false when the next one has not come yet. */
    boolean restoreNext() {
        if (restoredSpans < lookup.ready()) {
            ChunkSpan span = lookup.span(restoredSpans);
            bytesRestored += lookup.restore(restoredSpans, cache);
            lastRestored = span;
            restoredSpans++;
            return true;
        }
        if (!lookedUp) {
            return false;
        }
        if (lookup.checkpoint() != null) {
            cache.restoreCheckpoint(lookup.firstComputed(), lookup.checkpoint());
            bytesRestored += lookup.checkpoint().byteSize();
        }
        restoreMicros = (System.nanoTime() - lookupBegan) / 1000;
        chunksRestored = restoredSpans;
        closeLookup();
        return true;
    }

    private void closeLookup() {
        if (lookup != null) {
            lookup.close();
            lookup = null;
        }
    }

    /**
     * How many prompt tokens can be computed next: what has arrived, at most {@code budget}, no bidirectional run cut.
     *
     * @param room most tokens that the step has room for; a bidirectional run may use more than the budget of it
     */
    int prefillable(int budget, int room) {
        int from = cache.length();
        int most = reach == null ? promptLength() : reach.stepEnd(from);
        int to = soft.missingFrom(from, Math.min(most, from + Math.min(budget, room)));
        to = to < promptLength() ? prompt().resumableAt(to) : to;
        if (to > from) {
            return to - from;
        }
        int run = prompt().runAt(from);
        int end = prompt().end(run);
        boolean whole = prompt().isBidirectional(run) && end - from <= room && soft.missingFrom(from, end) == end;
        return whole ? end - from : 0;
    }

    /** Whether nothing more can be computed because soft tokens are missing that will not come. */
    boolean starved() {
        return prefilling() && soft.ended() && prefillable(1, Integer.MAX_VALUE) == 0;
    }

    /** Puts this sequence's next prompt tokens into the batch. */
    void addPrefill(Batch batch, int tokens, int width) {
        if (prefillBegan == 0) {
            prefillBegan = System.nanoTime();
        }
        int from = cache.length();
        if (reach != null) {
            reach.arrange(cache);
        }
        entry = batch.begin(cache, prompt());
        for (CheckpointPlan.Place place : checkpoints.places()) {
            if (place.published() && place.position() > from && place.position() < from + tokens) {
                cache.mark(place.position());
            }
        }
        for (int p = from; p < from + tokens; p++) {
            int id = prompt().id(p);
            if (id == TokenStream.SOFT) {
                int run = prompt().runAt(p);
                batch.addSoft(soft.rows(run), (p - prompt().start(run)) * width);
            } else {
                batch.addToken(id);
            }
        }
        batch.end(from + tokens == promptLength() && request.maxTokens() > 0 ? 1 : 0);
    }

    /** A step chooses one token more than it guesses. */
    int guessable() {
        return Math.min(positions - cache.length(), request.maxTokens() - answer.count()) - 1;
    }

    /**
     * Guesses at the tokens after the next one from prompt and answer.
     *
     * @param most guesses, whatever they are worth
     */
    void lookUp(int most, StepPlan plan) {
        if (lookupDraft == null) {
            lookupDraft = new LookupDraft(prompt());
            for (int i = 0; i < answer.count(); i++) {
                lookupDraft.add(answer.id(i));
            }
        }
        roomFor(most);
        drafted = lookupDraft.draft(drafts, Math.min(most, guessable()), plan);
    }

    private void roomFor(int guesses) {
        if (drafts.length < guesses) {
            drafts = new int[guesses];
        }
    }

    /** Has the draft model guess at {@code tokens} tokens of the next step. */
    void guess(int tokens) {
        roomFor(tokens);
        drafted = tokens;
    }

    /** Whether the tokens that come depend on how the draft model guesses, and must come again with the same seed. */
    boolean seeded() {
        return request.sampling().temperature() > 0 && request.sampling().seed().isPresent();
    }

    /** Begins to be followed by the draft model, if that can. */
    void follow(DraftModel draft) {
        follower = draft.follow(prompt(), positions, this::id);
    }

    void unfollow() {
        if (follower != null) {
            follower.close();
            follower = null;
            drafted = 0;
        }
    }

    /** How many of its prompt's tokens can go through a layer in so much time; at least 1. */
    int affordable(double nanos) {
        // What a token takes in a few is but a hint of what it takes among many.
        int most = FEW + 2 * lastTokens;
        return nanosPerLayer == 0 ? FEW : (int) Math.clamp(nanos / nanosPerLayer, 1, most);
    }

    /** A pass computed {@code tokens} of this prompt, at so much time each in its slowest layer. */
    void layersTook(int tokens, double nanosEach) {
        nanosPerLayer = nanosEach;
        lastTokens = tokens;
    }

    /** Of one token, in the slowest layer of the last pass; 0: not known. */
    double nanosPerLayer() {
        return nanosPerLayer;
    }

    void addDecode(Batch batch) {
        entry = batch.begin(cache, prompt());
        batch.addToken(nextToken);
        for (int i = 0; i < drafted; i++) {
            // Where the answer may have to go on when the guess was wrong.
            cache.mark(entry.start() + 1 + i);
            batch.addToken(drafts[i]);
        }
        batch.end(1 + drafted);
    }

    /**
     * The tokens of a step were chosen.
     *
     * @param kept of the drafted tokens, how many are the answer's; the cache forgets the others
     */
    void verified(int kept) {
        cache.truncate(entry.start() + 1 + kept);
        if (follower != null) {
            follower.verified(drafted, kept, cache.length());
        }
        drafted = 0;
    }

    /** The answer has got this token. */
    void tokenAdded(int id) {
        nextToken = id;
        if (lookupDraft != null) {
            lookupDraft.add(id);
        }
    }

    /** After a step of a sequence that sees a part of its prompt, as {@link #stepped}. */
    void stepped(ChunkPublisher publisher, ChunkStore store, KvPool pool, long holdBytes) {
        int before = entry.start();
        stepped(publisher);
        if (before < promptLength()) {
            chunksPublished +=
                    reach.stepped(before, cache.length(), cache, plan, tenant, publisher, store, pool, holdBytes);
        }
    }

    /** After a step: publishes the chunks that it completed. */
    void stepped(ChunkPublisher publisher) {
        int before = entry.start();
        int after = cache.length();
        entry = null;
        if (after == promptLength()) {
            prefillEnded = System.nanoTime();
        }
        if (before < promptLength()) {
            soft.drop(after);
        }
        if (publisher == null || reach != null) {
            return;
        }
        for (CheckpointPlan.Place place : checkpoints.places()) {
            if (place.published() && place.position() > before && place.position() <= after) {
                publish(publisher, place);
            }
        }
        for (ChunkSpan span : plan.partial()) {
            if (span.end() > before && span.end() <= after && !wasRestored(span)) {
                publish(publisher, span);
            }
        }
        for (int start = before / CHUNK * CHUNK; start + CHUNK <= after; start += CHUNK) {
            ChunkSpan span = fullSpan(start);
            if (!wasRestored(span)) {
                publish(publisher, span);
            }
            if (span.end() <= promptLength() || publishesAnswers) {
                cache.share(span);
            }
            cache.dropStage(start);
        }
    }

    /** The last token of a prompt is computed even when its chunk was restored. */
    private boolean wasRestored(ChunkSpan span) {
        return span.equals(lastRestored);
    }

    /** Publishes what the answer has added to the chunk that is filling, so that a next turn can go on from it. */
    void publishTail(ChunkPublisher publisher) {
        int end = cache.length();
        int start = end / CHUNK * CHUNK;
        if (publisher == null || reach != null || end <= promptLength() || !publishesAnswers) {
            return;
        }
        ChunkKey key = key(start / CHUNK - 1);
        if (end > start) {
            ChunkSpan span = span(start, end);
            publish(publisher, span);
            key = span.key();
        }
        if (cache.needsCheckpoint()) {
            publish(publisher, CheckpointPlan.Place.of(end, key));
        }
    }

    private void publish(ChunkPublisher publisher, CheckpointPlan.Place place) {
        if (!request.cache().audits() && publisher.offer(tenant, cache, place)) {
            chunksPublished++;
        }
    }

    private void publish(ChunkPublisher publisher, ChunkSpan span) {
        boolean computedAsAPrompt = span.end() <= promptLength();
        if (!computedAsAPrompt && !publishesAnswers) {
            return;
        }
        if (request.cache().audits()) {
            publisher.compare(tenant, cache, span);
        } else if (publisher.offer(tenant, cache, span)) {
            chunksPublished++;
        }
    }

    private ChunkSpan fullSpan(int start) {
        int index = start / CHUNK;
        return index < plan.full().size() ? plan.full().get(index) : span(start, start + CHUNK);
    }

    private ChunkSpan span(int start, int end) {
        ChunkKey parent = key(start / CHUNK - 1);
        return new ChunkSpan(keys.chunk(parent, start, end, this::id, prompt()), parent, start, end);
    }

    /** Key of the full chunk {@code index} of prompt and answer; -1: the root. */
    private ChunkKey key(int index) {
        if (index < 0) {
            return ChunkKey.ROOT;
        }
        if (index < plan.full().size()) {
            return plan.full().get(index).key();
        }
        int beyond = index - plan.full().size();
        while (chain.size() <= beyond) {
            int start = (plan.full().size() + chain.size()) * CHUNK;
            ChunkKey parent = key(start / CHUNK - 1);
            chain.add(keys.chunk(parent, start, start + CHUNK, this::id, prompt()));
        }
        return chain.get(beyond);
    }

    /** Tells what was restored, and which soft tokens are needed. */
    void want() {
        List<Integer> wanted = prompt().softRunsFrom(tokensRestored);
        soft.want(wanted);
        sink.want(tokensRestored, wanted, plan == null ? List.of() : promptChunks());
    }

    /** Why it ends before its answer does: it was cancelled, or its time is over. */
    EngineException endedEarly() {
        return cancelled
                ? new EngineException.Cancelled()
                : new EngineException.DeadlinePassed("deadline: passed (expected: an answer before it)");
    }

    /** A token was chosen just now. */
    void tokenChosen(EngineMetrics metrics) {
        long now = System.nanoTime();
        if (firstToken == 0) {
            firstToken = now;
            metrics.firstToken(now - submitted);
        } else {
            metrics.nextToken(now - lastToken);
        }
        lastToken = now;
    }

    /**
     * @param usualMicrosPerToken what prefilling a token took lately; 0: not known
     * @param meaningful from so many tokens on, this prompt's own prefill is the better measure
     */
    Outcome outcome(Outcome.Reason reason, double usualMicrosPerToken, int meaningful) {
        int computed = promptLength() - tokensRestored;
        long prefillMicros = prefillBegan == 0 ? 0 : Math.max(0, prefillEnded - prefillBegan) / 1000;
        boolean own = computed >= meaningful || usualMicrosPerToken == 0;
        double microsPerToken = own ? (double) prefillMicros / computed : usualMicrosPerToken;
        var receipt = new Outcome.Receipt(
                tokensRestored,
                computed,
                chunksRestored,
                chunksPublished,
                bytesRestored,
                tokensByTier(),
                restoreMicros,
                prefillMicros,
                Math.max(0, (long) (tokensRestored * microsPerToken) - restoreMicros),
                firstToken == 0 ? 0 : (firstToken - submitted) / 1000,
                firstToken == 0 ? 0 : (lastToken - firstToken) / 1000,
                missReason);
        return new Outcome(
                reason,
                answer.end(),
                answer.stopped() == null ? "" : answer.stopped(),
                promptLength(),
                answer.count(),
                answer.thoughtCount(),
                prompt().countByModality(0, promptLength()),
                prompt().countByModality(0, tokensRestored),
                plan == null ? List.of() : promptChunks(),
                reach == null ? Outcome.Seen.everything(promptLength()) : reach.report(),
                receipt);
    }

    /** What a longer prompt needs to go on from this one. */
    private List<ChunkKey> promptChunks() {
        if (reach != null) {
            return reach.keys(plan);
        }
        List<ChunkKey> keys = new ArrayList<>(cache.hasGrowing() ? plan.whole() : List.of());
        if (!checkpoints.places().isEmpty()) {
            // The last one is always published.
            keys.add(checkpoints.places().getLast().key());
        }
        return keys;
    }

    private Map<String, Integer> tokensByTier() {
        Map<String, Integer> tokens = new TreeMap<>();
        if (tokensShared > 0) {
            tokens.put("pages", tokensShared);
        }
        if (tokensRestored > tokensShared) {
            tokens.put("redis", tokensRestored - tokensShared);
        }
        return tokens;
    }

    void close() {
        closeLookup();
        unfollow();
        if (cache != null) {
            cache.close();
        }
    }
}
