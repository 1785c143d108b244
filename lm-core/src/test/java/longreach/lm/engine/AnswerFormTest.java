package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import longreach.lm.grammar.Constraints;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.ToolSyntax;
import longreach.lm.sample.Sampling;
import longreach.lm.sample.TokenMask;
import longreach.lm.speculate.Speculation;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A model that writes nothing but noise keeps to the form that is asked for, alone and beside others. */
class AnswerFormTest {
    private static final String SCHEMA = """
            {"type":"object","required":["name","age","tags"],"properties":{
              "name":{"type":"string","minLength":1,"maxLength":8},
              "age":{"type":"integer","minimum":0,"maximum":120},
              "tags":{"type":"array","minItems":1,"maxItems":2,"items":{"enum":["red","green"]}}}}""";
    // '<' and '>' of the tiny vocabulary.
    private static final ThinkMarkers MARKERS = new ThinkMarkers('<' - 32, '>' - 32);

    private final Kernels kernels = KernelSelector.select(1);
    private final Constraints constraints = new Constraints(TinyModel.tokens(), TinyModel.VOCABULARY);
    private final List<AutoCloseable> open = new ArrayList<>();

    private Engine engine(Speculation speculation) {
        var engine = new Engine(
                TinyModel.of(kernels, Precision.F32),
                kernels,
                TinyModel.tokens(),
                Precision.F32,
                null,
                new EngineSettings(64 << 20, 64, 8, 256, 64).with(speculation).withRowCost(0.02),
                new EngineMetrics(new SimpleMeterRegistry()));
        open.addFirst(engine);
        return engine;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private static Sampling sampling(float temperature, long seed, OptionalInt logprobs) {
        return new Sampling(temperature, 40, 0.9f, 0, OptionalLong.of(seed), 0, 0.5f, 1, List.of(), logprobs);
    }

    private static Collected submit(Engine engine, AnswerForm form, Sampling sampling, int maxTokens, long prompt) {
        var sink = new Collected();
        engine.submit(
                new GenerateRequest(
                        "a",
                        TokenStream.ofText(TinyModel.prompt(20, prompt)),
                        sampling,
                        form,
                        maxTokens,
                        GenerateRequest.CacheMode.BYPASS,
                        GenerateRequest.NO_DEADLINE),
                sink);
        return sink;
    }

    private static AnswerForm masked(TokenMask mask) {
        return new AnswerForm(mask, null, null);
    }

    @Test
    void answersBesideEachOtherKeepToTheirSchemas() throws Exception {
        for (Speculation speculation : List.of(Speculation.OFF, Speculation.LOOKUP)) {
            Engine engine = engine(speculation);
            TokenMask mask = constraints.mask(new Constraints.Json(SCHEMA));
            List<Collected> answers = new ArrayList<>();
            List<Collected> free = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                answers.add(
                        submit(engine, masked(mask), sampling(i % 3 == 0 ? 0 : 1.2f, i, OptionalInt.empty()), 300, i));
                free.add(submit(engine, AnswerForm.FREE, Sampling.GREEDY, 20, i));
            }
            for (Collected answer : answers) {
                assertThat(answer.await().reason()).isEqualTo(Outcome.Reason.STOP);
                JsonNode json = JsonMapper.shared().readTree(answer.text());
                assertThat(json.get("name").stringValue()).hasSizeBetween(1, 8);
                assertThat(json.get("age").intValue()).isBetween(0, 120);
                assertThat(json.get("tags").size()).isBetween(1, 2);
            }
            Collected alone = submit(engine, AnswerForm.FREE, Sampling.GREEDY, 20, 0);
            alone.await();
            free.getFirst().await();
            assertThat(free.getFirst().ids()).isEqualTo(alone.ids());
        }
    }

    @Test
    void anAnswerCutShortSaysSo() throws Exception {
        TokenMask mask = constraints.mask(new Constraints.Json(SCHEMA));
        Collected cut = submit(engine(Speculation.OFF), masked(mask), Sampling.GREEDY, 5, 1);
        assertThat(cut.await().reason()).isEqualTo(Outcome.Reason.MAX_TOKENS);
        assertThat(cut.tokens).hasSize(5);
        assertThat("{\"name\"").startsWith(cut.text());
    }

