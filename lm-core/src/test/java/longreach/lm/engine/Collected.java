package longreach.lm.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import longreach.store.api.ChunkKey;

/** A sink that keeps everything. */
public class Collected implements AnswerSink {
    public final List<Token> tokens = new ArrayList<>();
    public final CompletableFuture<Want> want = new CompletableFuture<>();
    public final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    public final CompletableFuture<Void> firstToken = new CompletableFuture<>();
    public volatile boolean ready = true;

    public record Want(int restored, List<Integer> softRuns) {}

    @Override
    public boolean ready() {
        return ready;
    }

    @Override
    public void want(int restoredTokens, List<Integer> softRuns, List<ChunkKey> promptChunks) {
        want.complete(new Want(restoredTokens, softRuns));
    }

    @Override
    public void prefill(int doneTokens, int totalTokens) {}

    @Override
    public synchronized void token(Token token) {
        tokens.add(token);
        firstToken.complete(null);
    }

    @Override
    public void done(Outcome ended) {
        outcome.complete(ended);
    }

    @Override
    public void failed(Throwable cause) {
        want.completeExceptionally(cause);
        firstToken.completeExceptionally(cause);
        outcome.completeExceptionally(cause);
    }

    public Outcome await() throws Exception {
        return outcome.get(3, TimeUnit.MINUTES);
    }

    public int[] ids() {
        return tokens.stream().mapToInt(Token::id).toArray();
    }

    public String text() {
        StringBuilder text = new StringBuilder();
        tokens.forEach(token -> text.append(token.text()));
        return text.append(outcome.join().tailText()).toString();
    }

    public float[] logprobs() {
        float[] values = new float[tokens.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = tokens.get(i).logprob().logprob();
        }
        return values;
    }
}
