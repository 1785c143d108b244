package longreach.lm.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import longreach.lm.engine.Collected;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.Outcome;
import longreach.tensor.weights.ModelCache;
import longreach.v1.Constraint;
import longreach.v1.Open;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.Sampling;
import longreach.v1.Turn;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * llama.cpp's real server, from the Python package {@code llama-cpp-python[server]}. The interpreter that has it is named by
 * LONGREACH_LLAMA_PYTHON, else it is {@code python3}.
 */
class LlamaServerTest {
    private static final String PYTHON =
            Optional.ofNullable(System.getenv("LONGREACH_LLAMA_PYTHON")).orElse("python3");

    @TempDir
    static Path data;

    private static Process server;
    private static OpenAiBackend backend;

    @BeforeAll
    static void start() throws Exception {
        Optional<Path> weights = ModelCache.ofEnvironment().find("smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf");
        skipUnless(weights.isPresent(), "the weights of smollm2-135m are not in the cache");
        skipUnless(hasServer(), PYTHON + " cannot import llama_cpp.server (pip install 'llama-cpp-python[server]')");
        int port;
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        server = new ProcessBuilder(
                        PYTHON,
                        "-m",
                        "llama_cpp.server",
                        "--model",
                        weights.orElseThrow().toString(),
                        "--model_alias",
                        "smol",
                        "--host",
                        "127.0.0.1",
                        "--port",
                        String.valueOf(port),
                        "--n_ctx",
                        "512",
                        "--n_threads",
                        "2",
                        "--api_key",
                        "sesame")
                .redirectErrorStream(true)
                .redirectOutput(data.resolve("server.log").toFile())
                .start();
        URI url = URI.create("http://127.0.0.1:" + port + "/v1");
        awaitReady(url);
        backend = new OpenAiBackend(settings(url, "sesame"));
    }

    private static OpenAiSettings settings(URI url, String key) {
        return new OpenAiSettings(url, "smol", key, 512, OpenAiSettings.SchemaStyle.JSON_OBJECT, Duration.ofMinutes(2));
    }

    private static void skipUnless(boolean holds, String reason) {
        if (!holds) {
            System.out.println("skipped: " + reason);
        }
        assumeTrue(holds, reason);
    }

    private static boolean hasServer() throws InterruptedException {
        try {
            Process check = new ProcessBuilder(PYTHON, "-c", "import llama_cpp.server.app, uvicorn")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return check.waitFor(2, TimeUnit.MINUTES) && check.exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private static void awaitReady(URI url) throws Exception {
        try (var http = HttpClient.newHttpClient()) {
            var request = HttpRequest.newBuilder(URI.create(url + "/models"))
                    .header("Authorization", "Bearer sesame")
                    .build();
            long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
            while (true) {
                assertThat(server.isAlive()).as("the server runs").isTrue();
                assertThat(System.nanoTime()).as("the server answers").isLessThan(deadline);
                try {
                    if (http.send(request, HttpResponse.BodyHandlers.discarding())
                                    .statusCode()
                            == 200) {
                        return;
                    }
                } catch (IOException e) {
                    Thread.sleep(100);
                }
            }
        }
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (backend != null) {
            backend.close();
        }
        if (server != null) {
            server.destroy();
            if (!server.waitFor(20, TimeUnit.SECONDS)) {
                server.destroyForcibly();
            }
        }
    }

    private static Open.Builder open(String question, int maxTokens) {
        var rendered = backend.render(RenderRequest.newBuilder()
                .addTurns(Turn.newBuilder()
                        .setRole(Turn.Role.USER)
                        .addParts(RenderPart.newBuilder().setText(question)))
                .build());
        return Open.newBuilder()
                .setModel("smol")
                .addAllSegments(rendered.getSegmentsList())
                .setSampling(Sampling.newBuilder().setTemperature(0))
                .setMaxTokens(maxTokens);
    }

    private static Collected run(OpenAiBackend at, Open.Builder open) throws Exception {
        var sink = new Collected();
        at.open(open.build(), Long.MAX_VALUE, sink);
        sink.await();
        return sink;
    }

    @Test
    void itAnswersInPieces() throws Exception {
        Collected answer = run(backend, open("What is the capital of France?", 12));
        System.out.println(answer.text());
        assertThat(answer.text()).isNotBlank();
        assertThat(answer.tokens).hasSizeGreaterThan(3);
        assertThat(answer.await().outputTokens()).isBetween(4, 13);
        Collected cut = run(backend, open("Count from one to a hundred.", 5));
        assertThat(cut.await().reason()).isEqualTo(Outcome.Reason.MAX_TOKENS);
        String stop = answer.text().substring(answer.text().length() / 2);
        Collected stopped = run(
                backend,
                open("What is the capital of France?", 40)
                        .setSampling(Sampling.newBuilder().setTemperature(0).addStop(stop)));
        assertThat(answer.text()).startsWith(stopped.text());
        assertThat(stopped.text()).isNotEmpty().doesNotContain(stop);
        assertThat(stopped.await().reason()).isEqualTo(Outcome.Reason.STOP);
    }

    @Test
    void itKeepsToASchema() throws Exception {
        Collected answer = run(
                backend,
                open("Describe a ship as JSON.", 120)
                        .setConstraint(Constraint.newBuilder()
                                .setJsonSchema("{\"type\":\"object\",\"required\":[\"year\",\"kind\"],\"properties\":{"
                                        + "\"year\":{\"type\":\"integer\",\"minimum\":1800,\"maximum\":2020},"
                                        + "\"kind\":{\"enum\":[\"sail\",\"steam\"]}}}")));
        JsonNode json = JsonMapper.shared().readTree(answer.text());
        assertThat(json.get("kind").stringValue()).isIn("sail", "steam");
    }

    @Test
    void whatItRefusesIsTheCallersFaultOrOurs() throws Exception {
        // This server finds a prompt too long when it has begun to answer, and breaks off without a reason.
        assertThatThrownBy(() -> run(backend, open("word ".repeat(2000), 5)))
                .hasCauseInstanceOf(EngineException.Upstream.class)
                .hasMessageContaining("broke off");
        try (var stranger = new OpenAiBackend(settings(backend.url(), "wrong"))) {
            assertThatThrownBy(() -> run(stranger, open("Hi.", 5)))
                    .hasCauseInstanceOf(EngineException.Upstream.class)
                    .hasMessageContaining("api-key");
        }
    }

    @Test
    void whoLeavesFreesIt() throws Exception {
        var sink = new Collected();
        var generation = backend.open(open("Tell me a very long story.", 400).build(), Long.MAX_VALUE, sink);
        sink.firstToken.get(2, TimeUnit.MINUTES);
        generation.cancel();
        assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        // The server answers one at a time: this one would wait for the story's end.
        assertThat(run(backend, open("What is the capital of France?", 8)).text())
                .isNotEmpty();
    }
}
