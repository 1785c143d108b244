package longreach.lm.openai;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.Generation;
import longreach.lm.engine.Outcome;
import longreach.v1.Modality;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * One answer of the other server. A virtual thread reads it and tells the sink; another one watches the clock. Whatever
 * ends the answer early closes the connection, which is what makes the other server stop.
 */
final class OpenAiCall implements Generation {
    private static final int MAX_ERROR_BYTES = 64 << 10;
    private static final long LOOK_NANOS = 50_000_000;
    private static final int MODALITIES = Modality.values().length - 1;

    private final AnswerSink sink;
    private final int estimatedPrompt;
    private final boolean choice;
    private final long deadlineNanos;
    private final long idleNanos;
    private final long began = System.nanoTime();
    private final Object changed = new Object();

    private CompletableFuture<HttpResponse<InputStream>> pending;
    private InputStream body;
    private EngineException stopped;
    private boolean over;
    private long lastEvent = System.nanoTime();
    private long firstToken;
    private long lastToken;

    /** @param choice whether the answer is a JSON string of which the content is wanted */
    OpenAiCall(AnswerSink sink, int estimatedPrompt, boolean choice, long deadlineNanos, long idleNanos) {
        this.sink = sink;
        this.estimatedPrompt = estimatedPrompt;
        this.choice = choice;
        this.deadlineNanos = deadlineNanos;
        this.idleNanos = idleNanos;
    }

    void start(HttpClient http, HttpRequest request) {
        pending = http.sendAsync(request, HttpResponse.BodyHandlers.ofInputStream());
        Thread.ofVirtual().name("openai-answer").start(this::run);
        Thread.ofVirtual().name("openai-clock").start(this::watch);
    }

    private void run() {
        try {
            sink.want(0, List.of(), List.of());
            HttpResponse<InputStream> response = pending.get();
            synchronized (changed) {
                body = response.body();
            }
            throwIfStopped();
            if (response.statusCode() != 200) {
                throw refusal(response);
            }
            finish(read(body));
        } catch (Throwable e) {
            end(() -> sink.failed(cause(e)));
        } finally {
            closeBody();
        }
    }

    private ChatDeltas read(InputStream in) throws IOException, InterruptedException {
        var deltas = new ChatDeltas(choice);
        var lines = new EventLines(in);
        for (String data = lines.next(); data != null && !data.equals("[DONE]"); data = lines.next()) {
            AnswerSink.Token token = deltas.add(data);
            synchronized (changed) {
                lastEvent = System.nanoTime();
            }
            if (token != null) {
                tell(token);
            }
        }
        throwIfStopped();
        if (deltas.reason() == null) {
            throw new EngineException.Upstream("openai: the answer broke off (expected: a finish_reason)");
        }
        AnswerSink.Token last = deltas.last();
        if (last != null) {
            tell(last);
        }
        return deltas;
    }

    /** Waits while the reader is slower than the other server; that one is held back by the connection then. */
    private void tell(AnswerSink.Token token) throws InterruptedException {
        synchronized (changed) {
            while (stopped == null && !sink.ready()) {
                changed.wait(LOOK_NANOS / 1_000_000);
                lastEvent = System.nanoTime();
            }
        }
        throwIfStopped();
        lastToken = System.nanoTime();
        if (firstToken == 0) {
            firstToken = lastToken;
        }
        sink.token(token);
    }

    private void finish(ChatDeltas deltas) {
        int prompt = deltas.promptTokens(estimatedPrompt);
        int cached = Math.min(prompt, deltas.cachedTokens());
        int[] byModality = new int[MODALITIES];
        byModality[Modality.TEXT_VALUE] = prompt;
        int[] cachedByModality = new int[MODALITIES];
        cachedByModality[Modality.TEXT_VALUE] = cached;
        var receipt = new Outcome.Receipt(
                cached,
                prompt - cached,
                0,
                0,
                0,
                cached > 0 ? Map.of("upstream", cached) : Map.of(),
                0,
                firstToken == 0 ? 0 : (firstToken - began) / 1000,
                0,
                firstToken == 0 ? 0 : (firstToken - began) / 1000,
                firstToken == 0 ? 0 : (lastToken - firstToken) / 1000,
                deltas.tellsCached() ? "" : "not told by the other server");
        var outcome = new Outcome(
                deltas.reason(),
                "",
                "",
                prompt,
                deltas.outputTokens(),
                deltas.thoughtTokens(),
                byModality,
                cachedByModality,
                List.of(),
                Outcome.Seen.everything(prompt),
                receipt);
        end(() -> sink.done(outcome));
    }

