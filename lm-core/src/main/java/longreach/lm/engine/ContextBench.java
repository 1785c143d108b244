package longreach.lm.engine;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import longreach.lm.kv.KvShape;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.lm.speculate.Speculation;
import longreach.store.api.ChunkKey;
import longreach.store.api.ContextStore;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.Tenant;
import longreach.tensor.kernel.Kernels;
import longreach.v1.Modality;

/**
 * Measures what a stored context is worth to the bare engine: the first question on it, which computes and publishes it,
 * and later ones, which restore it. Contexts mean nothing; only their length matters here.
 */
public final class ContextBench implements AutoCloseable {
    private static final String TENANT = "bench";
    private static final int QUESTION = 16;
    private static final int ANSWER = 2;
    private static final Sampling GREEDY =
            new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(5));
    private static final Duration FLUSH = Duration.ofMinutes(5);

    /**
     * One question.
     *
     * @param firstTokenNanos from asking to the first token of the answer
     * @param answer its tokens, each with the likeliest ones at its place
     */
    public record Asked(long firstTokenNanos, List<AnswerSink.TokenLogprob> answer, Outcome outcome) {}

    private final ContextStore store;
    private final Engine engine;
    private final AutoCloseable source;

    private ContextBench(
            LanguageModel model,
            TokenText tokens,
            Kernels kernels,
            Precision precision,
            ContextStore store,
            long kvBytes,
            AutoCloseable source) {
        this.store = store;
        this.source = source;
        var settings = new EngineSettings(kvBytes, 4, 2, EngineSettings.DEFAULTS.stepTokens(), 128);
        engine = new Engine(
                model,
                kernels,
                tokens,
                precision,
                store,
                settings.with(Speculation.OFF),
                new EngineMetrics(new SimpleMeterRegistry()));
    }

    /** A model from a file, warmed up as a server's is. @param store stays the caller's */
    public static ContextBench of(Path file, Kernels kernels, Precision precision, ContextStore store, long kvBytes) {
        var checkpoint = ModelLoader.open("bench", file, kernels, precision);
        ModelLoader.warmUp(checkpoint, kernels, precision);
        return new ContextBench(
                checkpoint.model(),
                checkpoint.tokenizer(),
                kernels,
                precision,
                store,
                kvBytes,
                checkpoint.files()::close);
    }

    /** A small model with random weights that takes so many tokens of context and a question. */
    public static ContextBench synthetic(
            int context, Kernels kernels, Precision precision, ContextStore store, long kvBytes) {
        return new ContextBench(
                SyntheticModel.of(kernels, precision, context + QUESTION + ANSWER),
                SyntheticModel.tokens(),
                kernels,
                precision,
                store,
                kvBytes,
                () -> {});
    }

    public ModelCard card() {
        return engine.card();
    }

    /** Most tokens that a context may have. */
    public int mostTokens() {
        return card().context() - QUESTION - ANSWER;
    }

    /**
     * Asks about a context.
     *
     * @param context names it: the same number and length are the same tokens
     * @param question names what follows the context
     */
    public Asked ask(int tokens, int context, int question, GenerateRequest.CacheMode cache)
            throws InterruptedException {
        return ask(TENANT, tokens, context, question, cache);
    }

    /** As above, for another tenant. */
    public Asked ask(String tenant, int tokens, int context, int question, GenerateRequest.CacheMode cache)
            throws InterruptedException {
        var prompt = new TokenStream(List.of(
                new TokenStream.TextRun(ids(tokens, context), Modality.DOCUMENT, true),
                new TokenStream.TextRun(ids(QUESTION, -1 - question), Modality.TEXT, false)));
        var sink = new FirstToken();
        engine.submit(new GenerateRequest(tenant, prompt, GREEDY, ANSWER, cache, GenerateRequest.NO_DEADLINE), sink);
        try {
            Outcome outcome = sink.outcome.get();
            return new Asked(sink.at - sink.since, sink.answer, outcome);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private int[] ids(int count, long seed) {
        int vocabulary = card().vocabulary();
        int first = Math.min(100, vocabulary / 2);
        return new Random(seed).ints(count, first, vocabulary).toArray();
    }

    /** @throws IllegalStateException when what was computed is not in the store within minutes */
    public void published() throws InterruptedException {
        if (!engine.flush(FLUSH)) {
            throw new IllegalStateException("chunks: not in the store after " + FLUSH);
        }
    }

    public Tenant tenant() {
        return store.tenant(TENANT);
    }

    /** Fetches and verifies chunks, and does nothing with them. @return their bytes */
    public long fetch(List<ChunkKey> keys) {
        long bytes = 0;
        try (LookupResult result = store.get(tenant(), KvShape.LAYOUT_VERSION, keys)) {
            for (int i = 0; i < result.size(); i++) {
                switch (result.entry(i)) {
                    case Lookup.Hit hit -> bytes += hit.chunk().payload().byteSize();
                    case Lookup.Miss miss ->
                        throw new IllegalStateException(
                                "chunk " + i + ": " + miss.reason().text());
                }
            }
        }
        return bytes;
    }

    /** Deletes everything that was published. */
    public void erase() {
        store.erase(tenant());
    }

    private static final class FirstToken implements AnswerSink {
        final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        final List<TokenLogprob> answer = new ArrayList<>();
        final long since = System.nanoTime();
        volatile long at;

        @Override
        public void token(Token token) {
            if (at == 0) {
                at = System.nanoTime();
            }
            answer.add(token.logprob());
        }

        @Override
        public void done(Outcome ended) {
            outcome.complete(ended);
        }

        @Override
        public void failed(Throwable cause) {
            outcome.completeExceptionally(cause);
        }
    }

    @Override
    public void close() throws Exception {
        engine.close();
        source.close();
    }
}
