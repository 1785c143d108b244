package longreach.lm.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import longreach.lm.kv.ChunkPublisher;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.kv.KvReservation;
import longreach.lm.model.Batch;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.sample.Sampling;
import longreach.lm.schedule.FairQueue;
import longreach.lm.schedule.PrefillTurns;
import longreach.lm.schedule.StepCost;
import longreach.lm.schedule.StepPlan;
import longreach.lm.select.TextEmbedder;
import longreach.lm.speculate.Speculation;
import longreach.store.api.ChunkStore;
import longreach.tensor.kernel.Kernels;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs requests over one model. A single thread steps all of them together: each step computes one token of every sequence
 * that decodes, and between such steps some layers of the next tokens of prompts, so that a long prefill never stops other
 * people's tokens.
 *
 * <p>Admission is by pages: a sequence starts when all the pages that it may need are free, and can then not run out of
 * them. Cancellation and deadlines are looked at before every step. The store is asked from a virtual thread; the engine's
 * thread never waits for it.
 */
public final class Engine implements AutoCloseable {
    /** A bidirectional run is computed in one step, whatever the budget. */
    public static final int MAX_BIDIRECTIONAL = 1024;

    /** How many positions of a step can be taken back after it, in every kind of layer. */
    public static final int MAX_ROLLBACK = 16;

    // More than the paper's 4 pays only where nearly all are right.
    private static final int MODEL_GUESSES = 6;
    // What layers of prompts may take between two steps that decode, in times of such a step: others' tokens then come
    // at
    // a third of their pace, and with what a machine adds of its own still within four times their usual gap.
    private static final double PREFILL_SHARE = 2;
    // What the draft model may read in such a step.
    private static final double CATCH_UP_SHARE = 0.5;
    // Between two looks at deadlines of requests that wait for something.
    private static final long IDLE_NANOS = Duration.ofMillis(50).toNanos();
    // Below this a prompt's own prefill says little about the speed of prefill.
    private static final int MEANINGFUL_PREFILL = 64;

    private static final Logger log = LoggerFactory.getLogger(Engine.class);

    private final LanguageModel model;
    private final ModelCard card;
    private final Kernels kernels;
    private final TokenText tokens;
    private final EngineSettings settings;
    private final ChunkStore store;
    private final KvPool pool;
    private final ChunkPublisher publisher;
    private final StoreReads reads;
    private final LongSelection selection;
    private final boolean publishesAnswers;
    private final EngineMetrics metrics;
    private final Batch batch;
    private final PrefillPass beside;
    // Most rows of one sequence in one step.
    private final int maxStep;
    private final Thread thread;

    private final ConcurrentLinkedQueue<Runnable> inbox = new ConcurrentLinkedQueue<>();
    private final FairQueue<Sequence> queue;
    private final PrefillTurns turns = new PrefillTurns();
    private final List<Sequence> running = new ArrayList<>();
    private final List<Sequence> stepping = new ArrayList<>();
    private final StepCost cost = new StepCost();
    private final StepPlan plan;
    private final DraftModel draft;
    private final LongSupplier clock;
    private volatile double auditShare;
    private volatile boolean closing;
    private volatile boolean woken;
    private double prefillMicrosPerToken;

    /**
     * Takes over the model; the store, null for none, stays the caller's.
     *
     * @param precision part of every chunk's key, and the type of the pages
     */
    public Engine(
            LanguageModel model,
            Kernels kernels,
            TokenText tokens,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            EngineMetrics metrics) {
        this(model, kernels, tokens, precision, store, settings, metrics, null);
    }

    /**
     * As above, with a model that guesses.
     *
     * @param draft taken over; null: none
     * @throws IllegalArgumentException unless there is one exactly when the settings want one, of the same vocabulary
     */
    public Engine(
            LanguageModel model,
            Kernels kernels,
            TokenText tokens,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            EngineMetrics metrics,
            DraftModel draft) {
        this(model, kernels, tokens, precision, store, settings, metrics, draft, null);
    }

    /**
     * As above, with what tells which texts mean alike.
     *
     * @param embedder by which blocks of long contexts are chosen; stays the caller's; null: none
     */
    public Engine(
            LanguageModel model,
            Kernels kernels,
            TokenText tokens,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            EngineMetrics metrics,
            DraftModel draft,
            TextEmbedder embedder) {
        this(model, kernels, tokens, precision, store, settings, metrics, draft, embedder, System::nanoTime);
    }

