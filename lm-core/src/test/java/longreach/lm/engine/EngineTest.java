package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.store.api.ChunkStore;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.v1.Modality;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EngineTest {
    private static final Sampling WITH_LOGPROBS =
            new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(5));

    private final Kernels kernels = KernelSelector.select(1);
    private final List<AutoCloseable> open = new ArrayList<>();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    private Engine engine(ChunkStore store, EngineSettings settings) {
        return engine(store, settings, Precision.F32);
    }

    private Engine engine(ChunkStore store, EngineSettings settings, Precision precision) {
        return engine(TinyModel.of(kernels, precision), store, settings, precision);
    }

    private Engine engine(LanguageModel model, ChunkStore store, EngineSettings settings, Precision precision) {
        var engine =
                new Engine(model, kernels, TinyModel.tokens(), precision, store, settings, new EngineMetrics(meters));
        open.addFirst(engine);
        return engine;
    }

    private MemoryContextStore store() {
        var store = new MemoryContextStore(256 << 20);
        open.addLast(store);
        return store;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private static EngineSettings settings(int stepTokens, int prefillBudget) {
        return new EngineSettings(64 << 20, 8, 4, stepTokens, prefillBudget);
    }

    private static GenerateRequest request(String tenant, TokenStream prompt, int maxTokens) {
        return new GenerateRequest(
                tenant,
                prompt,
                WITH_LOGPROBS,
                maxTokens,
                GenerateRequest.CacheMode.READ_WRITE,
                GenerateRequest.NO_DEADLINE);
    }

    private static Collected run(Engine engine, GenerateRequest request) throws Exception {
        var sink = new Collected();
        engine.submit(request, sink);
        sink.await();
        return sink;
    }

    private static void assertSameAnswer(Collected actual, Collected expected) {
        for (int i = 0; i < Math.min(actual.tokens.size(), expected.tokens.size()); i++) {
            assertThat(actual.logprobs()[i])
                    .as("token %d", i)
                    .isCloseTo(expected.logprobs()[i], org.assertj.core.data.Offset.offset(1e-4f));
            assertThat(actual.ids()[i]).as("token %d", i).isEqualTo(expected.ids()[i]);
        }
        assertThat(actual.tokens).hasSameSizeAs(expected.tokens);
    }

    @Test
    void wholeChunkedAndRestoredPrefillAgree() throws Exception {
        var prompt = TokenStream.ofText(TinyModel.prompt(700, 3));
        for (Precision precision : Precision.values()) {
            MemoryContextStore store = store();
            Collected whole = run(engine(null, settings(1024, 128), precision), request("a", prompt, 20));
            Collected chunked = run(engine(null, settings(48, 48), precision), request("a", prompt, 20));
            Engine caching = engine(store, settings(256, 128), precision);
            Collected publishing = run(caching, request("a", prompt, 20));
            assertThat(caching.flush(Duration.ofMinutes(1))).isTrue();
            Collected restored = run(caching, request("a", prompt, 20));

            assertSameAnswer(chunked, whole);
            assertSameAnswer(publishing, whole);
            assertSameAnswer(restored, whole);
            assertThat(publishing.await().receipt().tokensRestored()).isZero();
            assertThat(publishing.await().receipt().missReason()).isEqualTo("never seen");
            var receipt = restored.await().receipt();
            assertThat(receipt.tokensRestored()).isEqualTo(699);
            assertThat(receipt.tokensComputed()).isEqualTo(1);
            assertThat(receipt.chunksRestored()).isEqualTo(3);
            assertThat(receipt.missReason()).isEmpty();
            assertThat(restored.want.join().restored()).isEqualTo(699);
        }
    }

    @Test
    void aPromptOfWholeChunksComputesItsLastToken() throws Exception {
        Engine engine = engine(store(), settings(256, 128));
        var prompt = TokenStream.ofText(TinyModel.prompt(512, 4));
        Collected first = run(engine, request("a", prompt, 8));
        engine.flush(Duration.ofMinutes(1));
        Collected second = run(engine, request("a", prompt, 8));
        assertSameAnswer(second, first);
        assertThat(second.await().receipt().tokensRestored()).isEqualTo(511);
    }

    @Test
    void aBoundaryIsWhereOthersGoOn() throws Exception {
        Engine engine = engine(store(), settings(256, 128));
        int[] shared = TinyModel.prompt(300, 5);
        var first = new TokenStream(List.of(
                new TokenStream.TextRun(shared, Modality.DOCUMENT, true),
                new TokenStream.TextRun(TinyModel.prompt(40, 6), Modality.TEXT, false)));
        var second = new TokenStream(List.of(
                new TokenStream.TextRun(shared, Modality.DOCUMENT, true),
                new TokenStream.TextRun(TinyModel.prompt(25, 7), Modality.TEXT, false)));
        run(engine, request("a", first, 4));
        engine.flush(Duration.ofMinutes(1));
        Collected warm = run(engine, request("a", second, 12));
        Collected cold = run(engine(null, settings(1024, 128)), request("a", second, 12));
        assertSameAnswer(warm, cold);
        Outcome outcome = warm.await();
        assertThat(outcome.receipt().tokensRestored()).isEqualTo(300);
        assertThat(outcome.receipt().missReason()).isEqualTo("never seen");
        assertThat(outcome.restoredByModality()[Modality.DOCUMENT.getNumber()]).isEqualTo(300);
        assertThat(outcome.promptByModality()[Modality.TEXT.getNumber()]).isEqualTo(25);
    }

    @Test
    void aNextTurnGoesOnFromTheAnswer() throws Exception {
        Engine engine = engine(store(), settings(256, 128));
        int[] prompt = TinyModel.prompt(250, 8);
        Collected answer = run(engine, request("a", TokenStream.ofText(prompt), 300));
        engine.flush(Duration.ofMinutes(1));
        int[] dialogue = Arrays.copyOf(prompt, prompt.length + answer.ids().length);
        System.arraycopy(answer.ids(), 0, dialogue, prompt.length, answer.ids().length);
        // The last token of an answer that ran into its limit was chosen but not computed.
        boolean ended = answer.await().reason() == Outcome.Reason.STOP;
        int[] computed = Arrays.copyOf(dialogue, dialogue.length - (ended ? 0 : 1));
        var next = new TokenStream(List.of(
                new TokenStream.TextRun(computed, Modality.TEXT, true),
                new TokenStream.TextRun(TinyModel.prompt(10, 9), Modality.TEXT, false)));
        Collected warm = run(engine, request("a", next, 5));
        assertThat(warm.await().receipt().tokensRestored()).isEqualTo(computed.length);
        assertSameAnswer(warm, run(engine(null, settings(1024, 128)), request("a", next, 5)));
    }

    @Test
    void tenantsShareNothing() throws Exception {
        Engine engine = engine(store(), settings(256, 128));
        var prompt = TokenStream.ofText(TinyModel.prompt(300, 10));
        run(engine, request("a", prompt, 1));
        engine.flush(Duration.ofMinutes(1));
        assertThat(run(engine, request("b", prompt, 1)).await().receipt().tokensRestored())
                .isZero();
        assertThat(run(engine, request("a", prompt, 1)).await().receipt().tokensRestored())
                .isPositive();
    }

    @Test
    void readOnlyPublishesNothingAndBypassReadsNothing() throws Exception {
        Engine engine = engine(store(), settings(256, 128));
        var prompt = TokenStream.ofText(TinyModel.prompt(300, 11));
        for (var mode : List.of(GenerateRequest.CacheMode.READ_ONLY, GenerateRequest.CacheMode.BYPASS)) {
            var request = new GenerateRequest("a", prompt, WITH_LOGPROBS, 1, mode, GenerateRequest.NO_DEADLINE);
            assertThat(run(engine, request).await().receipt().chunksPublished()).isZero();
        }
        engine.flush(Duration.ofMinutes(1));
        assertThat(run(engine, request("a", prompt, 0)).await().receipt().tokensRestored())
                .isZero();
        engine.flush(Duration.ofMinutes(1));
        var bypass = new GenerateRequest(
                "a", prompt, WITH_LOGPROBS, 1, GenerateRequest.CacheMode.BYPASS, GenerateRequest.NO_DEADLINE);
        assertThat(run(engine, bypass).await().receipt().tokensRestored()).isZero();
    }

    @Test
    void manyStreamsAtOnceAnswerAsEachAlone() throws Exception {
        Engine engine = engine(store(), settings(256, 32));
        List<TokenStream> prompts = new ArrayList<>();
        List<Collected> together = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            prompts.add(TokenStream.ofText(TinyModel.prompt(40 + 70 * i, 20 + i)));
        }
        for (int i = 0; i < prompts.size(); i++) {
            var sink = new Collected();
            together.add(sink);
            engine.submit(request("tenant " + i % 3, prompts.get(i), 30), sink);
        }
        // Kernels serve one engine at a time: the others must be done before this one begins.
        for (Collected sink : together) {
            sink.await();
        }
        Engine alone = engine(null, settings(1024, 128));
        for (int i = 0; i < prompts.size(); i++) {
            assertSameAnswer(together.get(i), run(alone, request("x", prompts.get(i), 30)));
        }
        assertThat(engine.pool().blocksInUse()).isZero();
        assertThat(engine.pool().bytesReserved()).isZero();
    }

    /** Steps of one answer hold one row, steps of eight hold many and pieces of others' prompts: not a bit may differ. */
    @Test
    void fastAnswersAreTheSameToTheLastBitWhoeverElseIsAnswered() throws Exception {
        var precision = Precision.FAST;
        Engine engine = engine(TinyModel.quantised(kernels, precision), null, settings(256, 32), precision);
        List<TokenStream> prompts = new ArrayList<>();
        List<Collected> together = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            prompts.add(TokenStream.ofText(TinyModel.prompt(3 + 90 * i, 20 + i)));
            var sink = new Collected();
            together.add(sink);
            engine.submit(request("tenant " + i % 3, prompts.get(i), 60), sink);
        }
        for (Collected sink : together) {
            sink.await();
        }
        Engine alone = engine(TinyModel.quantised(kernels, precision), null, settings(1024, 128), precision);
        for (int i = 0; i < prompts.size(); i++) {
            Collected expected = run(alone, request("x", prompts.get(i), 60));
            assertThat(together.get(i).ids()).as("ids of %d", i).containsExactly(expected.ids());
            assertThat(together.get(i).logprobs()).as("logprobs of %d", i).containsExactly(expected.logprobs());
        }
    }

    @Test
    void cancellingFreesPagesAtOnce() throws Exception {
        Engine engine = engine(store(), settings(256, 128));
        var sink = new Collected();
        Generation generation = engine.submit(request("a", TokenStream.ofText(TinyModel.prompt(400, 12)), 1600), sink);
        sink.firstToken.get(3, TimeUnit.MINUTES);
        assertThat(engine.pool().blocksInUse()).isPositive();
        generation.cancel();
        assertThatThrownBy(sink::await)
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(engine.pool().blocksInUse()).isZero();
        assertThat(engine.pool().bytesReserved()).isZero();
        engine.flush(Duration.ofMinutes(1));
        assertThat(engine.pool().stagesInUse()).isZero();
    }

    @Test
    void cancellingWhileWaitingFreesTheQueue() throws Exception {
        Engine engine = engine(null, new EngineSettings(64 << 20, 1, 1, 64, 64));
        var busy = new Collected();
        busy.ready = false;
        Generation running = engine.submit(request("a", TokenStream.ofText(1, 2, 3), 500), busy);
        busy.firstToken.get(3, TimeUnit.MINUTES);
        var waiting = new Collected();
        Generation queued = engine.submit(request("a", TokenStream.ofText(1, 2, 3), 5), waiting);
        var refused = new Collected();
        engine.submit(request("a", TokenStream.ofText(1, 2, 3), 5), refused);
        assertThatThrownBy(refused::await)
                .hasCauseInstanceOf(EngineException.Overloaded.class)
                .hasMessageContaining("requests waiting: 1");
        queued.cancel();
        assertThatThrownBy(waiting::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        running.cancel();
        assertThatThrownBy(busy::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(run(engine, request("a", TokenStream.ofText(1, 2, 3), 5)).tokens)
                .hasSize(5);
    }

    @Test
    void aDeadlineEndsARequest() throws Exception {
        Engine engine = engine(null, settings(64, 64));
        var sink = new Collected();
        sink.ready = false;
        engine.submit(
                new GenerateRequest(
                        "a",
                        TokenStream.ofText(1, 2, 3),
                        Sampling.GREEDY,
                        500,
                        GenerateRequest.CacheMode.BYPASS,
                        System.nanoTime() + Duration.ofMillis(100).toNanos()),
                sink);
        assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.DeadlinePassed.class);
    }

    @Test
    void aSlowReaderPausesItsOwnStreamOnly() throws Exception {
        Engine engine = engine(null, settings(64, 64));
        var slow = new Collected();
        slow.ready = false;
        Generation paused = engine.submit(request("a", TokenStream.ofText(5, 6, 7), 40), slow);
        slow.firstToken.get(3, TimeUnit.MINUTES);
        run(engine, request("b", TokenStream.ofText(8, 9), 40));
        assertThat(slow.tokens).hasSize(1);
        slow.ready = true;
        paused.resume();
        assertThat(slow.await().outputTokens()).isEqualTo(40);
    }

    @Test
    void promptsThatDoNotFitAreRefusedWithBothNumbers() {
        Engine engine = engine(null, settings(64, 64));
        var exact = ContextUse.of(ContextUse.Mode.EXACT, -1);
        assertThatThrownBy(() -> engine.submit(
                        request("a", TokenStream.ofText(TinyModel.prompt(2049, 1)), 1)
                                .with(exact),
                        new Collected()))
                .isInstanceOf(EngineException.InvalidRequest.class)
                .hasMessageContaining("2049")
                .hasMessageContaining("2048");
        assertThatThrownBy(() -> engine.submit(request("a", TokenStream.ofText(96), 1), new Collected()))
                .hasMessageContaining("96");
        Engine small = engine(null, new EngineSettings(200_000, 8, 4, 64, 64));
        assertThatThrownBy(() ->
                        small.submit(request("a", TokenStream.ofText(TinyModel.prompt(1500, 1)), 1), new Collected()))
                .isInstanceOf(EngineException.Overloaded.class);
    }

    @Test
    void theContextEndsAnAnswer() throws Exception {
        Engine engine = engine(null, settings(512, 64));
        Outcome outcome = run(engine, request("a", TokenStream.ofText(TinyModel.prompt(2040, 1)), 100))
                .await();
        assertThat(outcome.reason()).isEqualTo(Outcome.Reason.CONTEXT_FULL);
        assertThat(outcome.outputTokens()).isEqualTo(9);
    }

    @Test
    void stopSequencesEndAnAnswerAcrossTokens() throws Exception {
        Engine engine = engine(null, settings(512, 64));
        var prompt = TokenStream.ofText(TinyModel.prompt(30, 2));
        String full = run(engine, request("a", prompt, 30)).text();
        String stop = full.substring(10, 13);
        var sampling = new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(stop), OptionalInt.empty());
        Collected stopped = run(
                engine,
                new GenerateRequest(
                        "a", prompt, sampling, 30, GenerateRequest.CacheMode.BYPASS, GenerateRequest.NO_DEADLINE));
        assertThat(stopped.text()).isEqualTo(full.substring(0, full.indexOf(stop)));
        assertThat(stopped.await().stopSequence()).isEqualTo(stop);
        assertThat(stopped.await().reason()).isEqualTo(Outcome.Reason.STOP);
    }

    @Test
    void aSeedReproducesAnAnswer() throws Exception {
        Engine engine = engine(null, settings(512, 64));
        var prompt = TokenStream.ofText(TinyModel.prompt(30, 2));
        List<int[]> answers = new ArrayList<>();
        for (long seed : new long[] {1, 1, 2}) {
            var sampling =
                    new Sampling(1, 40, 0.95f, 0, OptionalLong.of(seed), 0, 0, 1, List.of(), OptionalInt.empty());
            answers.add(run(
                            engine,
                            new GenerateRequest(
                                    "a",
                                    prompt,
                                    sampling,
                                    30,
                                    GenerateRequest.CacheMode.BYPASS,
                                    GenerateRequest.NO_DEADLINE))
                    .ids());
        }
        assertThat(answers.get(1)).containsExactly(answers.get(0));
        assertThat(answers.get(2)).isNotEqualTo(answers.get(0));
    }
}