    private void end(Runnable tellSink) {
        synchronized (changed) {
            if (over) {
                return;
            }
            over = true;
            changed.notifyAll();
        }
        tellSink.run();
    }

    private Throwable cause(Throwable thrown) {
        synchronized (changed) {
            if (stopped != null) {
                return stopped;
            }
        }
        Throwable cause = thrown instanceof ExecutionException wrapped ? wrapped.getCause() : thrown;
        return switch (cause) {
            case EngineException known -> known;
            case java.net.http.HttpTimeoutException e ->
                new EngineException.Upstream("openai: no connection in time (expected: a server that answers)");
            case IOException e ->
                new EngineException.Upstream("openai: " + reason(e) + " (expected: a server that answers)");
            default -> cause;
        };
    }

    private static String reason(IOException e) {
        return e instanceof java.net.ConnectException ? "no connection" : "the connection broke";
    }

    private static EngineException refusal(HttpResponse<InputStream> response) throws IOException {
        byte[] bytes = response.body().readNBytes(MAX_ERROR_BYTES);
        String text = new String(bytes, StandardCharsets.UTF_8);
        String said;
        try {
            said = ChatDeltas.message(JsonMapper.shared().readTree(text));
        } catch (JacksonException e) {
            said = "no reason given";
        }
        int status = response.statusCode();
        return switch (status) {
            case 400, 413, 422 -> new EngineException.InvalidRequest("openai: " + said);
            case 401, 403 ->
                new EngineException.Upstream(
                        "openai: status " + status + " (expected: lm-core.openai.api-key that the server accepts)");
            case 404 ->
                new EngineException.Upstream("openai: status 404: " + said
                        + " (expected: lm-core.openai.base-url and model that the server has)");
            case 408, 504 -> new EngineException.DeadlinePassed("openai: status " + status + ": " + said);
            case 429 -> new EngineException.Overloaded("openai: " + said);
            default -> new EngineException.Upstream("openai: status " + status + ": " + said);
        };
    }

    private void watch() {
        try {
            synchronized (changed) {
                while (!over && stopped == null) {
                    long now = System.nanoTime();
                    if (deadlineNanos != Long.MAX_VALUE && now - deadlineNanos >= 0) {
                        stopped =
                                new EngineException.DeadlinePassed("deadline: passed (expected: an answer before it)");
                    } else if (now - lastEvent > idleNanos) {
                        stopped = new EngineException.DeadlinePassed("openai: silent for " + idleNanos / 1_000_000_000
                                + " s (expected: less, lm-core.openai.idle)");
                    } else {
                        changed.wait(LOOK_NANOS / 1_000_000);
                    }
                }
                if (over) {
                    return;
                }
            }
            abort();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void throwIfStopped() {
        synchronized (changed) {
            if (stopped != null) {
                throw stopped;
            }
        }
    }

    private void abort() {
        pending.cancel(true);
        closeBody();
    }

    private void closeBody() {
        InputStream open;
        synchronized (changed) {
            open = body;
        }
        if (open != null) {
            try {
                open.close();
            } catch (IOException e) {
                // It is broken already, which is as good as closed.
                Thread.onSpinWait();
            }
        }
    }

    @Override
    public void soft(int run, int offset, float[] rows) {
        throw new EngineException.InvalidRequest("soft tokens: given (expected: none, this model takes text only)");
    }

    @Override
    public void softEnded() {
        // None were asked for.
    }

    @Override
    public void resume() {
        synchronized (changed) {
            changed.notifyAll();
        }
    }

    @Override
    public void cancel() {
        synchronized (changed) {
            if (over || stopped != null) {
                return;
            }
            stopped = new EngineException.Cancelled();
            changed.notifyAll();
        }
        abort();
    }
}