    /** @param clock by which steps are timed */
    Engine(
            LanguageModel model,
            Kernels kernels,
            TokenText tokens,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            EngineMetrics metrics,
            DraftModel draft,
            TextEmbedder embedder,
            LongSupplier clock) {
        if ((settings.speculation() == Speculation.DRAFT) != (draft != null)) {
            throw new IllegalArgumentException("speculation: " + settings.speculation() + ", draft model: "
                    + (draft == null ? "none" : draft.card().name()) + " (expected: a draft model exactly for DRAFT)");
        }
        if (draft != null && draft.card().vocabulary() != model.card().vocabulary()) {
            throw new IllegalArgumentException("draft model: " + draft.card().vocabulary() + " tokens (expected: "
                    + model.card().vocabulary() + ", the model's)");
        }
        this.draft = draft;
        this.clock = clock;
        this.model = model;
        this.card = model.card();
        this.kernels = kernels;
        this.tokens = tokens;
        this.settings = settings;
        this.store = store;
        this.metrics = metrics;
        pool = new KvPool(kernels, model.kvShape(), precision.codec(), settings.kvBytes());
        publisher = store == null ? null : new ChunkPublisher(store, pool, metrics::audited);
        reads = new StoreReads(
                store,
                pool,
                publisher,
                metrics,
                Computation.of(card, precision, kernels, settings.reach()),
                new Loop());
        selection = new LongSelection(tokens, card.vocabulary(), embedder);
        publishesAnswers = precision.generatesAsItPrefills();
        queue = new FairQueue<>(settings.maxQueue());
        maxStep = Math.max(settings.stepTokens(), Math.min(MAX_BIDIRECTIONAL, card.context()));
        double rowCost = settings.rowCost();
        plan = new StepPlan(rowCost > 0 ? n -> 1 + n * rowCost : cost::decodeNanos);
        int decodes = settings.maxRunning() + draftRows();
        batch = new Batch(card, maxStep + decodes, decodes);
        int most = settings.prefillBudget() + Math.min(MAX_BIDIRECTIONAL, card.context());
        beside = new PrefillPass(model.pass(), new Batch(card, most, PrefillPass.SEQUENCES), clock);
        thread = Thread.ofPlatform().name("engine-" + card.name()).unstarted(this::work);
        thread.start();
    }

    /** Most guesses of all sequences in a step. */
    private int draftRows() {
        return switch (settings.speculation()) {
            case OFF -> 0;
            case LOOKUP -> 2 * settings.maxDraft();
            case DRAFT -> settings.maxRunning() * modelGuesses();
        };
    }

    /** Most guesses of the draft model at one sequence in a step. */
    private int modelGuesses() {
        return Math.min(settings.maxDraft(), MODEL_GUESSES);
    }

    /** Most positions that a sequence takes back after a step. */
    private int rollback() {
        return settings.speculation() == Speculation.OFF ? 0 : settings.maxDraft();
    }

    /** Most tokens of a prompt, whatever the answer then sees of it. */
    public int mostPromptTokens() {
        boolean reaches = settings.reach().enabled() && !pool.shape().needsCheckpoint();
        return reaches ? Math.max(card.context(), settings.reach().maxTokens()) : card.context();
    }

    public ModelCard card() {
        return card;
    }

    public KvPool pool() {
        return pool;
    }

    /**
     * Queues a request.
     *
     * @throws EngineException.InvalidRequest when the prompt does not fit the model
     * @throws EngineException.Overloaded when it could never get its pages; a full queue is told to the sink
     */
    public Generation submit(GenerateRequest request, AnswerSink sink) {
        LongShape shape = LongShape.of(request, settings.reach(), card.context(), pool.shape());
        PromptCheck.check(request, card, shape != null);
        int prompt = request.prompt().length();
        int positions =
                shape == null ? (int) Math.min(card.context(), (long) prompt + request.maxTokens()) : shape.places();
        int most = pool.mostPositions(maxStep, rollback());
        if (positions > most) {
            throw new EngineException.Overloaded("prompt and answer: " + positions + " tokens (expected: at most "
                    + most + ", which is what lm-core.kv-bytes holds)");
        }
        var answer =
                new AnswerText(request, ThreadLocalRandom.current().nextLong(), tokens, kernels, card.vocabulary());
        LongRun reach = shape == null
                ? null
                : new LongRun(
                        shape, request.prompt(), selection, settings.reach().selector());
        var sequence = new Sequence(
                request,
                sink,
                answer,
                card.width(),
                shape == null ? positions : shape.positions(),
                publishesAnswers,
                reach);
        post(() -> enqueue(sequence));
        return new Handle(sequence);
    }

