package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import longreach.standalone.StandaloneServer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A content that is prefilled once is restored whole by every question, also after a restart, until it is erased. */
class CachedContentsIT {
    private static final String STORY =
            "The harbour of Brightsea was rebuilt in 1874 after a storm. Its lighthouse is 41"
                    + " metres high and is kept by Ingrid Solberg. Ferries leave every morning at half past six. ";

    @BeforeAll
    static void weights() {
        TestWeights.require();
    }

    @Test
    void everyTokenOfTheContentIsRestored(@TempDir Path data) throws IOException {
        String name;
        String answer;
        int tokens;
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            // Longer than a chunk, and not a whole number of them.
            var made = rest.post("/v1beta/cachedContents", content(STORY.repeat(9), "1800s"));
            assertThat(made.status()).as("%s", made.body()).isEqualTo(200);
            name = made.body().path("name").asString();
            tokens = made.body().path("usageMetadata").path("totalTokenCount").asInt();
            assertThat(tokens).isGreaterThan(300);
            assertThat(tokens % 256).isNotZero();

            JsonNode first = ask(rest, name, "Who keeps the lighthouse?");
            answer = Rest.text(first);
            assertThat(answer).contains("Ingrid");
            assertRestored(first, tokens);
            assertRestored(ask(rest, name, "How high is the lighthouse?"), tokens);
        }
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            JsonNode again = ask(rest, name, "Who keeps the lighthouse?");
            assertRestored(again, tokens);
            assertThat(Rest.text(again)).isEqualTo(answer);

            JsonNode erased = rest.post("/v1beta/" + name + ":erase", "{}").body();
            assertThat(erased.path("chunks").asInt(0)).as("%s", erased).isEqualTo(tokens / 256 + 1);
            assertThat(erased.path("records").asInt(0)).isEqualTo(3);
            assertThat(erased.path("remaining").asInt(-1)).isZero();
            assertThat(rest.get("/v1beta/" + name).status()).isEqualTo(404);
            assertThat(rest.get("/v1beta/cachedContents")
                            .body()
                            .path("cachedContents")
                            .size())
                    .isZero();
        }
    }

    @Test
    void aDocumentIsPaidForOnceAndCited(@TempDir Path data) throws IOException {
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            JsonNode file = rest.ingest(TestWeights.sample("report.pdf"), "application/pdf");
            var body = Rest.JSON.createObjectNode().put("model", "models/smollm2-135m");
            body.putArray("contents")
                    .addObject()
                    .put("role", "user")
                    .putArray("parts")
                    .addObject()
                    .putObject("fileData")
                    .put("fileUri", file.path("uri").asString());
            var made = rest.post("/v1beta/cachedContents", Rest.JSON.writeValueAsString(body));
            assertThat(made.status()).as("%s", made.body()).isEqualTo(200);
            int tokens =
                    made.body().path("usageMetadata").path("totalTokenCount").asInt();
            JsonNode answer = ask(rest, made.body().path("name").asString(), "How long will the new power cable be?");
            assertRestored(answer, tokens);
            assertThat(answer.toString()).contains("#page=");
        }
    }

    private static String content(String text, String ttl) {
        var body =
                Rest.JSON.createObjectNode().put("model", "models/smollm2-135m").put("ttl", ttl);
        body.putArray("contents")
                .addObject()
                .put("role", "user")
                .putArray("parts")
                .addObject()
                .put("text", text);
        return Rest.JSON.writeValueAsString(body);
    }

    private static JsonNode ask(Rest rest, String name, String question) {
        var body = Rest.JSON.createObjectNode().put("cachedContent", name);
        body.putArray("contents")
                .addObject()
                .put("role", "user")
                .putArray("parts")
                .addObject()
                .put("text", question);
        body.putObject("generationConfig").put("temperature", 0).put("maxOutputTokens", 24);
        var reply = rest.generate(body);
        assertThat(reply.status()).as("%s", reply.body()).isEqualTo(200);
        return reply.body();
    }

    private static void assertRestored(JsonNode answer, int tokens) {
        assertThat(answer.path("usageMetadata").path("cachedContentTokenCount").asInt(0))
                .as("%s", answer)
                .isGreaterThanOrEqualTo(tokens);
        assertThat(answer.path("longreachReceipt").path("tokensRestored").asInt(0))
                .isGreaterThanOrEqualTo(tokens);
    }
}
