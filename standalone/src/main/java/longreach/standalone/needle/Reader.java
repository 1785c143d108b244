package longreach.standalone.needle;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.PrintStream;
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
import longreach.store.api.ChunkKey;
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
    private static final long BETWEEN_REPORTS = Duration.ofSeconds(20).toNanos();

    private final ModelLoader.Checkpoint checkpoint;
    private final SentenceEncoder encoder = new SentenceEncoder();
    private final Engine engine;
    private final PrintStream log;
    private List<String> known;
    private List<Segment> knownSegments;

    /** @param questionStart position at which the question's turn begins */
    record Prompt(TokenStream tokens, int questionStart) {}

    record Answer(String text, Outcome outcome, double seconds) {}

    Reader(
            Path model,
            Kernels kernels,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            PrintStream log) {
        this.log = log;
        checkpoint = ModelLoader.open("needle", model, kernels, precision);
        // As a service does before its first request: prompts are multiplied in the way that is fastest here.
        ModelLoader.warmUp(checkpoint, kernels, precision);
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

    /**
     * Text, then a question, then the answer's opening. The text's tokens are kept until another text comes: a million of
     * them take longer than an answer.
     */
    Prompt prompt(List<String> text, String question, String opening) {
        if (text != known) {
            knownSegments = beginning(segments(String.join("\n", text) + "\n\n", question, opening));
            known = text;
        }
        List<Segment> rest = segments("", question, opening);
        List<Segment> whole = new ArrayList<>(knownSegments);
        whole.addAll(rest.subList(beginning(rest).size(), rest.size()));
        var tokens =
                StreamDescription.read(whole, engine.card().vocabulary(), 0, Math.max(1, engine.mostPromptTokens()));
        int start = knownSegments.stream()
                .mapToInt(segment -> segment.getText().getTokenIdsCount())
                .sum();
        return new Prompt(tokens, start);
    }

    private List<Segment> segments(String text, String question, String opening) {
        var user = Turn.newBuilder()
                .setRole(Turn.Role.USER)
                .addParts(RenderPart.newBuilder().setText(text).setBoundaryAfter(true))
                .addParts(RenderPart.newBuilder().setText(question).setBoundaryAfter(true));
        var model = Turn.newBuilder()
                .setRole(Turn.Role.MODEL)
                .addParts(RenderPart.newBuilder().setText(opening));
        return checkpoint.template().render(List.of(), List.of(user.build(), model.build()));
    }

    /** What lies before the question: up to the first boundary. */
    private static List<Segment> beginning(List<Segment> segments) {
        int end = 0;
        while (!segments.get(end++).getBoundaryAfter()) {
            // The boundary is the text's end, and there always is one.
        }
        return segments.subList(0, end);
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
        return ask(prompt, use, ANSWER_TOKENS);
    }

    Answer ask(Prompt prompt, ContextUse use, int maxTokens) {
        return run(prompt.tokens, maxTokens, use);
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
                new Sink(text, ended, log));
        Outcome outcome = ended.join();
        return new Answer(text + outcome.tailText(), outcome, (System.nanoTime() - began) / 1e9);
    }

    private static final class Sink implements AnswerSink {
        private final StringBuilder text;
        private final CompletableFuture<Outcome> ended;
        private final PrintStream log;
        private final long began = System.nanoTime();
        private long reported = began;
        private int restored;

        private Sink(StringBuilder text, CompletableFuture<Outcome> ended, PrintStream log) {
            this.text = text;
            this.ended = ended;
            this.log = log;
        }

        @Override
        public void want(int restoredTokens, List<Integer> softRuns, List<ChunkKey> promptChunks) {
            restored = restoredTokens;
        }

        @Override
        public void prefill(int doneTokens, int totalTokens) {
            long now = System.nanoTime();
            if (now - reported > BETWEEN_REPORTS) {
                reported = now;
                double speed = Math.max(1, doneTokens - restored) * 1e9 / (now - began);
                log.printf(
                        "read %d of %d tokens, %.0f tokens/s, %.0f s left%n",
                        doneTokens, totalTokens, speed, (totalTokens - doneTokens) / speed);
            }
        }

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