    /** Waits until every chunk offered so far is in the store or given up. */
    public boolean flush(Duration limit) throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        return selection.awaitIndexed(limit)
                && (publisher == null || publisher.flush(Duration.ofNanos(deadline - System.nanoTime())));
    }

    private final class Handle implements Generation {
        private final Sequence sequence;

        Handle(Sequence sequence) {
            this.sequence = sequence;
        }

        @Override
        public void soft(int run, int offset, float[] rows) {
            sequence.soft.add(run, offset, rows);
            wake();
        }

        @Override
        public void softEnded() {
            sequence.soft.end();
            wake();
        }

        @Override
        public void resume() {
            wake();
        }

        @Override
        public void cancel() {
            sequence.cancelled = true;
            wake();
        }
    }

    private void post(Runnable event) {
        inbox.add(event);
        wake();
    }

    private void wake() {
        woken = true;
        LockSupport.unpark(thread);
    }

    private void work() {
        while (!closing) {
            woken = false;
            for (Runnable event = inbox.poll(); event != null; event = inbox.poll()) {
                event.run();
            }
            dropEnded();
            admit();
            boolean restored = restore();
            boolean read = draftReads();
            choose();
            fillBatch();
            metrics.state(running.size(), queue.size(), (double) pool.bytesReserved() / pool.capacityBytes());
            boolean decoded = !batch.isEmpty();
            if (decoded) {
                step();
            }
            if (beside.isUnderWay()) {
                prefillBeside(decoded ? PREFILL_SHARE * cost.decodeNanos(plan.rows()) : Double.POSITIVE_INFINITY);
            } else if (decoded) {
                continue;
            } else if (!restored && !read && !woken) {
                boolean anybody = !running.isEmpty() || queue.size() > 0;
                if (anybody) {
                    LockSupport.parkNanos(this, IDLE_NANOS);
                } else {
                    LockSupport.park(this);
                }
            }
        }
        for (Runnable event = inbox.poll(); event != null; event = inbox.poll()) {
            event.run();
        }
        queue.removeIf(s -> true).forEach(s -> s.sink.failed(new EngineException.Closing()));
        List.copyOf(running).forEach(s -> fail(s, new EngineException.Closing()));
    }

    /** What comes back from the store's threads. */
    private final class Loop implements StoreReads.EventLoop {
        @Override
        public void post(Runnable event) {
            Engine.this.post(event);
        }

        @Override
        public void wake() {
            Engine.this.wake();
        }

        @Override
        public boolean isRunning(Sequence sequence) {
            return !closing && running.contains(sequence);
        }

        @Override
        public void fail(Sequence sequence, Throwable cause) {
            Engine.this.fail(sequence, cause);
        }
    }

    private void enqueue(Sequence sequence) {
        if (closing) {
            sequence.sink.failed(new EngineException.Closing());
        } else if (!queue.offer(sequence.request.tenant(), sequence)) {
            sequence.sink.failed(new EngineException.Overloaded(
                    "requests waiting: " + queue.size() + " (expected: fewer than " + settings.maxQueue() + ")"));
        }
    }

    /** Frees what was cancelled, ran out of time, or waits for soft tokens that will not come. */
    private void dropEnded() {
        long now = System.nanoTime();
        for (Sequence gone : queue.removeIf(s -> s.cancelled || s.request.expired(now))) {
            gone.sink.failed(gone.endedEarly());
        }
        for (int i = running.size() - 1; i >= 0; i--) {
            Sequence sequence = running.get(i);
            if (beside.holds(sequence)) {
                // Its pages are being written: it ends with the pass.
                continue;
            }
            if (sequence.cancelled || sequence.request.expired(now)) {
                fail(sequence, sequence.endedEarly());
            } else if (sequence.starved()) {
                fail(
                        sequence,
                        new EngineException.InvalidRequest("soft tokens: the stream ended before position "
                                + sequence.cache.length() + " (expected: all wanted segments)"));
            }
        }
    }

    private void admit() {
        while (running.size() < settings.maxRunning() && queue.size() > 0) {
            Sequence next = queue.peek();
            int places = next.reach == null ? next.positions : next.reach.shape.places();
            KvReservation reservation = pool.reserve(places, maxStep, rollback());
            if (reservation == null) {
                return;
            }
            queue.poll();
            boolean writes = publisher != null && next.request.cache().writes();
            next.cache = next.reach == null
                    ? new KvCache(pool, model.rotation(), reservation, writes)
                    : KvCache.arranged(pool, model.rotation(), reservation, next.positions);
            running.add(next);
            reads.lookUp(next);
        }
    }

    /** Has blocks chosen for the sequences that have reached their question. */
    private void choose() {
        for (Sequence sequence : running) {
            if (sequence.lookedUp
                    && sequence.reach != null
                    && sequence.reach.reachedQuestion(sequence.cache.length())) {
                reads.choose(sequence);
            }
        }
    }

    /** One chunk of every sequence that is being restored; false when none was there. */
    private boolean restore() {
        boolean any = false;
        for (int i = running.size() - 1; i >= 0; i--) {
            Sequence sequence = running.get(i);
            if (sequence.lookup != null) {
                try {
                    any |= sequence.restoreNext();
                } catch (RuntimeException | Error e) {
                    fail(sequence, e);
                }
            }
        }
        return any;
    }

    /** Has the draft model read on in what it is behind in; true when there was anything. */
    private boolean draftReads() {
        if (draft == null) {
            return false;
        }
        List<Sequence> answering = new ArrayList<>();
        boolean others = false;
        for (Sequence sequence : running) {
            if (sequence.decoding()) {
                if (!sequence.offered && sequence.reach == null) {
                    sequence.offered = true;
                    sequence.follow(draft);
                }
                answering.add(sequence);
                others |= !sequence.seeded();
            }
        }
        double nanos = others ? CATCH_UP_SHARE * cost.decodeNanos(answering.size()) : Double.POSITIVE_INFINITY;
        try {
            return draft.catchUp(answering, nanos);
        } catch (RuntimeException | Error e) {
            draftFailed(answering, e);
            return false;
        }
    }

    private void fillBatch() {
        batch.clear();
        stepping.clear();
        List<Sequence> prefilling = new ArrayList<>();
        for (Sequence sequence : running) {
            if (sequence.decoding() && sequence.sink.ready()) {
                // Without its guesses a seeded answer would be another one.
                boolean waits = sequence.seeded()
                        && sequence.follower != null
                        && !sequence.follower.ready(sequence.cache.length());
                if (!waits) {
                    stepping.add(sequence);
                }
            } else if (sequence.prefilling() && !beside.holds(sequence)) {
                prefilling.add(sequence);
            }
        }
        planGuesses();
        for (Sequence sequence : stepping) {
            sequence.addDecode(batch);
        }
        if (prefilling.isEmpty() || beside.isUnderWay()) {
            return;
        }
        if (stepping.isEmpty()) {
            addPrefill(prefilling);
        } else if (cost.knowsDecode()) {
            double between = PREFILL_SHARE * cost.decodeNanos(plan.rows());
            var prompts = turns.order(prefilling, s -> s.request.tenant());
            beside.begin(prompts, settings.prefillBudget(), between, card.width());
            if (beside.isUnderWay()) {
                beside.sequences().forEach(s -> turns.served(s.request.tenant()));
            }
        }
    }

    /** Decides how many guesses of each sequence that decodes are worth their rows, and makes them. */
    private void planGuesses() {
        int decoding = stepping.size();
        plan.begin(decoding, draftRows());
        if (decoding == 0) {
            return;
        }
        if (draft == null) {
            for (Sequence sequence : stepping) {
                if (settings.speculation() == Speculation.LOOKUP && sequence.reach == null) {
                    sequence.lookUp(Math.min(settings.maxDraft(), draftRows() / decoding), plan);
                }
            }
            return;
        }
        double share = (double) draft.card().parameters() / card.parameters();
        double each;
        if (settings.rowCost() > 0) {
            each = share * (1 + settings.rowCost());
        } else if (draft.nanosPerGuess() == 0) {
            each = share * cost.decodeNanos(1);
        } else {
            each = draft.nanosPerGuess() / decoding;
        }
        for (Sequence sequence : stepping) {
            if (sequence.follower != null) {
                int most = Math.min(modelGuesses(), sequence.guessable());
                int computed = sequence.cache.length();
                sequence.guess(
                        sequence.seeded()
                                ? sequence.follower.seededLength(computed, most, plan, share)
                                : sequence.follower.length(computed, most, plan, each));
            }
        }
        try {
            draft.guess(stepping);
        } catch (RuntimeException | Error e) {
            draftFailed(stepping, e);
            plan.begin(decoding, 0);
        }
    }

    /** Answers go on without guesses; seeded ones are then other ones than they would have been. */
    private static void draftFailed(List<Sequence> sequences, Throwable cause) {
        log.error("draft model failed: answers go on without it", cause);
        sequences.forEach(Sequence::unfollow);
    }

    /** Fills a step in which nobody decodes with prompts' next tokens. */
    private void addPrefill(List<Sequence> prefilling) {
        int budget = settings.stepTokens();
        for (Sequence sequence : turns.order(prefilling, s -> s.request.tenant())) {
            // A budget that bidirectional runs have overdrawn lets nobody else in.
            if (budget <= 0) {
                return;
            }
            int count = sequence.prefillable(budget, batch.maxTokens() - batch.tokens());
            if (count > 0) {
                sequence.addPrefill(batch, count, card.width());
                stepping.add(sequence);
                turns.served(sequence.request.tenant());
                budget -= count;
            }
        }
    }

    /** Layers of prompts until the time is used, or the pass has ended. */
    private void prefillBeside(double nanos) {
        List<Sequence> prompts = beside.sequences();
        try {
            beside.run(nanos);
        } catch (RuntimeException | Error e) {
            log.error("prefill failed", e);
            beside.drop();
            prompts.forEach(s -> fail(s, e));
            return;
        }
        if (!beside.isUnderWay()) {
            prefillTook(beside.batch().tokens(), beside.nanos());
            prompts.forEach(s -> settle(s, beside.batch()));
        }
    }

    private void step() {
        long began = clock.getAsLong();
        try {
            model.forward(batch);
        } catch (RuntimeException | Error e) {
            log.error("step failed", e);
            List.copyOf(stepping).forEach(s -> fail(s, e));
            return;
        }
        long nanos = clock.getAsLong() - began;
        if (plan.rows() > 0) {
            cost.decoded(plan.rows(), nanos);
        } else {
            prefillTook(batch.tokens(), nanos);
        }
        for (Sequence sequence : stepping) {
            settle(sequence, batch);
        }
    }

    private void prefillTook(int tokens, long nanos) {
        if (tokens >= MEANINGFUL_PREFILL) {
            double measured = (double) (nanos / 1000) / tokens;
            prefillMicrosPerToken =
                    prefillMicrosPerToken == 0 ? measured : 0.8 * prefillMicrosPerToken + 0.2 * measured;
        }
    }

    private void settle(Sequence sequence, Batch computed) {
        try {
            stepped(sequence, computed);
        } catch (RuntimeException | Error e) {
            log.error("sequence failed", e);
            fail(sequence, e);
        }
    }

    /** @param from where its logits are */
    private void stepped(Sequence sequence, Batch from) {
        ChunkPublisher publishing = sequence.request.cache().writes() && sequence.plan != null ? publisher : null;
        Outcome.Reason end;
        if (sequence.entry.start() < sequence.promptLength()) {
            int computed = sequence.entry.tokens();
            int logits = sequence.entry.logitIndex();
            if (sequence.reach == null) {
                sequence.stepped(publishing);
            } else {
                sequence.stepped(publishing, store, pool, settings.reach().holdBytes());
            }
            metrics.prefilled(computed);
            sequence.sink.prefill(sequence.cache.length(), sequence.promptLength());
            if (sequence.cache.length() < sequence.promptLength()) {
                return;
            }
            end = sequence.request.maxTokens() == 0 ? Outcome.Reason.PREFILLED : choose(sequence, from, logits, 0);
        } else {
            end = verify(sequence);
            sequence.stepped(publishing);
        }
        if (end != null) {
            finish(sequence, end);
        }
    }

    /** Chooses tokens as long as they are those that were guessed, and one more. Returns why the answer ends, or null. */
    private Outcome.Reason verify(Sequence sequence) {
        int logits = sequence.entry.logitIndex();
        int kept = 0;
        Outcome.Reason end = choose(sequence, batch, logits, 0);
        while (end == null && kept < sequence.drafted && sequence.nextToken == sequence.drafts[kept]) {
            kept++;
            end = choose(sequence, batch, logits + kept, kept);
        }
        if (sequence.drafted > 0) {
            metrics.speculated(settings.speculation(), sequence.drafted, kept);
        }
        sequence.verified(kept);
        return end;
    }

    /**
     * Chooses the next token from a row of logits, whose guess is number {@code guess} of the step if there are so many.
     * Returns why the answer ends with it, or null.
     */
    private Outcome.Reason choose(Sequence sequence, Batch from, int logitIndex, int guess) {
        int offset = from.logitsOffset(logitIndex);
        AnswerSink.Token token = sequence.follower != null && guess < sequence.drafted
                ? sequence.answer.next(from.logits(), offset, sequence.follower.guessed(guess), sequence.drafts[guess])
                : sequence.answer.next(from.logits(), offset);
        sequence.tokenChosen(metrics);
        if (token == null) {
            return Outcome.Reason.STOP;
        }
        sequence.tokenAdded(token.id());
        sequence.sink.token(token);
        if (sequence.answer.stopped() != null || sequence.answer.whole()) {
            return Outcome.Reason.STOP;
        }
        if (sequence.answer.count() >= sequence.request.maxTokens()) {
            return Outcome.Reason.MAX_TOKENS;
        }
        // The prompt and all of the answer but its last token, which is not computed yet.
        int computed = sequence.promptLength() + sequence.answer.count() - 1;
        int full = sequence.reach == null ? card.context() : sequence.reach.full(card.context());
        return computed >= full ? Outcome.Reason.CONTEXT_FULL : null;
    }

    private void finish(Sequence sequence, Outcome.Reason reason) {
        if (sequence.request.cache().writes() && sequence.plan != null) {
            sequence.publishTail(publisher);
        }
        Outcome outcome = sequence.outcome(reason, prefillMicrosPerToken, MEANINGFUL_PREFILL);
        running.remove(sequence);
        sequence.close();
        metrics.finished(outcome);
        sequence.sink.done(outcome);
        if (outcome.receipt().tokensRestored() > 0
                && ThreadLocalRandom.current().nextDouble() < auditShare) {
            audit(sequence);
        }
    }

    /**
     * Has a share of the requests that restored something computed again in the background, and compared chunk by chunk
     * with what the store has. A chunk that differs is replaced and counted. Of prompts of text alone.
     *
     * @param share of requests, 0 to 1
     */
    public void auditing(double share) {
        auditShare = share;
    }

    private void audit(Sequence restored) {
        GenerateRequest request = restored.request;
        boolean text = restored.prompt().softRunsFrom(0).isEmpty();
        if (closing
                || store == null
                || restored.reach != null
                || !text
                || request.cache().audits()) {
            return;
        }
        var again = new GenerateRequest(
                request.tenant(),
                request.prompt(),
                Sampling.GREEDY,
                0,
                GenerateRequest.CacheMode.AUDIT,
                GenerateRequest.NO_DEADLINE);
        try {
            submit(again, new AuditSink());
        } catch (EngineException e) {
            log.debug("audit left out: {}", e.getMessage());
        }
    }

    private void fail(Sequence sequence, Throwable cause) {
        running.remove(sequence);
        sequence.close();
        sequence.sink.failed(cause);
    }

    /** Ends every request, and frees pages and weights. */
    @Override
    public void close() {
        closing = true;
        wake();
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                if (publisher != null) {
                    publisher.close();
                }
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        selection.close();
        pool.close();
        model.close();
        if (draft != null) {
            draft.close();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
