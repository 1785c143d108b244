package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.NoisyModel;
import longreach.lm.model.Precision;
import longreach.lm.model.ScriptedModel;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Distribution;
import longreach.lm.sample.Sampling;
import longreach.lm.speculate.Speculation;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A draft model in the engine: the tiny model guessing for itself, exactly or through noise. */
class DraftModelTest {
    private static final int LENGTH = 80;
    private static final EngineSettings SETTINGS = new EngineSettings(64 << 20, 64, 8, 256, 64).withRowCost(0.02);

    private final Kernels kernels = KernelSelector.select(1);
    private final List<Engine> open = new ArrayList<>();
    private SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private DraftModel draft;

    private Engine plain(Precision precision) {
        var engine = new Engine(
                TinyModel.of(kernels, precision),
                kernels,
                TinyModel.tokens(),
                precision,
                null,
                SETTINGS.with(Speculation.OFF),
                new EngineMetrics(meters));
        open.add(engine);
        return engine;
    }

    private Engine guessing(Precision precision, float noise) {
        meters = new SimpleMeterRegistry();
        LanguageModel model = new NoisyModel(TinyModel.of(kernels, precision), noise, 5);
        draft = new DraftModel(model, kernels, precision, 16 << 20, 8, 256);
        var engine = new Engine(
                TinyModel.of(kernels, precision),
                kernels,
                TinyModel.tokens(),
                precision,
                null,
                SETTINGS.with(Speculation.DRAFT),
                new EngineMetrics(meters),
                draft);
        open.add(engine);
        return engine;
    }

    @AfterEach
    void close() {
        open.forEach(Engine::close);
    }

    private double share() {
        double kept = meters.get("spec_decode_num_accepted_tokens")
                .tag("source", "draft")
                .counter()
                .count();
        double all = meters.get("spec_decode_num_draft_tokens")
                .tag("source", "draft")
                .counter()
                .count();
        assertThat(all).isGreaterThan(10);
        return kept / all;
    }

    private static GenerateRequest request(int prompt, long seed, float temperature, int maxTokens) {
        var sampling = new Sampling(
                temperature,
                temperature == 0 ? 0 : 3,
                1,
                0,
                OptionalLong.of(seed),
                0,
                0,
                1,
                List.of(),
                OptionalInt.empty());
        return new GenerateRequest(
                "a",
                TokenStream.ofText(TinyModel.prompt(prompt, prompt)),
                sampling,
                maxTokens,
                GenerateRequest.CacheMode.BYPASS,
                GenerateRequest.NO_DEADLINE);
    }

    private static Collected run(Engine engine, GenerateRequest request) throws Exception {
        var sink = new Collected();
        engine.submit(request, sink);
        sink.await();
        return sink;
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void greedyAnswersStayTheSame(Precision precision) throws Exception {
        Engine plain = plain(precision);
        int[] prompts = {5, 40, 300};
        List<int[]> expected = new ArrayList<>();
        for (int prompt : prompts) {
            expected.add(run(plain, request(prompt, 1, 0, LENGTH)).ids());
        }
        for (float noise : new float[] {0, 1}) {
            Engine guessing = guessing(precision, noise);
            List<Collected> together = new ArrayList<>();
            for (int prompt : prompts) {
                var sink = new Collected();
                together.add(sink);
                guessing.submit(request(prompt, 1, 0, LENGTH), sink);
            }
            for (int i = 0; i < prompts.length; i++) {
                together.get(i).await();
                assertThat(together.get(i).ids())
                        .as("prompt %d, noise %.0f", prompts[i], noise)
                        .containsExactly(expected.get(i));
            }
            System.out.printf("%s, noise %.0f: %.2f of the guesses kept%n", precision, noise, share());
            assertThat(share()).isBetween(noise == 0 ? 0.95 : 0, noise == 0 ? 1.0 : 0.9);
            assertThat(guessing.pool().bytesReserved()).isZero();
            assertThat(draft.pool().bytesReserved()).isZero();
        }
    }

    @Test
    void aSeedReproducesAnAnswerWhoeverIsAnsweredBesideIt() throws Exception {
        Engine guessing = guessing(Precision.F32, 1);
        int[] alone = run(guessing, request(40, 7, 1, LENGTH)).ids();
        assertThat(run(guessing, request(40, 7, 1, LENGTH)).ids()).containsExactly(alone);
        List<Collected> together = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            var sink = new Collected();
            together.add(sink);
            guessing.submit(request(i == 3 ? 40 : 100 + 50 * i, i == 3 ? 7 : i, i % 2 == 0 ? 0 : 1, LENGTH), sink);
        }
        for (Collected sink : together) {
            sink.await();
        }
        assertThat(together.get(3).ids()).containsExactly(alone);
        assertThat(share()).isBetween(0.05, 0.95);
    }

