package longreach.lm.engine;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.prompt.ChatTemplate;
import longreach.lm.prompt.StreamDescription;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.store.api.ChunkStore;
import longreach.tensor.kernel.Kernels;
import longreach.v1.RenderPart;
import longreach.v1.Turn;

/**
 * Measures the engine as requests meet it: many streams at once, prompts beside answers, guesses. No service around it.
 * Greedy decoding, so that answers can be compared.
 */
public final class ServingBench implements AutoCloseable {
    /**
     * One answer.
     *
     * @param gaps nanoseconds between a token and the one before it
     */
    public record Answer(int[] ids, String text, double tokensPerSecond, long[] gaps, Outcome outcome) {}

    /**
     * Streams that decoded together.
     *
     * @param tokensPerSecond of all of them, from when the last one had begun to when the first one ended
     */
    public record Together(int streams, double tokensPerSecond) {}

    /** Nanoseconds between tokens of a stream. */
    public record Gaps(long[] sorted) {
        static Gaps of(long[] gaps) {
            long[] sorted = gaps.clone();
            Arrays.sort(sorted);
            return new Gaps(sorted);
        }

        public double millis(double quantile) {
            return sorted[(int) Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] / 1e6;
        }
    }

    private final ModelLoader.Checkpoint checkpoint;
    private final ModelLoader.Checkpoint draft;
    private final ChatTemplate template;
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final Engine engine;

    /**
     * @param draftFile a model that guesses; null: none
     * @param store null: none
     */
    public ServingBench(
            Path gguf,
            Path draftFile,
            Kernels kernels,
            Precision precision,
            ChunkStore store,
            EngineSettings settings) {
        checkpoint = ModelLoader.open("bench", gguf, kernels, precision);
        ModelLoader.warmUp(checkpoint, kernels, precision);
        template = checkpoint.template();
        draft = draftFile == null ? null : ModelLoader.open("draft", draftFile, kernels, precision);
        engine = new Engine(
                checkpoint.model(),
                kernels,
                checkpoint.tokenizer(),
                precision,
                store,
                settings,
                new EngineMetrics(meters),
                draft == null ? null : ModelLoader.draft(draft, checkpoint, kernels, precision, settings));
    }

    public ModelCard card() {
        return engine.card();
    }

    /** A conversation's first turn: a document, which may be empty, and what is asked of it. */
    public TokenStream prompt(String system, String document, String question) {
        List<RenderPart> head = system.isEmpty()
                ? List.of()
                : List.of(RenderPart.newBuilder().setText(system).build());
        var turn = Turn.newBuilder().setRole(Turn.Role.USER);
        if (!document.isEmpty()) {
            turn.addParts(RenderPart.newBuilder().setText(document + "\n\n").setBoundaryAfter(true));
        }
        turn.addParts(RenderPart.newBuilder().setText(question));
        return StreamDescription.read(
                template.render(head, List.of(turn.build())), card().vocabulary(), 0, card().context());
    }

    /** A prompt that means nothing, of any length. */
    public TokenStream prompt(int tokens) {
        int[] ids = new int[tokens];
        Arrays.setAll(ids, i -> (int) ((i * 7919L + tokens) % (card().vocabulary() - 100)) + 100);
        return TokenStream.ofText(ids);
    }

    /** Guesses made and kept since the start. */
    public long[] guesses() {
        return new long[] {count("spec_decode_num_draft_tokens"), count("spec_decode_num_accepted_tokens")};
    }

    private long count(String name) {
        return (long) meters.find(name).counters().stream()
                .mapToDouble(c -> c.count())
                .sum();
    }

    public Answer answer(TokenStream prompt, int maxTokens) throws InterruptedException {
        return begin("bench", prompt, maxTokens).await();
    }

