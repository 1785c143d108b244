package longreach.lm.rpc;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.Generation;
import longreach.lm.engine.Outcome;
import longreach.store.api.ChunkKey;
import longreach.v1.GenerateDown;
import longreach.v1.TokenChunk;

/**
 * One call's way out. The engine's thread only puts messages down here; a single writer at a time takes them to the call
 * while it is ready, and ends it exactly once. When too many wait, the sequence pauses.
 *
 * <p>The first token leaves at once; later ones wait for each other for a moment and leave in one message. A message is
 * handled by some ten threads' turns from here to the client, on the cores that compute the next token.
 */
final class AnswerCall implements AnswerSink {
    private static final int MAX_WAITING = 32;
    // Below what a reader notices, and two or three tokens of a small model.
    private static final long GATHER_MILLIS = 50;

    private final ServerCallStreamObserver<GenerateDown> call;
    private final Executor executor;
    private final Executor later;
    private final Durability durability;
    private final ConcurrentLinkedQueue<GenerateDown> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waitingCount = new AtomicInteger();
    private final AtomicInteger drains = new AtomicInteger();
    private final AtomicBoolean gathering = new AtomicBoolean();
    private final AtomicBoolean ended = new AtomicBoolean();
    private volatile boolean complete;
    private volatile Throwable failure;
    private volatile Generation generation;
    private boolean closed;
    private boolean answered;

    /** Waits until what was published is in the store, or given up. */
    interface Durability {
        void await() throws InterruptedException;
    }

    /** @param durability waited for before the end, which then names the prompt's chunks; null: not asked for */
    AnswerCall(ServerCallStreamObserver<GenerateDown> call, Executor executor, Durability durability) {
        this.call = call;
        this.durability = durability;
        this.executor = executor;
        later = CompletableFuture.delayedExecutor(GATHER_MILLIS, TimeUnit.MILLISECONDS, executor);
    }

    void attach(Generation generation) {
        this.generation = generation;
    }

    @Override
    public boolean ready() {
        return waitingCount.get() < MAX_WAITING;
    }

    @Override
    public void want(int restoredTokens, List<Integer> softRuns, List<ChunkKey> promptChunks) {
        put(Replies.want(restoredTokens, softRuns, durability == null ? List.of() : promptChunks));
    }

    @Override
    public void prefill(int doneTokens, int totalTokens) {
        put(Replies.prefill(doneTokens, totalTokens));
    }

    @Override
    public void token(Token token) {
        GenerateDown message = Replies.token(token);
        if (!answered) {
            answered = true;
            put(message);
        } else if (!ended.get()) {
            add(message);
            if (gathering.compareAndSet(false, true)) {
                later.execute(() -> {
                    gathering.set(false);
                    drain();
                });
            }
        }
    }

    @Override
    public void done(Outcome outcome) {
        if (!ended.compareAndSet(false, true)) {
            return;
        }
        if (durability == null) {
            end(outcome);
            run(this::drain);
        } else {
            run(() -> {
                try {
                    durability.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                end(outcome);
                drain();
            });
        }
    }

    private void end(Outcome outcome) {
        Replies.done(outcome, durability != null).forEach(this::add);
        complete = true;
    }

    @Override
    public void failed(Throwable cause) {
        if (ended.compareAndSet(false, true)) {
            failure = cause;
            run(this::drain);
        }
    }

    private void put(GenerateDown message) {
        if (!ended.get()) {
            add(message);
            run(this::drain);
        }
    }

    private void add(GenerateDown message) {
        waiting.add(message);
        waitingCount.incrementAndGet();
    }

    /** The engine ends its requests when the service may be gone already: then there is nobody to tell. */
    private void run(Runnable work) {
        try {
            executor.execute(work);
        } catch (RejectedExecutionException closing) {
            ended.set(true);
        }
    }

    /** Writes what can be written. Any thread may call it; one at a time does the work. */
    void drain() {
        if (drains.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        while (seen != 0) {
            boolean wasFull = !ready();
            write();
            if (wasFull && ready() && generation != null) {
                generation.resume();
            }
            seen = drains.addAndGet(-seen);
        }
    }

    private void write() {
        if (closed) {
            clear();
            return;
        }
        if (call.isCancelled()) {
            closed = true;
            clear();
            return;
        }
        if (failure != null) {
            closed = true;
            clear();
            call.onError(StatusMapper.toStatus(failure));
            return;
        }
        boolean last = complete;
        while (call.isReady()) {
            GenerateDown message = waiting.poll();
            if (message == null) {
                break;
            }
            waitingCount.decrementAndGet();
            call.onNext(message.hasTokens() ? withFollowing(message) : message);
        }
        if (last && waiting.isEmpty()) {
            closed = true;
            call.onCompleted();
        }
    }

    /** A message of tokens together with those that wait right behind it. */
    private GenerateDown withFollowing(GenerateDown first) {
        GenerateDown next = waiting.peek();
        if (next == null || !next.hasTokens()) {
            return first;
        }
        TokenChunk.Builder all = first.getTokens().toBuilder();
        var text = new StringBuilder(all.getText());
        var thought = new StringBuilder(all.getThought());
        for (; next != null && next.hasTokens(); next = waiting.peek()) {
            TokenChunk chunk = waiting.remove().getTokens();
            waitingCount.decrementAndGet();
            all.addAllTokenIds(chunk.getTokenIdsList())
                    .addAllLogprobs(chunk.getLogprobsList())
                    .addAllCalls(chunk.getCallsList());
            text.append(chunk.getText());
            thought.append(chunk.getThought());
        }
        return GenerateDown.newBuilder()
                .setTokens(all.setText(text.toString()).setThought(thought.toString()))
                .build();
    }

    private void clear() {
        waiting.clear();
        waitingCount.set(0);
    }
}
