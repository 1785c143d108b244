package longreach.lm.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.Collected;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.Outcome;
import longreach.v1.Choice;
import longreach.v1.Constraint;
import longreach.v1.Open;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.Sampling;
import longreach.v1.ToolCall;
import longreach.v1.ToolDeclaration;
import longreach.v1.ToolResult;
import longreach.v1.ToolUse;
import longreach.v1.Turn;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class OpenAiBackendTest {
    private FakeOpenAi server;
    private OpenAiBackend backend;

    @BeforeEach
    void start() throws IOException {
        server = new FakeOpenAi();
        backend = backend(server.baseUrl(), Duration.ofMinutes(1));
    }

    private static OpenAiBackend backend(URI url, Duration idle) {
        return new OpenAiBackend(
                new OpenAiSettings(url, "m", "secret", 99, OpenAiSettings.SchemaStyle.JSON_SCHEMA, idle));
    }

    @AfterEach
    void stop() {
        backend.close();
        server.close();
    }

    private static Turn turn(Turn.Role role, RenderPart.Builder... parts) {
        Turn.Builder turn = Turn.newBuilder().setRole(role);
        for (RenderPart.Builder part : parts) {
            turn.addParts(part);
        }
        return turn.build();
    }

    private static RenderPart.Builder text(String text) {
        return RenderPart.newBuilder().setText(text);
    }

    private Open.Builder open(Turn... turns) {
        var rendered = backend.render(RenderRequest.newBuilder()
                .addSystem(text("Be "))
                .addSystem(text("brief."))
                .addAllTurns(List.of(turns))
                .build());
        assertThat(rendered.getTotalTokens()).isEqualTo(17);
        return Open.newBuilder()
                .setModel("m")
                .addAllSegments(rendered.getSegmentsList())
                .setMaxTokens(50);
    }

    private Collected run(Open.Builder open) throws Exception {
        var sink = new Collected();
        backend.open(open.build(), Long.MAX_VALUE, sink);
        sink.await();
        return sink;
    }

    private static String delta(String delta) {
        return "{\"choices\":[{\"delta\":%s,\"finish_reason\":null}]}".formatted(delta);
    }

    private static String finish(String reason) {
        return "{\"choices\":[{\"delta\":{},\"finish_reason\":\"%s\"}]}".formatted(reason);
    }

    @Test
    void anAnswerIsStreamedAndCounted() throws Exception {
        assertThat(backend.describe().getContextTokens()).isEqualTo(1234);
        server.events = List.of(
                delta("{\"role\":\"assistant\",\"content\":\"\"}"),
                delta("{\"reasoning_content\":\"Hm.\"}"),
                "{\"choices\":[{\"delta\":{\"content\":\"Hel\"},\"logprobs\":{\"content\":[{\"token\":\"Hel\",\"logprob\":-0.5,"
                        + "\"top_logprobs\":[{\"token\":\"Hel\",\"logprob\":-0.5},{\"token\":\"Yo\",\"logprob\":-2}]}]}}]}",
                delta("{\"content\":\"lo ä\"}"),
                finish("stop"),
                "{\"choices\":[],\"usage\":{\"prompt_tokens\":21,\"completion_tokens\":3,\"prompt_tokens_details\":"
                        + "{\"cached_tokens\":16},\"completion_tokens_details\":{\"reasoning_tokens\":1}}}",
                "[DONE]");
        Collected answer = run(open(turn(Turn.Role.USER, text("Hi, "), text("you.")))
                .setSampling(Sampling.newBuilder()
                        .setTemperature(0.5f)
                        .setTopK(7)
                        .setTopP(0.9f)
                        .setSeed(3)
                        .addStop("END")
                        .setLogprobs(2)));
        assertThat(answer.text()).isEqualTo("Hello ä");
        assertThat(answer.tokens.getFirst().thought()).isEqualTo("Hm.");
        assertThat(answer.tokens.get(1).logprob().top()).hasSize(2);
        Outcome outcome = answer.await();
        assertThat(outcome.reason()).isEqualTo(Outcome.Reason.STOP);
        assertThat(outcome.promptTokens()).isEqualTo(21);
        assertThat(outcome.outputTokens()).isEqualTo(3);
        assertThat(outcome.thoughtTokens()).isEqualTo(1);
        assertThat(outcome.receipt().tokensRestored()).isEqualTo(16);
        JsonNode sent = server.requests.getFirst();
        assertThat(sent.get("messages").toString())
                .isEqualTo(
                        "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"Hi, you.\"}]");
        assertThat(sent.get("max_tokens").intValue()).isEqualTo(50);
        assertThat(sent.get("top_k").intValue()).isEqualTo(7);
        assertThat(sent.get("stop").toString()).isEqualTo("[\"END\"]");
        assertThat(sent.get("top_logprobs").intValue()).isEqualTo(2);
        assertThat(sent.has("presence_penalty")).isFalse();
        assertThat(server.keys).containsExactly("Bearer secret");
    }

    @Test
    void whatTheServerDoesNotTellIsNotMadeUp() throws Exception {
        server.events = List.of(delta("{\"content\":\"a\"}"), delta("{\"content\":\"b\"}"), finish("length"), "[DONE]");
        Outcome outcome = run(open(turn(Turn.Role.USER, text("Hi.")))).await();
        assertThat(outcome.reason()).isEqualTo(Outcome.Reason.MAX_TOKENS);
        assertThat(outcome.outputTokens()).isEqualTo(2);
        assertThat(outcome.receipt().tokensRestored()).isZero();
        assertThat(outcome.receipt().missReason()).isEqualTo("not told by the other server");
    }

    @Test
    void callsGoBothWays() throws Exception {
        server.events = List.of(
                delta(
                        "{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}"),
                delta("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}}]}"),
                delta("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]}"),
                finish("tool_calls"),
                "[DONE]");
        var call = ToolCall.newBuilder().setName("f").setArguments("{\"x\":0}");
        var result = ToolResult.newBuilder().setName("f").setResponse("{\"y\":2}");
        Collected answer = run(open(
                        turn(Turn.Role.USER, text("Go.")),
                        turn(Turn.Role.MODEL, RenderPart.newBuilder().setCall(call)),
                        turn(Turn.Role.USER, RenderPart.newBuilder().setResult(result)))
                .setTools(ToolUse.newBuilder()
                        .setMode(ToolUse.Mode.REQUIRED)
                        .addDeclarations(ToolDeclaration.newBuilder().setName("f"))));
        List<AnswerSink.Call> calls =
                answer.tokens.stream().flatMap(t -> t.calls().stream()).toList();
        assertThat(calls).containsExactly(new AnswerSink.Call("c1", "f", "{\"x\":1}"));
        JsonNode sent = server.requests.getFirst();
        JsonNode messages = sent.get("messages");
        assertThat(messages.get(2)
                        .get("tool_calls")
                        .get(0)
                        .get("function")
                        .get("arguments")
                        .stringValue())
                .isEqualTo("{\"x\":0}");
        assertThat(messages.get(3).get("tool_call_id"))
                .isEqualTo(messages.get(2).get("tool_calls").get(0).get("id"));
        assertThat(sent.get("tool_choice").get("function").get("name").stringValue())
                .isEqualTo("f");
    }

    @Test
    void schemasAreHandedOn() throws Exception {
        server.events = List.of(delta("{\"content\":\"\\\"blue\\\"\"}"), finish("stop"), "[DONE]");
        Collected answer = run(open(turn(Turn.Role.USER, text("Which?")))
                .setConstraint(Constraint.newBuilder()
                        .setChoice(Choice.newBuilder().addTexts("blue").addTexts("red"))));
        assertThat(answer.text()).isEqualTo("blue");
        run(open(turn(Turn.Role.USER, text("What?")))
                .setConstraint(Constraint.newBuilder().setJsonSchema("{\"type\":\"string\"}")));
        assertThat(server.requests.getLast().get("response_format").toString())
                .isEqualTo("{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\",\"strict\":true,"
                        + "\"schema\":{\"type\":\"string\"}}}");
    }

    @ParameterizedTest
    @CsvSource({
        "400, InvalidRequest, too long",
        "401, Upstream, api-key",
        "404, Upstream, base-url",
        "429, Overloaded, too long",
        "500, Upstream, status 500",
    })
    void refusalsKeepTheirMeaning(int status, String kind, String message) throws IOException {
        server.status = status;
        server.refusal = "{\"error\":{\"message\":\"too long\"}}";
        assertThatThrownBy(() -> run(open(turn(Turn.Role.USER, text("Hi.")))))
                .cause()
                .isInstanceOfSatisfying(
                        EngineException.class,
                        e -> assertThat(e.getClass().getSimpleName()).isEqualTo(kind))
                .hasMessageContaining(message)
                .message()
                .doesNotContain("secret");
    }

    @Test
    void brokenStreamsFail() {
        for (List<String> events : List.of(
                List.of(delta("{\"content\":\"a\"}")),
                List.of("no json"),
                List.of("{\"error\":{\"message\":\"out of memory\"}}"),
                List.of(
                        delta("{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}"),
                        finish("tool_calls")))) {
            server.events = events;
            assertThatThrownBy(() -> run(open(turn(Turn.Role.USER, text("Hi.")))))
                    .cause()
                    .isInstanceOf(EngineException.Upstream.class);
        }
    }

    @Test
    void whoLeavesClosesTheConnection() throws Exception {
        server.events = List.of(delta("{\"content\":\"a\"}"), "...");
        var sink = new Collected();
        var generation = backend.open(open(turn(Turn.Role.USER, text("Hi."))).build(), Long.MAX_VALUE, sink);
        sink.firstToken.get(1, TimeUnit.MINUTES);
        generation.cancel();
        assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        server.left.get(1, TimeUnit.MINUTES);
    }

    @Test
    void deadlinesAndSilenceEndAnAnswer() throws Exception {
        server.events = List.of(delta("{\"content\":\"a\"}"), "...");
        var sink = new Collected();
        backend.open(open(turn(Turn.Role.USER, text("Hi."))).build(), System.nanoTime() + 200_000_000, sink);
        assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.DeadlinePassed.class);
        server.left.get(1, TimeUnit.MINUTES);

        try (var deaf = new java.net.ServerSocket(0, 5, java.net.InetAddress.getLoopbackAddress())) {
            // Accepts connections and never says anything.
            var silent = new Collected();
            var settings = new OpenAiSettings(
                    URI.create("http://127.0.0.1:" + deaf.getLocalPort() + "/v1"),
                    "m",
                    "",
                    99,
                    OpenAiSettings.SchemaStyle.JSON_SCHEMA,
                    Duration.ofMillis(300));
            var call = new OpenAiCall(
                    silent, 1, false, Long.MAX_VALUE, settings.idle().toNanos());
            try (var http = java.net.http.HttpClient.newHttpClient()) {
                call.start(
                        http,
                        java.net.http.HttpRequest.newBuilder(settings.at("/chat/completions"))
                                .build());
                assertThatThrownBy(silent::await)
                        .hasCauseInstanceOf(EngineException.DeadlinePassed.class)
                        .hasMessageContaining("silent");
            }
        }
    }

    @Test
    void aServerThatIsNotThereIsSaidToBeSo() throws Exception {
        int port;
        try (var socket = new java.net.ServerSocket(0)) {
            port = socket.getLocalPort();
        }
        var sink = new Collected();
        Open open = open(turn(Turn.Role.USER, text("Hi."))).build();
        try (var nobody = backend(URI.create("http://127.0.0.1:" + port + "/v1"), Duration.ofMinutes(1))) {
            assertThat(nobody.describe().getContextTokens()).isEqualTo(99);
            nobody.open(open, Long.MAX_VALUE, sink);
            assertThatThrownBy(sink::await)
                    .hasCauseInstanceOf(EngineException.Upstream.class)
                    .hasMessageContaining("no connection");
        }
    }

    @Test
    void aSlowReaderIsWaitedFor() throws Exception {
        server.events = List.of(delta("{\"content\":\"a\"}"), delta("{\"content\":\"b\"}"), finish("stop"), "[DONE]");
        var sink = new Collected();
        sink.ready = false;
        var generation = backend.open(open(turn(Turn.Role.USER, text("Hi."))).build(), Long.MAX_VALUE, sink);
        assertThat(sink.outcome.isDone()).isFalse();
        sink.ready = true;
        generation.resume();
        sink.await();
        assertThat(sink.text()).isEqualTo("ab");
    }

    @Test
    void settingsAreChecked() {
        assertThatThrownBy(() -> backend(URI.create("ftp://x/v1"), Duration.ofSeconds(1)))
                .hasMessageContaining("base-url");
        assertThat(new OpenAiSettings(
                                server.baseUrl(),
                                "m",
                                "secret",
                                1,
                                OpenAiSettings.SchemaStyle.JSON_OBJECT,
                                Duration.ofSeconds(1))
                        .toString())
                .doesNotContain("secret");
    }
}
