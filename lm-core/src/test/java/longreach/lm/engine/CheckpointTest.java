package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.TokenStream.TextRun;
import longreach.lm.sample.Sampling;
import longreach.lm.speculate.Speculation;
import longreach.store.api.ChunkStore;
import longreach.store.api.Lookup;
import longreach.store.api.MissReason;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelFiles;
import longreach.v1.Modality;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models whose state slides or recurs: restored from chunks and checkpoints they answer as if everything were computed. */
class CheckpointTest {
    private static final Sampling WITH_LOGPROBS =
            new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(5));

    private final Kernels kernels = KernelSelector.select(1);
    private final List<AutoCloseable> open = new ArrayList<>();

    private Engine engine(String layers, Precision precision, ChunkStore store, int stepTokens) {
        return engine(layers, precision, store, settings(stepTokens));
    }

    private static EngineSettings settings(int stepTokens) {
        return new EngineSettings(64 << 20, 8, 4, stepTokens, Math.min(stepTokens, 64));
    }

    private Engine engine(String layers, Precision precision, ChunkStore store, EngineSettings settings) {
        var engine = new Engine(
                model(layers, precision),
                kernels,
                TinyModel.tokens(),
                precision,
                store,
                settings,
                new EngineMetrics(new SimpleMeterRegistry()));
        open.addFirst(engine);
        return engine;
    }

    /** @param layers as {@link TinyRecurrent#of} takes them, or the name of a golden model */
    private LanguageModel model(String layers, Precision precision) {
        if (!layers.startsWith("gemma")) {
            return TinyRecurrent.of(layers, 8192, kernels, precision);
        }
        try {
            var config = CheckpointTest.class
                    .getResource("/golden/families/" + layers + "/config.json")
                    .toURI();
            ModelFiles files = ModelFiles.open(Path.of(config).getParent());
            open.addLast(files);
            return ModelLoader.model(layers, files, kernels, precision);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
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

    private static GenerateRequest request(TokenStream prompt, int maxTokens) {
        return new GenerateRequest(
                "a",
                prompt,
                WITH_LOGPROBS,
                maxTokens,
                GenerateRequest.CacheMode.READ_WRITE,
                GenerateRequest.NO_DEADLINE);
    }

    private static Collected run(Engine engine, TokenStream prompt, int maxTokens) throws Exception {
        var sink = new Collected();
        engine.submit(request(prompt, maxTokens), sink);
        sink.await();
        assertThat(engine.flush(Duration.ofMinutes(1))).isTrue();
        return sink;
    }

    private static TokenStream stream(int[] first, int... second) {
        return new TokenStream(
                List.of(new TextRun(first, Modality.DOCUMENT, true), new TextRun(second, Modality.TEXT, false)));
    }

    private static void assertSameAnswer(Precision precision, Collected actual, Collected expected) {
        assertThat(actual.ids()).containsExactly(expected.ids());
        // A fast prompt is the same to the last bit however it is cut; an exact one within the families' tolerance.
        float tolerance = precision == Precision.FAST ? 0 : 1e-4f;
        assertThat(actual.logprobs()).usingComparatorWithPrecision(tolerance).containsExactly(expected.logprobs());
    }

    @ParameterizedTest
    @CsvSource({"RRARRA, FAST", "RRARRA, F32", "AA, FAST", "RR, FAST", "RRA, F32", "gemma3, FAST", "gemma2, F32"})
    void restoredIsAsComputedWhereverThePromptIsCut(String layers, Precision precision) throws Exception {
        var random = new Random(1);
        for (int split : new int[] {5, 69, 70, 71, 256, 300, 512, 590}) {
            int[] shared = TinyModel.prompt(split, 3);
            var first = stream(shared, TinyModel.prompt(1 + random.nextInt(60), 4));
            var second = stream(shared, TinyModel.prompt(1 + random.nextInt(300), 5));
            MemoryContextStore store = store();
            Engine publishing = engine(layers, precision, store, 1 + random.nextInt(400));
            run(publishing, first, 3);
            publishing.close();
            open.remove(publishing);
            Engine restoring = engine(layers, precision, store, 1 + random.nextInt(400));
            Collected warm = run(restoring, second, 12);
            Collected again = run(restoring, second, 12);
            Collected cold = run(engine(layers, precision, null, 1024), second, 12);
            assertSameAnswer(precision, warm, cold);
            assertSameAnswer(precision, again, cold);
            assertThat(warm.await().receipt().tokensRestored()).isEqualTo(split);
            assertThat(warm.await().receipt().missReason()).isEqualTo("never seen");
            assertThat(again.await().receipt().tokensRestored()).isEqualTo(second.length() - 1);
            assertThat(again.await().receipt().missReason()).isEmpty();
            assertThat(again.await().receipt().bytesRestored()).isPositive();
            for (AutoCloseable each : open) {
                each.close();
            }
            open.clear();
        }
    }

    @Test
    void aNextTurnGoesOnFromTheAnswer() throws Exception {
        Engine engine = engine("RRA", Precision.F32, store(), 256);
        int[] prompt = TinyModel.prompt(150, 8);
        Collected answer = run(engine, TokenStream.ofText(prompt), 120);
        // The last token of an answer that ran into its limit was chosen but not computed.
        int computed = prompt.length + answer.ids().length - (answer.await().reason() == Outcome.Reason.STOP ? 0 : 1);
        int[] dialogue = Arrays.copyOf(prompt, computed);
        System.arraycopy(answer.ids(), 0, dialogue, prompt.length, computed - prompt.length);
        var next = stream(dialogue, TinyModel.prompt(10, 9));
        Collected warm = run(engine, next, 5);
        assertThat(warm.await().receipt().tokensRestored()).isEqualTo(computed);
        assertSameAnswer(Precision.F32, warm, run(engine("RRA", Precision.F32, null, 512), next, 5));
    }

    @Test
    void aContentPrefilledByItselfIsWhereQuestionsGoOn() throws Exception {
        Engine engine = engine("RRA", Precision.FAST, store(), 256);
        int[] content = TinyModel.prompt(330, 8);
        var alone = new TokenStream(List.of(new TextRun(content, Modality.DOCUMENT, true)));
        run(engine, alone, 0);
        var question = stream(content, TinyModel.prompt(20, 9));
        Collected warm = run(engine, question, 5);
        assertThat(warm.await().receipt().tokensRestored()).isEqualTo(330);
        assertSameAnswer(Precision.FAST, warm, run(engine("RRA", Precision.FAST, null, 512), question, 5));
    }

    @Test
    void whatDiffersLateInALongPromptResumesAtACheckpointOnTheWay() throws Exception {
        Engine engine = engine("RRA", Precision.FAST, store(), 512);
        int[] ids = TinyModel.prompt(6000, 10);
        run(engine, TokenStream.ofText(ids), 0);
        ids[5000] = ids[5000] % (TinyModel.VOCABULARY - 1) + 1;
        Collected warm = run(engine, TokenStream.ofText(ids), 4);
        assertThat(warm.await().receipt().tokensRestored()).isEqualTo(4096);
        assertSameAnswer(
                Precision.FAST, warm, run(engine("RRA", Precision.FAST, null, 512), TokenStream.ofText(ids), 4));
    }

    @ParameterizedTest
    @ValueSource(strings = {"RRA", "AA"})
    void guessesAreTakenBackFromEveryKindOfLayer(String layers) throws Exception {
        int[] once = TinyModel.prompt(30, 1);
        int[] round = new int[400];
        Arrays.setAll(round, i -> once[i % once.length]);
        var prompt = TokenStream.ofText(round);
        Collected plain = run(engine(layers, Precision.F32, null, settings(256).with(Speculation.OFF)), prompt, 200);
        // Rows beyond the first cost next to nothing here, so guesses are tried whatever they are worth.
        Engine guessing = engine(layers, Precision.F32, store(), settings(256).withRowCost(0.01));
        Collected guessed = run(guessing, prompt, 200);
        assertThat(guessed.ids()).containsExactly(plain.ids());
        for (int i = 0; i < plain.tokens.size(); i++) {
            assertThat(guessed.logprobs()[i]).isCloseTo(plain.logprobs()[i], Offset.offset(1e-4f));
        }
    }

    @Test
    void aBadCheckpointIsAMissWithAReason() throws Exception {
        assertMiss(LyingStore::cut, "checkpoint does not fit its place");
        assertMiss(LyingStore::moved, "checkpoint does not fit its place");
        assertMiss(entry -> new Lookup.Miss(MissReason.CORRUPT), "corrupt chunk");
        assertMiss(entry -> new Lookup.Miss(MissReason.ABSENT), "never seen");
    }

    private void assertMiss(UnaryOperator<Lookup> lie, String reason) throws Exception {
        Engine engine = engine("RRA", Precision.FAST, new LyingStore(store(), lie, false), 256);
        var prompt = TokenStream.ofText(TinyModel.prompt(300, 1));
        Collected first = run(engine, prompt, 10);
        Collected second = run(engine, prompt, 10);
        assertThat(second.await().receipt().tokensRestored()).isZero();
        assertThat(second.await().receipt().missReason()).isEqualTo(reason);
        assertSameAnswer(Precision.FAST, second, first);
    }

    @Test
    void withTheLastCheckpointBadTheOneBeforeServes() throws Exception {
        MemoryContextStore store = store();
        var prompt = stream(TinyModel.prompt(200, 1), TinyModel.prompt(100, 2));
        Collected first = run(engine("RRA", Precision.FAST, store, 256), prompt, 10);
        UnaryOperator<Lookup> lie =
                entry -> entry instanceof Lookup.Hit hit && hit.chunk().header().firstToken() == 299
                        ? new Lookup.Miss(MissReason.CORRUPT)
                        : entry;
        Collected second = run(engine("RRA", Precision.FAST, new LyingStore(store, lie, false), 256), prompt, 10);
        assertThat(second.await().receipt().tokensRestored()).isEqualTo(200);
        assertThat(second.await().receipt().missReason()).isEqualTo("corrupt chunk");
        assertSameAnswer(Precision.FAST, second, first);
    }

    @Test
    void nothingIsFetchedThatDoesNotServe() throws Exception {
        MemoryContextStore store = store();
        AtomicLong fetched = new AtomicLong();
        UnaryOperator<Lookup> counting = entry -> {
            if (entry instanceof Lookup.Hit hit) {
                fetched.addAndGet(hit.chunk().payload().byteSize());
            }
            return entry;
        };
        Engine engine = engine("RRA", Precision.FAST, new LyingStore(store, counting, false), 256);
        int[] shared = TinyModel.prompt(200, 1);
        run(engine, stream(shared, TinyModel.prompt(100, 2)), 1);
        assertThat(fetched.get()).isZero();
        Outcome outcome =
                run(engine, stream(shared, TinyModel.prompt(100, 3)), 1).await();
        assertThat(fetched.get()).isEqualTo(outcome.receipt().bytesRestored()).isPositive();
    }

    @Test
    void cancellingFreesEverything() throws Exception {
        Engine engine = engine("RRA", Precision.FAST, store(), 256);
        var sink = new Collected();
        Generation generation = engine.submit(request(TokenStream.ofText(TinyModel.prompt(400, 12)), 7000), sink);
        sink.firstToken.get(3, TimeUnit.MINUTES);
        assertThat(engine.pool().bytesInUse()).isPositive();
        generation.cancel();
        assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(engine.pool().bytesInUse()).isZero();
        assertThat(engine.pool().bytesReserved()).isZero();
        engine.flush(Duration.ofMinutes(1));
        assertThat(engine.pool().stagesInUse()).isZero();
    }
}
