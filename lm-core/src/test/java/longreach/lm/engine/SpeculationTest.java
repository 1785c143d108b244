package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.lm.speculate.Speculation;
import longreach.store.api.ChunkStore;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Answers with guesses are answers without. The tiny model soon repeats itself, so there is much to look up. */
class SpeculationTest {
    private static final int LENGTH = 120;

    private final Kernels kernels = KernelSelector.select(1);
    private final List<AutoCloseable> open = new ArrayList<>();
    private SimpleMeterRegistry meters = new SimpleMeterRegistry();

    private Precision precision = Precision.F32;

    private Engine engine(Speculation speculation, ChunkStore store) {
        meters = new SimpleMeterRegistry();
        var engine = new Engine(
                TinyModel.of(kernels, precision),
                kernels,
                TinyModel.tokens(),
                precision,
                store,
                new EngineSettings(64 << 20, 16, 8, 256, 64).with(speculation).withRowCost(0.02),
                new EngineMetrics(meters));
        open.addFirst(engine);
        return engine;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private double counted(String name) {
        return meters.get(name).tag("source", "lookup").counter().count();
    }

    private static Sampling sampling(float temperature, float frequencyPenalty, OptionalInt logprobs, String... stop) {
        return new Sampling(temperature, 0, 1, 0, OptionalLong.of(11), 0, frequencyPenalty, 1, List.of(stop), logprobs);
    }

    private static GenerateRequest request(TokenStream prompt, Sampling sampling, int maxTokens) {
        return new GenerateRequest(
                "a", prompt, sampling, maxTokens, GenerateRequest.CacheMode.READ_WRITE, GenerateRequest.NO_DEADLINE);
    }

    private static Collected run(Engine engine, GenerateRequest request) throws Exception {
        var sink = new Collected();
        engine.submit(request, sink);
        sink.await();
        return sink;
    }

    /** A text that goes round. */
    private static int[] round(int seed, int length) {
        int[] once = TinyModel.prompt(30, seed);
        int[] ids = new int[length];
        Arrays.setAll(ids, i -> once[i % once.length]);
        return ids;
    }

    private static TokenStream prompt(int seed) {
        return TokenStream.ofText(round(seed, 75));
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void everyWayOfChoosingGivesTheSameTokens(Precision each) throws Exception {
        precision = each;
        Engine plain = engine(Speculation.OFF, null);
        List<Sampling> ways = List.of(
                sampling(0, 0, OptionalInt.empty()),
                sampling(0, 0, OptionalInt.of(3)),
                sampling(0, 0.4f, OptionalInt.of(2)),
                sampling(0.3f, 0, OptionalInt.empty()),
                sampling(0.7f, -0.5f, OptionalInt.of(1)),
                sampling(1.2f, 0, OptionalInt.empty()));
        List<Collected> expected = new ArrayList<>();
        for (Sampling way : ways) {
            for (int seed = 1; seed <= 3; seed++) {
                expected.add(run(plain, request(prompt(seed), way, LENGTH)));
            }
        }
        plain.close();
        open.remove(plain);
        Engine guessing = engine(Speculation.LOOKUP, null);
        int at = 0;
        for (Sampling way : ways) {
            for (int seed = 1; seed <= 3; seed++) {
                Collected actual = run(guessing, request(prompt(seed), way, LENGTH));
                Collected reference = expected.get(at++);
                assertThat(actual.ids()).as("%s, prompt %d", way, seed).containsExactly(reference.ids());
                assertThat(actual.text()).isEqualTo(reference.text());
                assertThat(actual.await().reason()).isEqualTo(reference.await().reason());
                if (way.logprobs().isPresent()) {
                    assertThat(actual.logprobs()).containsExactly(reference.logprobs());
                }
            }
        }
        System.out.printf(
                "accepted %.0f of %.0f guesses%n",
                counted("spec_decode_num_accepted_tokens"), counted("spec_decode_num_draft_tokens"));
        assertThat(counted("spec_decode_num_accepted_tokens")).isGreaterThan(100);
        assertThat(counted("spec_decode_num_draft_tokens")).isGreaterThan(counted("spec_decode_num_accepted_tokens"));
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void streamsThatGuessTogetherAnswerAsEachAlone(Precision each) throws Exception {
        precision = each;
        Engine guessing = engine(Speculation.LOOKUP, null);
        List<Collected> together = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            var sink = new Collected();
            together.add(sink);
            guessing.submit(
                    request(prompt(i), sampling(i % 2 == 0 ? 0 : 0.5f, 0, OptionalInt.empty()), 60 + 10 * i), sink);
        }
        for (Collected sink : together) {
            sink.await();
        }
        assertThat(counted("spec_decode_num_accepted_tokens")).isPositive();
        assertThat(guessing.pool().blocksInUse()).isZero();
        Engine plain = engine(Speculation.OFF, null);
        for (int i = 0; i < 8; i++) {
            Collected alone = run(
                    plain, request(prompt(i), sampling(i % 2 == 0 ? 0 : 0.5f, 0, OptionalInt.empty()), 60 + 10 * i));
            assertThat(together.get(i).ids()).as("stream %d", i).containsExactly(alone.ids());
        }
    }

    @Test
    void limitsAndStopsHoldInTheMiddleOfGuesses() throws Exception {
        Engine guessing = engine(Speculation.LOOKUP, null);
        Collected whole = run(guessing, request(prompt(1), sampling(0, 0, OptionalInt.empty()), LENGTH));
        for (int limit = LENGTH - 15; limit < LENGTH; limit++) {
            Collected cut = run(guessing, request(prompt(1), sampling(0, 0, OptionalInt.empty()), limit));
            assertThat(cut.ids()).containsExactly(Arrays.copyOf(whole.ids(), limit));
            assertThat(cut.await().reason()).isEqualTo(Outcome.Reason.MAX_TOKENS);
        }
        for (int from = 60; from < 75; from++) {
            String stop = whole.text().substring(from, from + 20);
            Collected stopped = run(guessing, request(prompt(1), sampling(0, 0, OptionalInt.empty(), stop), LENGTH));
            assertThat(stopped.text())
                    .isEqualTo(whole.text().substring(0, whole.text().indexOf(stop)));
            assertThat(stopped.await().stopSequence()).isEqualTo(stop);
        }
        int[] ids = round(1, TinyModel.CONTEXT - 40);
        Outcome full = run(guessing, request(TokenStream.ofText(ids), sampling(0, 0, OptionalInt.empty()), 1000))
                .await();
        assertThat(full.reason()).isEqualTo(Outcome.Reason.CONTEXT_FULL);
        assertThat(full.outputTokens()).isEqualTo(41);
    }

    @Test
    void whatGuessedAnswersPublishIsTheirOwn() throws Exception {
        var store = new MemoryContextStore(256 << 20);
        open.addLast(store);
        Engine guessing = engine(Speculation.LOOKUP, store);
        // Answers that cross the end of a chunk, where refused guesses were written and taken back.
        int[] prompt = round(2, 75);
        Collected answer =
                run(guessing, request(TokenStream.ofText(prompt), sampling(0.6f, 0, OptionalInt.empty()), 300));
        assertThat(guessing.flush(Duration.ofMinutes(1))).isTrue();
        assertThat(answer.await().receipt().chunksPublished()).isGreaterThan(1);
        int[] dialogue = Arrays.copyOf(prompt, 75 + answer.ids().length + 10);
        System.arraycopy(answer.ids(), 0, dialogue, 75, answer.ids().length);
        System.arraycopy(TinyModel.prompt(10, 9), 0, dialogue, 75 + answer.ids().length, 10);
        var next = request(TokenStream.ofText(dialogue), sampling(0, 0, OptionalInt.of(3)), 20);
        Collected warm = run(guessing, next);
        assertThat(warm.await().receipt().tokensRestored()).isGreaterThanOrEqualTo(256);
        guessing.close();
        open.remove(guessing);
        Collected cold = run(engine(Speculation.OFF, null), next);
        assertThat(warm.ids()).containsExactly(cold.ids());
        for (int i = 0; i < 20; i++) {
            assertThat(warm.logprobs()[i]).isCloseTo(cold.logprobs()[i], org.assertj.core.data.Offset.offset(1e-4f));
        }
    }
}
