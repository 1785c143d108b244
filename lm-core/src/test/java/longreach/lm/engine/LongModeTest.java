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
import java.util.function.UnaryOperator;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.lm.select.BlockSelector;
import longreach.lm.select.TextEmbedder;
import longreach.store.api.ChunkStore;
import longreach.store.api.Lookup;
import longreach.store.api.MissReason;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.v1.Modality;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Prompts beyond what the model was trained on, and answers that see chosen blocks. */
class LongModeTest {
    private static final Sampling WITH_LOGPROBS =
            new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(5));
    private static final LongSettings NARROW =
            new LongSettings(true, 20, 300, 100, 2, 64, BlockSelector.Kind.FUSED, 1 << 20, 64 << 20);
    private static final int ANSWER = 12;

    private final Kernels kernels = KernelSelector.select(1);
    private final List<AutoCloseable> open = new ArrayList<>();

    /** Counts characters: texts of the same letters mean the same. */
    static final TextEmbedder LETTERS = new TextEmbedder() {
        @Override
        public String name() {
            return "letters";
        }

        @Override
        public int dimensions() {
            return 128;
        }

        @Override
        public float[] embed(String text) {
            float[] counts = new float[128];
            // What all texts share counts for nothing, as with a real one: unlike texts are near a right angle.
            java.util.Arrays.fill(counts, -text.length() / 128f);
            text.chars().forEach(c -> counts[c % 128]++);
            double square = 0;
            for (float count : counts) {
                square += count * count;
            }
            for (int i = 0; i < counts.length; i++) {
                counts[i] = (float) (counts[i] / Math.max(1e-9, Math.sqrt(square)));
            }
            return counts;
        }
    };

    private Engine engine(ChunkStore store, LongSettings settings, int stepTokens, Precision precision) {
        var engine = new Engine(
                TinyModel.of(kernels, precision),
                kernels,
                TinyModel.tokens(),
                precision,
                store,
                new EngineSettings(64 << 20, 8, 4, stepTokens, Math.min(64, stepTokens)).with(settings),
                new EngineMetrics(new SimpleMeterRegistry()),
                null,
                LETTERS);
        open.addFirst(engine);
        return engine;
    }

    private MemoryContextStore store() {
        var store = new MemoryContextStore(512 << 20);
        open.addLast(store);
        return store;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private static GenerateRequest request(int[] ids, int maxTokens, ContextUse use) {
        return new GenerateRequest(
                        "a",
                        TokenStream.ofText(ids),
                        WITH_LOGPROBS,
                        maxTokens,
                        GenerateRequest.CacheMode.READ_WRITE,
                        GenerateRequest.NO_DEADLINE)
                .with(use);
    }

    private static Collected run(Engine engine, GenerateRequest request) throws Exception {
        var sink = new Collected();
        engine.submit(request, sink);
        sink.await();
        return sink;
    }

    private static ContextUse use(ContextUse.Mode mode, int question, BlockSelector.Kind selector) {
        return new ContextUse(mode, question, selector, OptionalInt.empty(), OptionalInt.empty());
    }

    private static void assertSame(Collected actual, Collected expected) {
        assertThat(actual.ids()).isEqualTo(expected.ids());
        assertThat(actual.logprobs()).containsExactly(expected.logprobs());
    }

    private static void assertClose(Collected actual, Collected expected) {
        assertThat(actual.ids()).isEqualTo(expected.ids());
        for (int i = 0; i < expected.ids().length; i++) {
            assertThat(actual.logprobs()[i])
                    .as("token %d", i)
                    .isCloseTo(expected.logprobs()[i], org.assertj.core.data.Offset.offset(1e-4f));
        }
    }

    @Test
    void windowWiderThanThePromptEqualsExactAttention() throws Exception {
        int[] ids = TinyModel.prompt(900, 5);
        var wide = new LongSettings(true, 20, 1000, 1000, 2, 64, BlockSelector.Kind.FUSED, 1 << 20, 64 << 20);
        for (Precision precision : Precision.values()) {
            Collected exact = run(engine(null, wide, 256, precision), request(ids, ANSWER, ContextUse.DEFAULT));
            Collected windowed = run(
                    engine(null, wide, 256, precision),
                    request(ids, ANSWER, use(ContextUse.Mode.LONG, 870, BlockSelector.Kind.FUSED)));

            assertClose(windowed, exact);
            assertThat(exact.await().seen().mode()).isEqualTo(ContextUse.Mode.EXACT);
            assertThat(windowed.await().seen().mode()).isEqualTo(ContextUse.Mode.LONG);
            assertThat(windowed.await().seen().promptTokens()).isEqualTo(900);
        }
    }

    @Test
    void anySplitIntoStepsGivesTheSameAnswer() throws Exception {
        int[] ids = TinyModel.prompt(3100, 6);
        for (Precision precision : Precision.values()) {
            var use = ContextUse.of(ContextUse.Mode.AUTO, 3070);
            Collected whole = run(engine(null, NARROW, 512, precision), request(ids, ANSWER, use));
            Collected pieces = run(engine(null, NARROW, 37, precision), request(ids, ANSWER, use));

            assertThat(whole.await().seen().mode()).isEqualTo(ContextUse.Mode.LONG);
            assertThat(whole.await().seen().blocks()).hasSize(2);
            assertClose(pieces, whole);
        }
    }

    @Test
    void anySplitIntoRequestsGivesTheSameAnswer() throws Exception {
        int[] ids = TinyModel.prompt(3100, 7);
        int question = 3060;
        var use = ContextUse.of(ContextUse.Mode.LONG, question);
        for (Precision precision : Precision.values()) {
            Collected whole = run(engine(store(), NARROW, 256, precision), request(ids, ANSWER, use));
            for (int cut : new int[] {100, 256, 700, 1024, 2999, question}) {
                MemoryContextStore store = store();
                Engine before = engine(store, NARROW, 256, precision);
                int[] beginning = Arrays.copyOf(ids, cut);
                run(before, request(beginning, 0, ContextUse.of(ContextUse.Mode.LONG, -1)));
                assertThat(before.flush(Duration.ofMinutes(1))).isTrue();
                // Another process: nothing but the store is left.
                Collected after = run(
                        engine(store, NARROW, 256, precision),
                        new GenerateRequest(
                                        "a",
                                        new TokenStream(List.of(
                                                new TokenStream.TextRun(beginning, Modality.TEXT, true),
                                                new TokenStream.TextRun(
                                                        Arrays.copyOfRange(ids, cut, ids.length),
                                                        Modality.TEXT,
                                                        false))),
                                        WITH_LOGPROBS,
                                        ANSWER,
                                        GenerateRequest.CacheMode.READ_WRITE,
                                        GenerateRequest.NO_DEADLINE)
                                .with(use));

                assertThat(after.await().receipt().tokensRestored()).isEqualTo(cut);
                assertSame(after, whole);
            }
        }
    }

    @Test
    void anotherQuestionIsRestoredAndFetchesItsBlocksFromTheStore() throws Exception {
        int[] ids = TinyModel.prompt(3000, 8);
        MemoryContextStore store = store();
        // So that no rows but those that the next step needs are kept.
        // With letters for tokens any passage has most of a question's: words would decide nothing.
        var forgetful = new LongSettings(true, 20, 300, 100, 2, 64, BlockSelector.Kind.EMBEDDING, 1 << 20, 0);
        int[] plain = Arrays.copyOf(ids, 3000);
        plant(plain, 700, "THE KEY OF THE BLUE DOOR IS 4711");
        int question = 2960;
        plantQuestion(plain, question, "KEY BLUE DOOR");
        var use = ContextUse.of(ContextUse.Mode.LONG, question);
        Engine first = engine(store, forgetful, 256, Precision.FAST);
        Collected asked = run(first, request(plain, ANSWER, use));
        assertThat(first.flush(Duration.ofMinutes(1))).isTrue();
        Collected again = run(engine(store, forgetful, 256, Precision.FAST), request(plain, ANSWER, use));

        assertSame(again, asked);
        var outcome = again.await();
        assertThat(outcome.receipt().tokensRestored()).isEqualTo(2816);
        assertThat(outcome.receipt().missReason()).isEmpty();
        assertThat(outcome.seen().selector()).isEqualTo(BlockSelector.Kind.EMBEDDING);
        assertThat(outcome.seen().blocks().getFirst().start()).isBetween(700 - 64, 700);
        assertThat(outcome.seen().blocks()).isEqualTo(asked.await().seen().blocks());
        assertThat(outcome.seen().blocksMissing()).isZero();
        // The first tokens, the blocks, what lies before the question, and the question.
        int blocks = outcome.seen().blocks().size();
        assertThat(blocks).isBetween(1, 2);
        assertThat(outcome.seen().promptTokens()).isEqualTo(20 + blocks * 64 + 100 + 40);
    }

    private static void plant(int[] ids, int at, String text) {
        for (int i = 0; i < text.length(); i++) {
            ids[at + i] = text.charAt(i) - 32;
        }
    }

    private static void plantQuestion(int[] ids, int at, String text) {
        for (int i = at; i < ids.length; i++) {
            ids[i] = text.charAt((i - at) % text.length()) - 32;
            ids[i] = ids[i] == 0 ? 1 : ids[i];
        }
    }

    @Test
    void withoutAStoreRowsAreHeldUpToALimit() throws Exception {
        int[] ids = TinyModel.prompt(6000, 9);
        var use = ContextUse.of(ContextUse.Mode.LONG, 5960);
        Engine holding = engine(null, NARROW, 256, Precision.FAST);
        Collected all = run(holding, request(ids, ANSWER, use));
        assertThat(all.await().seen().blocksMissing()).isZero();
        assertThat(holding.pool().stagesInUse()).isZero();

        // With letters for tokens any passage has most of a question's: words would decide nothing.
        var forgetful = new LongSettings(true, 20, 300, 100, 2, 64, BlockSelector.Kind.EMBEDDING, 1 << 20, 0);
        Engine bounded = engine(null, forgetful, 256, Precision.FAST);
        Collected some = run(bounded, request(ids, ANSWER, use));
        assertThat(some.await().seen().blocksMissing()).isEqualTo(2);
        assertThat(some.tokens).hasSize(ANSWER);
    }

    @Test
    void pagesDoNotGrowWithTheContext() throws Exception {
        Engine engine = engine(store(), NARROW, 256, Precision.FAST);
        long[] most = new long[1];
        var sink = new Collected() {
            @Override
            public void prefill(int done, int total) {
                most[0] = Math.max(most[0], engine.pool().bytesReserved());
            }
        };
        engine.submit(request(TinyModel.prompt(20_000, 10), ANSWER, ContextUse.of(ContextUse.Mode.AUTO, 19_970)), sink);
        sink.await();

        assertThat(most[0]).isPositive().isEqualTo(engine.pool().sequenceBytes(20 + 300 + 256, 256, 12));
    }

    @Test
    void focusSeesChosenBlocksOfAnExactPrompt() throws Exception {
        int[] ids = TinyModel.prompt(1500, 11);
        MemoryContextStore store = store();
        Engine engine = engine(store, NARROW, 256, Precision.FAST);
        Collected exact = run(engine, request(ids, ANSWER, ContextUse.DEFAULT));
        assertThat(engine.flush(Duration.ofMinutes(1))).isTrue();
        Collected focused =
                run(engine, request(ids, ANSWER, use(ContextUse.Mode.FOCUS, 1460, BlockSelector.Kind.EMBEDDING)));
        Collected recomputed = run(
                engine(null, NARROW, 100, Precision.FAST),
                request(ids, ANSWER, use(ContextUse.Mode.FOCUS, 1460, BlockSelector.Kind.EMBEDDING)));

        // The same chunks serve both.
        assertThat(focused.await().receipt().tokensRestored()).isEqualTo(1280);
        assertThat(focused.await().seen().mode()).isEqualTo(ContextUse.Mode.FOCUS);
        assertThat(focused.await().seen().blocks()).hasSize(2);
        assertSame(recomputed, focused);
        assertThat(focused.logprobs()).isNotEqualTo(exact.logprobs());
    }

    @Test
    void chunksThatSawAWindowAreNeverTakenForExactOnes() throws Exception {
        int[] ids = TinyModel.prompt(1500, 12);
        MemoryContextStore store = store();
        Engine engine = engine(store, NARROW, 256, Precision.FAST);
        run(engine, request(ids, 0, ContextUse.of(ContextUse.Mode.LONG, -1)));
        assertThat(engine.flush(Duration.ofMinutes(1))).isTrue();
        Collected exact = run(engine, request(ids, ANSWER, ContextUse.DEFAULT));
        assertThat(exact.await().receipt().tokensRestored()).isZero();
        assertSame(exact, run(engine(null, NARROW, 256, Precision.FAST), request(ids, ANSWER, ContextUse.DEFAULT)));

        // Nor for those under another window.
        var other = new LongSettings(true, 20, 600, 100, 2, 64, BlockSelector.Kind.FUSED, 1 << 20, 64 << 20);
        Collected wider = run(
                engine(store, other, 256, Precision.FAST),
                request(ids, ANSWER, ContextUse.of(ContextUse.Mode.LONG, 1460)));
        assertThat(wider.await().receipt().tokensRestored()).isZero();
    }

    @Test
    void chunksThatAreGoneOrDamagedAreComputedAgain() throws Exception {
        int[] ids = TinyModel.prompt(3000, 13);
        MemoryContextStore store = store();
        var use = ContextUse.of(ContextUse.Mode.LONG, 2960);
        Engine first = engine(store, NARROW, 256, Precision.FAST);
        Collected asked = run(first, request(ids, ANSWER, use));
        assertThat(first.flush(Duration.ofMinutes(1))).isTrue();
        UnaryOperator<Lookup> damaged =
                entry -> entry instanceof Lookup.Hit hit && hit.chunk().header().firstToken() == 2560
                        ? new Lookup.Miss(MissReason.CORRUPT)
                        : entry;
        Collected again = run(
                engine(new LyingStore(store, damaged, false), NARROW, 256, Precision.FAST), request(ids, ANSWER, use));

        assertSame(again, asked);
        assertThat(again.await().receipt().tokensRestored()).isEqualTo(2560);
    }

    /** Who published a chunk may have ended before it came to the vectors of its pieces. */
    @Test
    void aPrefillMakesUpForVectorsThatAreMissing() throws Exception {
        int[] ids = TinyModel.prompt(3000, 15);
        MemoryContextStore store = store();
        var use = use(ContextUse.Mode.LONG, 3000, BlockSelector.Kind.FUSED);
        Engine first = engine(store, NARROW, 256, Precision.FAST);
        var keys = run(first, request(ids, 0, use)).await().promptChunks();
        assertThat(first.flush(Duration.ofMinutes(1))).isTrue();
        var tenant = store.tenant("a");
        assertThat(store.keep(tenant, keys, Duration.ofDays(1))).isEqualTo(keys.size());
        // Behind the key of each full chunk comes its vectors'.
        var vectors = List.of(keys.get(1), keys.get(9));
        assertThat(store.eraseChunks(tenant, vectors).chunksErased()).isEqualTo(2);

        Engine second = engine(store, NARROW, 256, Precision.FAST);
        var outcome = run(second, request(ids, 0, use)).await();
        assertThat(second.flush(Duration.ofMinutes(1))).isTrue();
        assertThat(outcome.receipt().tokensRestored()).isEqualTo(2999);
        assertThat(store.keep(tenant, keys, Duration.ofDays(1))).isEqualTo(keys.size());
    }

    @Test
    void storesThatFailCostTheBlocksAndNotTheAnswer() throws Exception {
        int[] ids = TinyModel.prompt(3000, 14);
        plant(ids, 700, "THE KEY OF THE BLUE DOOR IS 4711");
        plantQuestion(ids, 2960, "KEY BLUE DOOR");
        var use = ContextUse.of(ContextUse.Mode.LONG, 2960);
        MemoryContextStore store = store();
        Engine first = engine(store, NARROW, 256, Precision.FAST);
        run(first, request(ids, ANSWER, use));
        assertThat(first.flush(Duration.ofMinutes(1))).isTrue();
        // It says that it has all chunks, and then gives those in the middle away to nobody.
        UnaryOperator<Lookup> stingy = entry -> entry instanceof Lookup.Hit hit
                        && hit.chunk().header().firstToken() >= 512
                        && hit.chunk().header().firstToken() < 2048
                        && hit.chunk().payload().byteSize() > 8192
                ? new Lookup.Miss(MissReason.ABSENT)
                : entry;
        Collected answered = run(
                engine(new LyingStore(store, stingy, false), NARROW, 256, Precision.FAST), request(ids, ANSWER, use));
        assertThat(answered.await().seen().blocksMissing()).isPositive();
        assertThat(answered.await().seen().blocks())
                .allSatisfy(block ->
                        assertThat(block.end() <= 512 || block.start() >= 2048).isTrue());
        assertThat(answered.tokens).isNotEmpty();

        Collected alone = run(
                engine(new LyingStore(store(), entry -> entry, true), NARROW, 256, Precision.FAST),
                request(ids, ANSWER, use));
        assertThat(alone.await().seen().blocks()).hasSize(2);
    }

    @Test
    void questionsThatDoNotFitAreRefused() {
        Engine engine = engine(null, NARROW, 256, Precision.FAST);
        var off = new LongSettings(false, 20, 300, 100, 2, 64, BlockSelector.Kind.FUSED, 1 << 20, 0);
        int[] ids = TinyModel.prompt(3000, 15);
        assertThatThrownBy(() -> engine(null, off, 256, Precision.FAST)
                        .submit(request(ids, 1, ContextUse.DEFAULT), new Collected()))
                .isInstanceOf(EngineException.InvalidRequest.class)
                .hasMessageContaining("prompt: 3000 tokens (expected: at most 2048)");
        assertThatThrownBy(() ->
                        engine.submit(request(ids, 1, ContextUse.of(ContextUse.Mode.EXACT, -1)), new Collected()))
                .isInstanceOf(EngineException.InvalidRequest.class);
        assertThatThrownBy(() ->
                        engine.submit(request(ids, 1, ContextUse.of(ContextUse.Mode.FOCUS, -1)), new Collected()))
                .hasMessageContaining("what the model was trained on");
    }

    @Test
    void anAnswerEndsWhereItsPlacesDo() throws Exception {
        int[] ids = TinyModel.prompt(2400, 16);
        var wide = new LongSettings(true, 20, 1700, 1700, 2, 64, BlockSelector.Kind.LEXICAL, 1 << 20, 64 << 20);
        Collected answer = run(
                engine(null, wide, 256, Precision.FAST), request(ids, 4000, ContextUse.of(ContextUse.Mode.LONG, 2300)));
        var outcome = answer.await();
        if (outcome.reason() == Outcome.Reason.CONTEXT_FULL) {
            assertThat(outcome.seen().promptTokens() + outcome.outputTokens() - 1)
                    .isEqualTo(TinyModel.CONTEXT);
        } else {
            assertThat(outcome.reason()).isEqualTo(Outcome.Reason.STOP);
        }
    }
}