    /** Three tokens, of which the second and the third were guessed, against the probabilities of the model itself. */
    @Test
    void answersAreDrawnFromTheModel() throws Exception {
        int draws = 6000;
        Engine guessing = guessing(Precision.F32, 1);
        Map<List<Integer>, Integer> counts = new HashMap<>();
        List<Collected> sinks = new ArrayList<>();
        for (int seed = 0; seed < draws; seed++) {
            var sink = new Collected();
            guessing.submit(request(4, seed, 1, 3), sink);
            sinks.add(sink);
            if (sinks.size() == 8) {
                for (Collected each : sinks) {
                    each.await();
                    counts.merge(Arrays.stream(each.ids()).boxed().toList(), 1, Integer::sum);
                }
                sinks.clear();
            }
        }
        assertThat(share()).isBetween(0.1, 0.95);
        Map<List<Integer>, Double> exact = exact(request(4, 0, 1, 3));
        assertThat(exact.keySet()).containsAll(counts.keySet());
        double statistic = 0;
        int degrees = -1;
        for (var cell : exact.entrySet()) {
            double expected = cell.getValue() * draws;
            if (expected >= 5) {
                double d = counts.getOrDefault(cell.getKey(), 0) - expected;
                statistic += d * d / expected;
                degrees++;
            }
        }
        double limit = degrees * Math.pow(1 - 2.0 / (9 * degrees) + 3.0902 * Math.sqrt(2.0 / (9 * degrees)), 3);
        System.out.printf("chi-square %.1f over %d degrees, limit %.1f%n", statistic, degrees, limit);
        assertThat(degrees).isGreaterThan(8);
        assertThat(statistic).isLessThan(limit);
    }

    /** Probability of every answer of up to three tokens, from plain answers' log-probabilities. */
    private Map<List<Integer>, Double> exact(GenerateRequest request) throws Exception {
        Engine plain = plain(Precision.F32);
        Map<List<Integer>, Double> all = new HashMap<>();
        extend(plain, request.prompt(), List.of(), 1, all);
        return all;
    }

    private void extend(
            Engine plain, TokenStream prompt, List<Integer> answer, double probability, Map<List<Integer>, Double> all)
            throws Exception {
        if (answer.size() == 3) {
            all.put(answer, probability);
            return;
        }
        int[] ids = new int[prompt.length() + answer.size()];
        for (int p = 0; p < ids.length; p++) {
            ids[p] = p < prompt.length() ? prompt.id(p) : answer.get(p - prompt.length());
        }
        var sampling = new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(3));
        Collected next = run(
                plain,
                new GenerateRequest(
                        "a",
                        TokenStream.ofText(ids),
                        sampling,
                        1,
                        GenerateRequest.CacheMode.BYPASS,
                        GenerateRequest.NO_DEADLINE));
        var best = new Distribution();
        best.clear(3);
        for (AnswerSink.TokenLogprob top : next.tokens.getFirst().logprob().top()) {
            best.add(top.id(), Math.exp(top.logprob()));
        }
        for (int i = 0; i < best.size(); i++) {
            List<Integer> longer = new ArrayList<>(answer);
            longer.add(best.id(i));
            if (best.id(i) == TinyModel.END) {
                all.put(answer, all.getOrDefault(answer, 0.0) + probability * best.share(i));
            } else {
                extend(plain, prompt, longer, probability * best.share(i), all);
            }
        }
    }

    @Test
    void whatCannotGuessIsRefused() {
        var other = new DraftModel(new ScriptedModel(step -> {}), kernels, Precision.F32, 1 << 20, 8, 256);
        assertThatThrownBy(() -> new Engine(
                        TinyModel.of(kernels, Precision.F32),
                        kernels,
                        TinyModel.tokens(),
                        Precision.F32,
                        null,
                        SETTINGS.with(Speculation.DRAFT),
                        new EngineMetrics(meters),
                        other))
                .hasMessage("draft model: 64 tokens (expected: 96, the model's)");
        assertThatThrownBy(() -> new Engine(
                        TinyModel.of(kernels, Precision.F32),
                        kernels,
                        TinyModel.tokens(),
                        Precision.F32,
                        null,
                        SETTINGS.with(Speculation.DRAFT),
                        new EngineMetrics(meters)))
                .hasMessage("speculation: DRAFT, draft model: none (expected: a draft model exactly for DRAFT)");
        other.close();
    }
}
