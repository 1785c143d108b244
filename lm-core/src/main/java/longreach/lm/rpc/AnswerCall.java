package longreach.lm.rpc;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.Generation;
import longreach.lm.engine.Outcome;
import longreach.lm.engine.TokenText;
import longreach.v1.GenerateDown;

/**
 * One call's way out. The engine's thread only puts messages down here; a single writer at a time takes them to the call
 * while it is ready, and ends it exactly once. When too many wait, the sequence pauses.
 */
final class AnswerCall implements AnswerSink {
    private static final int MAX_WAITING = 32;

    private final ServerCallStreamObserver<GenerateDown> call;
    private final Executor executor;
    private final TokenText tokens;
    private final ConcurrentLinkedQueue<GenerateDown> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waitingCount = new AtomicInteger();
    private final AtomicInteger drains = new AtomicInteger();
    private final AtomicBoolean ended = new AtomicBoolean();
    private volatile boolean complete;
    private volatile Throwable failure;
    private volatile Generation generation;
    private boolean closed;

    AnswerCall(ServerCallStreamObserver<GenerateDown> call, Executor executor, TokenText tokens) {
        this.call = call;
        this.executor = executor;
        this.tokens = tokens;
    }

    void attach(Generation generation) {
        this.generation = generation;
    }

    @Override
    public boolean ready() {
        return waitingCount.get() < MAX_WAITING;
    }

    @Override
    public void want(int restoredTokens, List<Integer> softRuns) {
        put(Replies.want(restoredTokens, softRuns));
    }

    @Override
    public void prefill(int doneTokens, int totalTokens) {
        put(Replies.prefill(doneTokens, totalTokens));
    }

    @Override
    public void token(Token token) {
        put(Replies.token(token, tokens));
    }

    @Override
    public void done(Outcome outcome) {
        if (ended.compareAndSet(false, true)) {
            Replies.done(outcome).forEach(this::add);
            complete = true;
            executor.execute(this::drain);
        }
    }

    @Override
    public void failed(Throwable cause) {
        if (ended.compareAndSet(false, true)) {
            failure = cause;
            executor.execute(this::drain);
        }
    }

    private void put(GenerateDown message) {
        if (!ended.get()) {
            add(message);
            executor.execute(this::drain);
        }
    }

    private void add(GenerateDown message) {
        waiting.add(message);
        waitingCount.incrementAndGet();
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
            call.onNext(message);
        }
        if (last && waiting.isEmpty()) {
            closed = true;
            call.onCompleted();
        }
    }

    private void clear() {
        waiting.clear();
        waitingCount.set(0);
    }
}
