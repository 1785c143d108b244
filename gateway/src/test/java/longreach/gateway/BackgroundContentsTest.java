package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.grpc.Status;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Contents whose prefill is a job: who waits for it, what becomes of it, and who goes on with it. */
class BackgroundContentsTest {
    private static final String MODEL = "models/" + FakeLmCore.MODEL;
    private static final Map<String, Object> SETTINGS = Map.of(
            "gateway.ingest.poll", "20ms",
            "gateway.ingest.takeover", "300ms",
            "gateway.ingest.attempts", 2,
            "gateway.ingest.most-of-tenant", 2,
            "gateway.api-key", "ada,bob");

    @TempDir
    Path data;

    private FakeServices services;
    private RunningGateway gateway;

    @BeforeEach
    void start() throws Exception {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, SETTINGS);
    }

    @AfterEach
    void stop() {
        gateway.close();
        services.close();
    }

    private static HttpResponse<String> call(
            RunningGateway gateway, String key, String method, String path, String body) throws Exception {
        return gateway.send(gateway.request(path)
                .header("Content-Type", "application/json")
                .header("x-goog-api-key", key)
                .method(
                        method,
                        body == null
                                ? java.net.http.HttpRequest.BodyPublishers.noBody()
                                : java.net.http.HttpRequest.BodyPublishers.ofString(body))
                .build());
    }

    private HttpResponse<String> create(String text) throws Exception {
        return call(gateway, "ada", "POST", "/v1beta/cachedContents", """
            {"model":"%s","contents":[{"role":"user","parts":[{"text":"%s"}]}],"ttl":"300s",
             "longreachBackground":true}\
            """.formatted(MODEL, text));
    }

    private String created(String text) throws Exception {
        var response = create(text);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        var made = RunningGateway.json(response);
        assertThat(progress(made).get("state").getAsString()).isEqualTo("QUEUED");
        return made.get("name").getAsString();
    }

    private static JsonObject progress(JsonObject content) {
        return content.getAsJsonObject("longreachProgress");
    }

    private static JsonObject get(RunningGateway gateway, String name) throws Exception {
        return RunningGateway.json(call(gateway, "ada", "GET", "/v1beta/" + name, null));
    }

    private static JsonObject awaitState(RunningGateway gateway, String name, String state) throws Exception {
        var end = Instant.now().plus(Duration.ofSeconds(20));
        while (true) {
            var content = get(gateway, name);
            if (progress(content).get("state").getAsString().equals(state)) {
                return content;
            }
            assertThat(Instant.now()).as("%s", content).isBefore(end);
            Thread.sleep(10);
        }
    }

    private static void await(BooleanSupplier what) throws Exception {
        var end = Instant.now().plus(Duration.ofSeconds(20));
        while (!what.getAsBoolean()) {
            assertThat(Instant.now()).isBefore(end);
            Thread.sleep(10);
        }
    }

    private HttpResponse<String> ask(String name) throws Exception {
        return call(gateway, "ada", "POST", "/v1beta/" + MODEL + ":generateContent", """
            {"contents":[{"role":"user","parts":[{"text":"how high?"}]}],"cachedContent":"%s"}\
            """.formatted(name));
    }

    @Test
    void isAskedWhenItIsReady() throws Exception {
        services.lmCore.prefillMillis = 300;
        var name = created("the tower is 324 metres high");
        var early = ask(name);
        assertThat(early.statusCode()).isEqualTo(400);
        assertThat(early.body())
                .contains("FAILED_PRECONDITION", "still being prefilled, 0 of 6 tokens (expected: ready)");
        var patched = call(gateway, "ada", "PATCH", "/v1beta/" + name + "?updateMask=ttl", "{\"ttl\":\"7200s\"}");
        assertThat(patched.statusCode()).isEqualTo(400);

        var before = Instant.now();
        var ready = awaitState(gateway, name, "READY");
        assertThat(progress(ready).get("doneTokens").getAsInt()).isEqualTo(6);
        assertThat(progress(ready).get("attempts").getAsInt()).isEqualTo(1);
        // Its time begins when it can be asked.
        assertThat(Instant.parse(ready.get("expireTime").getAsString()))
                .isBetween(before.plusSeconds(299), Instant.now().plusSeconds(300));
        assertThat(ask(name).statusCode()).isEqualTo(200);
        assertThat(services.store.jobs).isEmpty();
        assertThat(services.store.records.keySet()).noneMatch(key -> key.contains("/context-job/"));
        assertThat(call(gateway, "ada", "DELETE", "/v1beta/" + name, null).statusCode())
                .isEqualTo(200);
        assertThat(services.store.records).isEmpty();
        assertThat(services.lmCore.chunks).isEmpty();
    }

    @Test
    void anAttemptThatFailsIsFollowedByOthersAndThenByTheReason() throws Exception {
        services.lmCore.failWith = Status.UNAVAILABLE.withDescription("out of breath");
        var name = created("a tale");
        var failed = awaitState(gateway, name, "FAILED");
        assertThat(progress(failed).get("attempts").getAsInt()).isEqualTo(2);
        assertThat(progress(failed).getAsJsonObject("error").toString()).contains("\"code\":14", "out of breath");
        assertThat(services.lmCore.opened).hasSize(2);
        assertThat(ask(name).body()).contains("FAILED_PRECONDITION", "its prefill has failed", "out of breath");
        await(services.store.jobs::isEmpty);

        services.lmCore.failWith = null;
        awaitState(gateway, created("another tale"), "READY");
    }

    @Test
    void whatCannotGetBetterFailsAtOnce() throws Exception {
        services.lmCore.failWith = Status.INVALID_ARGUMENT.withDescription("no such token");
        var failed = awaitState(gateway, created("a tale"), "FAILED");
        assertThat(progress(failed).getAsJsonObject("error").toString()).contains("\"code\":3", "no such token");
        assertThat(services.lmCore.opened).hasSize(1);
    }

    @Test
    void aBusyLmCoreUsesNoAttemptUp() throws Exception {
        services.lmCore.failWith = Status.RESOURCE_EXHAUSTED.withDescription("queue full");
        var name = created("a tale");
        await(() -> services.lmCore.opened.size() >= 4);
        services.lmCore.failWith = null;
        awaitState(gateway, name, "READY");
    }

    @Test
    void deletingItStopsThePrefill() throws Exception {
        services.lmCore.prefillMillis = 60_000;
        var name = created("a long tale");
        await(() -> !services.lmCore.opened.isEmpty());
        awaitState(gateway, name, "PREFILLING");
        assertThat(call(gateway, "ada", "DELETE", "/v1beta/" + name, null).statusCode())
                .isEqualTo(200);
        await(() -> services.lmCore.cancelled.get() == 1);
        await(services.store.jobs::isEmpty);
        assertThat(services.store.records).isEmpty();
        assertThat(call(gateway, "ada", "GET", "/v1beta/" + name, null).statusCode())
                .isEqualTo(404);
    }

    @Test
    void anotherGatewayGoesOnWithIt() throws Exception {
        services.lmCore.prefillMillis = 60_000;
        var name = created("a long tale");
        awaitState(gateway, name, "PREFILLING");
        try (var other = new RunningGateway(services, data.resolve("other"), SETTINGS)) {
            services.lmCore.prefillMillis = 0;
            gateway.close();
            var ready = awaitState(other, name, "READY");
            // The one that was stopped does not count against it.
            assertThat(progress(ready).get("attempts").getAsInt()).isEqualTo(1);
            assertThat(services.lmCore.opened).hasSize(2);
        }
    }

    @Test
    void aTenantHasSoManyAndSeesNoOther() throws Exception {
        services.lmCore.prefillMillis = 60_000;
        var name = created("one");
        created("two");
        var refused = create("three");
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.body()).contains("2 are not ready yet (expected: fewer of one tenant)");
        assertThat(call(gateway, "bob", "GET", "/v1beta/" + name, null).statusCode())
                .isEqualTo(404);
        assertThat(call(gateway, "bob", "DELETE", "/v1beta/" + name, null).statusCode())
                .isEqualTo(404);
        assertThat(call(gateway, "bob", "GET", "/v1beta/cachedContents", null).body())
                .doesNotContain(name);
        assertThat(call(gateway, "ada", "GET", "/v1beta/cachedContents", null).body())
                .contains(name, "\"totalTokens\":1");
    }
}
