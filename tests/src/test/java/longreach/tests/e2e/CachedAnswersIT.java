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

/** What is asked again is decoded, encoded and prefilled once, also across a restart. */
class CachedAnswersIT {
    /** One that the small model answers rightly in whatever order the processor adds. */
    private static final String QUESTION = "How long will the new power cable be?";

    @BeforeAll
    static void weights() {
        TestWeights.require();
    }

    @Test
    void theSecondAnswerComesFromTheStoreAlsoAfterARestart(@TempDir Path data) throws IOException {
        String fileName;
        String answer;
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            JsonNode file = rest.ingest(TestWeights.sample("report.pdf"), "application/pdf");
            assertThat(file.path("state").asString()).as("%s", file).isEqualTo("ACTIVE");
            fileName = file.path("name").asString();

            JsonNode first = rest.generate(Rest.question(file, QUESTION)).body();
            answer = Rest.text(first);
            assertThat(answer).contains("7.8");
            assertThat(grounding(first)).contains("#page=10", "7.8 kilometres");
            assertReused(rest.generate(Rest.question(file, QUESTION)).body(), answer);

            JsonNode again = rest.ingest(TestWeights.sample("report.pdf"), "application/pdf");
            assertThat(again.path("longreachMedia").path("fromCache").asBoolean(false))
                    .as("the same bytes are not read twice: %s", again)
                    .isTrue();
            assertReused(rest.generate(Rest.question(again, QUESTION)).body(), answer);
            assertStreamed(rest, file, answer);
        }
        assertThat(data.resolve("address")).doesNotExist();
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            JsonNode file = rest.get("/v1beta/" + fileName).body();
            assertThat(file.path("state").asString()).as("%s", file).isEqualTo("ACTIVE");
            JsonNode restarted = rest.generate(Rest.question(file, QUESTION)).body();
            assertReused(restarted, answer);
            assertThat(restarted
                            .path("longreachReceipt")
                            .path("tokensByTier")
                            .path("redis")
                            .asInt(0))
                    .as("%s", restarted.path("longreachReceipt"))
                    .isPositive();
        }
    }

    @Test
    void aVideoIsAnsweredFromItsSlidesAndItsSpeech(@TempDir Path data) throws IOException {
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            JsonNode file = rest.ingest(TestWeights.sample("talk.mp4"), "video/mp4");
            assertThat(file.path("state").asString()).as("%s", file).isEqualTo("ACTIVE");
            var slide = rest.generate(Rest.question(file, "Who is the archivist?"));
            assertThat(grounding(slide.body())).contains("Amundsen", "#t=");
            var speech = rest.generate(Rest.question(file, "What did Mr. John Dashwood have leisure to consider?"));
            assertThat(grounding(speech.body())).contains("leisure to consider", "#t=8");
        }
    }

    /** The passages that the answer rests on, with their places. */
    private static String grounding(JsonNode response) {
        return response.path("candidates").path(0).path("groundingMetadata").toString();
    }

    private static void assertReused(JsonNode response, String answer) {
        JsonNode usage = response.path("usageMetadata");
        int prompt = usage.path("promptTokenCount").asInt(0);
        int cached = usage.path("cachedContentTokenCount").asInt(0);
        assertThat(Rest.text(response)).as("%s", response).isEqualTo(answer);
        // The last token of a prompt is always computed: its logits choose the first token of the answer.
        assertThat(cached).as("%s", response).isPositive().isGreaterThanOrEqualTo(prompt - 1);
        JsonNode receipt = response.path("longreachReceipt");
        assertThat(receipt.path("tokensComputed").asInt(0)).as("%s", receipt).isLessThanOrEqualTo(1);
        assertThat(receipt.path("chunksRestored").asInt(0)).as("%s", receipt).isPositive();
    }

    private static void assertStreamed(Rest rest, JsonNode file, String answer) {
        var events = rest.stream(Rest.question(file, QUESTION));
        var text = new StringBuilder();
        events.forEach(event -> text.append(Rest.text(event)));
        assertThat(text.toString()).isEqualTo(answer);
        assertThat(events)
                .allSatisfy(event -> assertThat(event.has("usageMetadata")).isTrue());
        assertThat(events.getLast()
                        .path("candidates")
                        .path(0)
                        .path("finishReason")
                        .asString(""))
                .isNotEmpty();
    }
}