    @Test
    void aWholeAnswerEndsWithoutAnotherStep() throws Exception {
        TokenMask mask = constraints.mask(new Constraints.Choice(List.of("ab", "xyz")));
        Collected answer = submit(engine(Speculation.OFF), masked(mask), Sampling.GREEDY, 100, 2);
        assertThat(answer.await().reason()).isEqualTo(Outcome.Reason.STOP);
        assertThat(answer.text()).isIn("ab", "xyz");
        assertThat(answer.tokens).hasSameSizeAs(answer.text().chars().boxed().toList());
    }

    @Test
    void logprobsAreTheModelsOwn() throws Exception {
        Engine engine = engine(Speculation.OFF);
        TokenMask mask = constraints.mask(new Constraints.Json(SCHEMA));
        Sampling withLogprobs = new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(3));
        Collected bound = submit(engine, masked(mask), withLogprobs, 1, 4);
        Collected free = submit(engine, AnswerForm.FREE, withLogprobs, 1, 4);
        bound.await();
        free.await();
        var first = bound.tokens.getFirst();
        assertThat(first.text()).isEqualTo("{");
        assertThat(first.logprob().top())
                .isEqualTo(free.tokens.getFirst().logprob().top());
        assertThat(first.logprob().logprob())
                .isFinite()
                .isLessThanOrEqualTo(first.logprob().top().getFirst().logprob());
        assertThat(first.logprob().text()).isEqualTo("{");
    }

    @Test
    void callsAreTakenOutOfTheText() throws Exception {
        var calls = new Constraints.Calls(
                new ToolSyntax("<t>", "</t>", "arguments"),
                List.of(new Constraints.Function("f", SCHEMA), new Constraints.Function("g", "")),
                2,
                true,
                null);
        var form = new AnswerForm(constraints.mask(calls), calls.syntax(), null);
        Collected answer = submit(engine(Speculation.OFF), form, sampling(1, 5, OptionalInt.empty()), 600, 3);
        assertThat(answer.await().reason()).isEqualTo(Outcome.Reason.STOP);
        assertThat(answer.text()).isEmpty();
        List<AnswerSink.Call> made =
                answer.tokens.stream().flatMap(token -> token.calls().stream()).toList();
        assertThat(made).hasSizeBetween(1, 2).allSatisfy(call -> {
            assertThat(call.name()).isIn("f", "g");
            assertThat(JsonMapper.shared().readTree(call.arguments()).isObject())
                    .isTrue();
        });
    }

    private static String thoughts(Collected answer) {
        var text = new StringBuilder();
        answer.tokens.forEach(token -> text.append(token.thought()));
        return text.toString();
    }

    @Test
    void thoughtsEndWhenTheirBudgetIsSpent() throws Exception {
        Engine engine = engine(Speculation.OFF);
        for (int budget : new int[] {1, 7}) {
            var thinking = new AnswerForm.Thinking(MARKERS, true, budget);
            var form = new AnswerForm(constraints.mask(new Constraints.Choice(List.of("yes", "no"))), null, thinking);
            Collected answer = submit(engine, form, sampling(0.01f, 8, OptionalInt.empty()), 100, 6);
            Outcome outcome = answer.await();
            assertThat(answer.text()).isIn("yes", "no");
            int closed = Arrays.stream(answer.ids()).boxed().toList().indexOf(MARKERS.close());
            assertThat(outcome.thoughtTokens()).isEqualTo(closed + 1).isLessThanOrEqualTo(budget + 1);
            assertThat(outcome.outputTokens())
                    .isEqualTo(closed + 1 + answer.text().length());
            assertThat(thoughts(answer)).hasSize(closed);
        }
    }

    @Test
    void aModelThatShallNotThinkDoesNot() throws Exception {
        Engine engine = engine(Speculation.OFF);
        var none = new AnswerForm(null, null, new AnswerForm.Thinking(MARKERS, false, 0));
        Collected answer = submit(engine, none, sampling(2, 9, OptionalInt.empty()), 400, 7);
        Outcome outcome = answer.await();
        assertThat(outcome.thoughtTokens()).isZero();
        assertThat(answer.ids()).doesNotContain(MARKERS.open());

        var inside = new AnswerForm(null, null, new AnswerForm.Thinking(MARKERS, true, 0));
        Collected closed = submit(engine, inside, sampling(2, 9, OptionalInt.empty()), 20, 7);
        assertThat(closed.await().thoughtTokens()).isEqualTo(1);
        assertThat(closed.ids()[0]).isEqualTo(MARKERS.close());
        assertThat(thoughts(closed)).isEmpty();
    }
}
