package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import javax.imageio.ImageIO;
import longreach.standalone.StandaloneServer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What countTokens says is what generateContent then reports, in all and by modality, for everything it can be asked. */
class CountedTruthIT {
    private static final Path RECORDING =
            Path.of("..", "audio-encoder", "src", "test", "resources", "audio", "librivox-0870.flac");

    @BeforeAll
    static void weights() {
        TestWeights.require();
    }

    @Test
    void countedIsUsed(@TempDir Path data) throws IOException {
        try (var server = StandaloneServer.start(data, Map.of());
                var rest = new Rest(server.url(), "any")) {
            var questions = new TreeMap<String, ObjectNode>();
            questions.put("text", text("What is a lighthouse?"));
            var conversation = text("My name is Ada.");
            turn(conversation, "model", "Noted.");
            turn(conversation, "user", "Who am I?");
            questions.put("conversation", conversation);
            var behaving = text("What is a lighthouse?");
            behaving.putObject("systemInstruction")
                    .putArray("parts")
                    .addObject()
                    .put("text", "Answer in one word.");
            questions.put("system instruction", behaving);
            for (var sample : Map.of(
                            "report.pdf", "application/pdf",
                            "talk.mp4", "video/mp4")
                    .entrySet()) {
                JsonNode file = rest.ingest(TestWeights.sample(sample.getKey()), sample.getValue());
                questions.put(sample.getKey(), Rest.question(file, "What is it about?"));
            }
            questions.put("recording", inline(Files.readAllBytes(RECORDING), "audio/flac"));
            questions.put("image", inline(sign(), "image/png"));
            JsonNode made = rest.post("/v1beta/cachedContents", cached("A lighthouse is a tower. ".repeat(20)))
                    .body();
            questions.put(
                    "cached content",
                    text("What is it?").put("cachedContent", made.path("name").asString()));

            for (var question : questions.entrySet()) {
                assertCounted(rest, question.getKey(), question.getValue());
            }
        }
    }

    private static void assertCounted(Rest rest, String what, ObjectNode body) {
        var wrapped = Rest.JSON.createObjectNode();
        wrapped.set("generateContentRequest", body);
        var counted = rest.post("/v1beta/models/smollm2-135m:countTokens", Rest.JSON.writeValueAsString(wrapped));
        assertThat(counted.status()).as("%s: %s", what, counted.body()).isEqualTo(200);
        body.putObject("generationConfig").put("temperature", 0).put("maxOutputTokens", 2);
        var answered = rest.generate(body);
        assertThat(answered.status()).as("%s: %s", what, answered.body()).isEqualTo(200);
        JsonNode used = answered.body().path("usageMetadata");
        assertThat(counted.body().path("totalTokens").asInt(-1))
                .as(what)
                .isPositive()
                .isEqualTo(used.path("promptTokenCount").asInt(0));
        assertThat(byModality(counted.body().path("promptTokensDetails")))
                .as(what)
                .isEqualTo(byModality(used.path("promptTokensDetails")));
    }

    private static Map<String, Integer> byModality(JsonNode details) {
        var counts = new TreeMap<String, Integer>();
        details.forEach(each -> counts.merge(
                each.path("modality").asString(""), each.path("tokenCount").asInt(0), Integer::sum));
        return counts;
    }

    private static ObjectNode text(String text) {
        var body = Rest.JSON.createObjectNode();
        body.putArray("contents");
        return turn(body, "user", text);
    }

    private static ObjectNode turn(ObjectNode body, String role, String text) {
        ((ArrayNode) body.path("contents"))
                .addObject()
                .put("role", role)
                .putArray("parts")
                .addObject()
                .put("text", text);
        return body;
    }

    /** A picture with writing on it. */
    private static byte[] sign() throws IOException {
        var image = new BufferedImage(640, 160, BufferedImage.TYPE_INT_RGB);
        var graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
        graphics.setColor(Color.BLACK);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 48));
        graphics.drawString("Lighthouse, built 1874", 40, 100);
        graphics.dispose();
        var out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }

    private static ObjectNode inline(byte[] bytes, String mimeType) {
        var body = text("What is it about?");
        ((ArrayNode) body.path("contents").path(0).path("parts"))
                .addObject()
                .putObject("inlineData")
                .put("mimeType", mimeType)
                .put("data", Base64.getEncoder().encodeToString(bytes));
        return body;
    }

    private static String cached(String text) {
        var body = text(text).put("model", "models/smollm2-135m");
        return Rest.JSON.writeValueAsString(body);
    }
}
