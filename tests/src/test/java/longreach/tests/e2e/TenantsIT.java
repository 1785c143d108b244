package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import longreach.gateway.auth.KeyFile;
import longreach.gateway.auth.Tenant.Limits;
import longreach.standalone.StandaloneServer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Two tenants on one server: the same text, and nothing in common; and what was counted is what is then used. */
class TenantsIT {
    @BeforeAll
    static void weights() {
        TestWeights.require();
    }

    @Test
    void twoTenantsWithTheSameTextShareNothing(@TempDir Path data) throws IOException {
        var keys = new KeyFile(data.resolve("keys.json"), Clock.systemUTC());
        var ada = keys.create("ada", "", Limits.NONE).key();
        var bob = keys.create("bob", "", new Limits(0, 400, 0)).key();
        try (var server = StandaloneServer.start(data, Map.of());
                var hers = new Rest(server.url(), ada);
                var his = new Rest(server.url(), bob)) {
            var text = "The ferry to Brightsea leaves every morning at half past six. ".repeat(12);
            JsonNode body = question(text + "When does the ferry leave?");
            assertThat(restored(hers.generate(body).body())).isZero();
            assertThat(restored(hers.generate(body).body())).isGreaterThan(100);
            assertThat(restored(his.generate(body).body())).isZero();

            var made = hers.post(
                    "/v1beta/cachedContents",
                    Rest.JSON.writeValueAsString(Rest.JSON
                            .createObjectNode()
                            .put("model", "models/smollm2-135m")
                            .set("contents", body.path("contents"))));
            assertThat(made.status()).as("%s", made.body()).isEqualTo(200);
            var name = made.body().path("name").asString();
            assertThat(hers.get("/v1beta/" + name).status()).isEqualTo(200);
            assertThat(his.get("/v1beta/" + name).status()).isEqualTo(404);

            // Two prompts of some 200 tokens are more than his 400 a minute, with their answers.
            his.generate(body);
            var refused = his.generate(body);
            assertThat(refused.status()).as("%s", refused.body()).isEqualTo(429);
            assertThat(refused.body().toString()).contains("retryDelay");
            assertThat(hers.generate(body).status()).isEqualTo(200);

            var erased = hers.post("/v1beta/cachedContents:eraseAll", "{}").body();
            assertThat(erased.path("chunks").asInt(0)).isPositive();
            assertThat(erased.path("remaining").asInt(-1)).isZero();
            assertThat(restored(hers.generate(body).body())).isZero();
        }
    }

    private static JsonNode question(String text) {
        var body = Rest.JSON.createObjectNode();
        body.putArray("contents")
                .addObject()
                .put("role", "user")
                .putArray("parts")
                .addObject()
                .put("text", text);
        body.putObject("generationConfig").put("temperature", 0).put("maxOutputTokens", 8);
        return body;
    }

    private static int restored(JsonNode answer) {
        assertThat(answer.has("longreachReceipt")).as("%s", answer).isTrue();
        return answer.path("longreachReceipt").path("tokensRestored").asInt(0);
    }
}
