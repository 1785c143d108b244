package longreach.standalone.needle;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import longreach.lm.embed.SentenceEncoder;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.ContextUse;
import longreach.lm.engine.Engine;
import longreach.lm.engine.EngineMetrics;
import longreach.lm.engine.EngineSettings;
import longreach.lm.engine.GenerateRequest;
import longreach.lm.engine.ModelLoader;
import longreach.lm.engine.Outcome;
import longreach.lm.model.Precision;
import longreach.lm.prompt.StreamDescription;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.lm.select.PieceIndex;
import longreach.lm.speculate.Speculation;
import longreach.store.api.ChunkStore;
import longreach.tensor.kernel.Kernels;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.Turn;

/** A model that reads a haystack and answers questions, without a service around it. Greedy. */
final class Reader implements AutoCloseable {
    // Seven digits and what may stand around them.
    private static final int ANSWER_TOKENS = 12;
    private static final Duration STORED = Duration.ofMinutes(10);

    private final ModelLoader.Checkpoint checkpoint;
    private final SentenceEncoder encoder = new SentenceEncoder();
    private final Engine engine;

    /** @param questionStart position at which the question's turn begins */
    record Prompt(TokenStream tokens, int questionStart) {}

    record Answer(String text, Outcome outcome, double seconds) {}

    Reader(Path model, Kernels kernels, Precision precision, ChunkStore store, EngineSettings settings) {
        checkpoint = ModelLoader.open("needle", model, kernels, precision);
        engine = new Engine(
                checkpoint.model(),
                kernels,
                checkpoint.tokenizer(),
                precision,
                store,
                settings.with(Speculation.OFF),
                new EngineMetrics(new SimpleMeterRegistry()),
                null,
                encoder);
    }

    int context() {
        return engine.card().context();
    }

    int tokensOf(String text) {
        return checkpoint.tokenizer().encode(text).length;
    }

    /** The text of positions [from, to). */
    String text(TokenStream tokens, int from, int to) {
        return PieceIndex.text(checkpoint.tokenizer()::bytes, tokens::id, from, to);
    }

    /** Text, then a question, then the answer's opening. */
    Prompt prompt(List<String> text, String question, String opening) {
        var user = Turn.newBuilder()
                .setRole(Turn.Role.USER)
                .addParts(RenderPart.newBuilder()
                        .setText(String.join("\n", text) + "\n\n")
                        .setBoundaryAfter(true))
                .addParts(RenderPart.newBuilder().setText(question).setBoundaryAfter(true));
        var model = Turn.newBuilder()
                .setRole(Turn.Role.MODEL)
                .addParts(RenderPart.newBuilder().setText(opening));
        List<Segment> segments = checkpoint.template().render(List.of(), List.of(user.build(), model.build()));
        var tokens =
                StreamDescription.read(segments, engine.card().vocabulary(), 0, Math.max(1, engine.mostPromptTokens()));
        int start = 0;
        for (Segment segment : segments) {
            start += segment.getText().getTokenIdsCount();
            if (segment.getBoundaryAfter()) {
                break;
            }
        }
        return new Prompt(tokens, start);
    }

    /** Prefills what lies before the question, and waits until it is in the store. */
    Answer ingest(Prompt prompt, ContextUse use) throws InterruptedException {
        List<TokenStream.Run> runs = new ArrayList<>();
        for (TokenStream.Run run : prompt.tokens.runs()) {
            runs.add(run);
            if (run.boundaryAfter()) {
                break;
            }
        }
        Answer read = run(new TokenStream(runs), 0, use);
        engine.flush(STORED);
        return read;
    }

    Answer ask(Prompt prompt, ContextUse use) {
        return run(prompt.tokens, ANSWER_TOKENS, use);
    }

    private Answer run(TokenStream tokens, int maxTokens, ContextUse use) {
        long began = System.nanoTime();
        var text = new StringBuilder();
        var ended = new CompletableFuture<Outcome>();
        engine.submit(
                new GenerateRequest(
                                "needle",
                                tokens,
                                Sampling.GREEDY,
                                maxTokens,
                                GenerateRequest.CacheMode.READ_WRITE,
                                GenerateRequest.NO_DEADLINE)
                        .with(use),
                new Sink(text, ended));
        Outcome outcome = ended.join();
        return new Answer(text + outcome.tailText(), outcome, (System.nanoTime() - began) / 1e9);
    }

    private record Sink(StringBuilder text, CompletableFuture<Outcome> ended) implements AnswerSink {
        @Override
        public void token(Token token) {
            text.append(token.text());
        }

        @Override
        public void done(Outcome outcome) {
            ended.complete(outcome);
        }

        @Override
        public void failed(Throwable cause) {
            ended.completeExceptionally(cause);
        }
    }

    @Override
    public void close() {
        engine.close();
        encoder.close();
        checkpoint.files().close();
    }
}
