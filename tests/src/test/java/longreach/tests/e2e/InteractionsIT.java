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

/** A conversation that the server keeps: its follow-ups compute what is new, after a restart too, and deleting erases. */
class InteractionsIT {
    private static final String STORY =
            "The harbour of Brightsea was rebuilt in 1874 after a storm. Its lighthouse is 41"
                    + " metres high and is kept by Ingrid Solberg. Ferries leave every morning at half past six. ";
    /** The template's words around a turn, and a question of a few words. */
    private static final int OWN = 40;

    @BeforeAll
    static void weights() {
        TestWeights.require();
    }

    @Test
    void aFollowUpComputesItsOwnTokens(@TempDir Path data) throws IOException, InterruptedException {
        String last;
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            var first = created(rest, STORY.repeat(12) + "Who keeps the lighthouse?", "", true);
            assertThat(text(first)).contains("Ingrid");
            assertThat(computed(first)).isGreaterThan(500);
            last = first.path("id").asString();
            for (var question : new String[] {"How high is the lighthouse?", "When do the ferries leave?"}) {
                awaitAnswerKept(rest, last);
                var next = created(rest, question, last, true);
                assertThat(computed(next)).as("%s", next).isLessThan(OWN);
                last = next.path("id").asString();
            }
            awaitAnswerKept(rest, last);
        }
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            assertThat(rest.get("/v1/interactions/" + last)
                            .body()
                            .path("status")
                            .asString())
                    .isEqualTo("completed");
            var again = created(rest, "When was the harbour rebuilt?", last, true);
            assertThat(computed(again)).as("%s", again).isLessThan(OWN);
            assertThat(again.path("usage").path("total_cached_tokens").asInt()).isGreaterThan(500);
        }
    }

    @Test
    void oneThatIsNotStoredLeavesNothingToRestore(@TempDir Path data) throws IOException {
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            created(rest, STORY.repeat(6) + "Who keeps the lighthouse?", "", false);
        }
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            var again = created(rest, STORY.repeat(6) + "Who keeps the lighthouse?", "", false);
            assertThat(again.path("usage").path("total_cached_tokens").asInt()).isZero();
        }
    }

    /** Until a question that follows finds the answer's keys and values: they are computed behind its back. */
    private static void awaitAnswerKept(Rest rest, String id) throws IOException, InterruptedException {
        while (computed(created(rest, "So?", id, false)) >= OWN) {
            Thread.sleep(200);
        }
    }

    private static JsonNode created(Rest rest, String text, String previous, boolean store) throws IOException {
        var body = Rest.JSON.createObjectNode().put("model", "smollm2-135m").put("input", text);
        body.put("store", store);
        if (!previous.isEmpty()) {
            body.put("previous_interaction_id", previous);
        }
        body.putObject("generation_config").put("temperature", 0).put("max_output_tokens", 60);
        var reply = rest.post("/v1/interactions", Rest.JSON.writeValueAsString(body));
        assertThat(reply.status()).as("%s", reply.body()).isEqualTo(200);
        return reply.body();
    }

    private static int computed(JsonNode interaction) {
        var usage = interaction.path("usage");
        return usage.path("total_input_tokens").asInt()
                - usage.path("total_cached_tokens").asInt();
    }

    private static String text(JsonNode interaction) {
        return interaction
                .path("steps")
                .path(0)
                .path("content")
                .path(0)
                .path("text")
                .asString();
    }
}