    /** Decodes {@code streams} answers at once, each after a short prompt of its own. */
    public Together together(int streams, int maxTokens) throws InterruptedException {
        List<Stream> all = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            all.add(begin("tenant " + i, prompt(64 + i), maxTokens));
        }
        long began = 0;
        long ended = Long.MAX_VALUE;
        for (Stream stream : all) {
            stream.await();
            began = Math.max(began, stream.time(0));
            ended = Math.min(ended, stream.time(stream.count() - 1));
        }
        int tokens = 0;
        for (Stream stream : all) {
            tokens += stream.countWithin(began, ended);
        }
        return new Together(streams, tokens * 1e9 / (ended - began));
    }

    /**
     * The gaps of one stream before and while another request prefills.
     *
     * @return before, during
     */
    public Gaps[] gapsBeside(int promptTokens, int decodeTokens) throws InterruptedException {
        Stream watched = begin("a", prompt(64), decodeTokens);
        watched.awaitTokens(decodeTokens / 3);
        long before = System.nanoTime();
        Stream other = begin("b", prompt(promptTokens), 1);
        watched.await();
        boolean finished = other.outcome.isDone();
        long during = finished ? other.time(0) : Long.MAX_VALUE;
        other.cancel();
        return new Gaps[] {Gaps.of(watched.gaps(0, before)), Gaps.of(watched.gaps(before, during))};
    }

    private Stream begin(String tenant, TokenStream prompt, int maxTokens) {
        var stream = new Stream(maxTokens);
        stream.generation = engine.submit(
                new GenerateRequest(
                        tenant,
                        prompt,
                        Sampling.GREEDY,
                        maxTokens,
                        GenerateRequest.CacheMode.READ_WRITE,
                        GenerateRequest.NO_DEADLINE),
                stream);
        return stream;
    }

    /** Notes when each token came. */
    private static final class Stream implements AnswerSink {
        final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        private final long[] times;
        private final int[] ids;
        private final StringBuilder text = new StringBuilder();
        private final CountDownLatch[] reached;
        private volatile int count;
        Generation generation;

        Stream(int most) {
            times = new long[most];
            ids = new int[most];
            reached = new CountDownLatch[most + 1];
            Arrays.setAll(reached, i -> new CountDownLatch(1));
        }

        int count() {
            return count;
        }

        long time(int token) {
            return times[token];
        }

        int countWithin(long from, long to) {
            int within = 0;
            for (int i = 0; i < count; i++) {
                within += times[i] > from && times[i] <= to ? 1 : 0;
            }
            return within;
        }

        /** Gaps that ended in [from, to). */
        long[] gaps(long from, long to) {
            long[] gaps = new long[count];
            int n = 0;
            for (int i = 1; i < count; i++) {
                if (times[i] >= from && times[i] < to) {
                    gaps[n++] = times[i] - times[i - 1];
                }
            }
            return Arrays.copyOf(gaps, n);
        }

        void awaitTokens(int wanted) throws InterruptedException {
            reached[wanted].await();
        }

        Answer await() throws InterruptedException {
            Outcome ended = outcome.handle((value, failure) -> value).join();
            if (ended == null) {
                throw new IllegalStateException("the measured request failed", outcome.exceptionNow());
            }
            double seconds = count < 2 ? 0 : (times[count - 1] - times[0]) / 1e9;
            return new Answer(
                    Arrays.copyOf(ids, count),
                    text + ended.tailText(),
                    seconds == 0 ? 0 : (count - 1) / seconds,
                    gaps(Long.MIN_VALUE, Long.MAX_VALUE),
                    ended);
        }

        void cancel() {
            generation.cancel();
        }

        @Override
        public void token(Token token) {
            times[count] = System.nanoTime();
            ids[count] = token.id();
            text.append(token.text());
            count++;
            reached[count].countDown();
        }

        @Override
        public void done(Outcome ended) {
            end(() -> outcome.complete(ended));
        }

        @Override
        public void failed(Throwable cause) {
            end(() -> outcome.completeExceptionally(cause));
        }

        private void end(Runnable how) {
            how.run();
            for (CountDownLatch latch : reached) {
                latch.countDown();
            }
        }
    }

    /** Waits until what was published can be restored. */
    public void settle() throws InterruptedException {
        engine.flush(java.time.Duration.ofSeconds(30));
    }

    @Override
    public void close() {
        engine.close();
        checkpoint.files().close();
        if (draft != null) {
            draft.files().close();
        }
    }
}
