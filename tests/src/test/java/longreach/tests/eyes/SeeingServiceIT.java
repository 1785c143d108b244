package longreach.tests.eyes;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import longreach.standalone.StandaloneServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** All services in this process with a tiny model that sees: what is asked of pictures over REST. */
class SeeingServiceIT {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final int TOKENS = 16;

    @TempDir
    static Path data;

    private static StandaloneServer server;
    private static HttpClient http;

    @BeforeAll
    static void start() {
        String model = EyesGolden.MODEL.toAbsolutePath().toString();
        server = StandaloneServer.start(
                data,
                Map.of(
                        "lm-core.model",
                        model,
                        "lm-core.precision",
                        "f32",
                        "vision-encoder.eyes.model",
                        model,
                        "vision-encoder.eyes.precision",
                        "f32"));
        http = HttpClient.newHttpClient();
    }

    @AfterAll
    static void stop() {
        http.close();
        server.close();
    }

    @Test
    void theAnswerIsTheReferences() throws Exception {
        for (String name : new String[] {"one", "three"}) {
            JsonNode golden = EyesGolden.prompt(name);
            ObjectNode body = question(golden, "MEDIA_RESOLUTION_UNSPECIFIED");
            int prompt = golden.get("ids").size();
            JsonNode counted = post("countTokens", counting(body));
            assertThat(counted.get("totalTokens").asInt()).as("%s", counted).isEqualTo(prompt);

            JsonNode answer = post("generateContent", body);
            JsonNode usage = answer.get("usageMetadata");
            assertThat(usage.get("promptTokenCount").asInt()).isEqualTo(prompt);
            int pictures = EyesGolden.pictures(golden).size();
            assertThat(tokens(usage.get("promptTokensDetails"), "IMAGE")).isEqualTo(TOKENS * pictures);
            assertThat(usage.get("promptTokensDetails")).isEqualTo(counted.get("promptTokensDetails"));
            assertThat(text(answer)).isEqualTo(golden.get("text").asString());
        }
    }

    @Test
    void aPictureIsSeenOnceAndThenRestored() throws Exception {
        ObjectNode body = question(EyesGolden.prompt("one"), "MEDIA_RESOLUTION_UNSPECIFIED");
        ((ArrayNode) body.at("/contents/0/parts")).addObject().put("text", " And is it good? ".repeat(40));
        JsonNode first = post("generateContent", body);
        JsonNode again = post("generateContent", body);
        assertThat(text(again)).isEqualTo(text(first));
        assertThat(tokens(again.at("/usageMetadata/cacheTokensDetails"), "IMAGE"))
                .as("%s", again)
                .isEqualTo(TOKENS);
    }

    @Test
    void theResolutionSaysHowMuchIsSeen() throws Exception {
        byte[] wide = EyesGolden.png(700, 300, 9);
        int text = total(wide, "MEDIA_RESOLUTION_MEDIUM") - TOKENS;
        assertThat(total(wide, "MEDIA_RESOLUTION_LOW")).isEqualTo(text + TOKENS / 4);
        // Two crops, each between markers, and the words around them.
        ObjectNode high = asking(wide, "MEDIA_RESOLUTION_HIGH");
        JsonNode counted = post("countTokens", counting(high));
        assertThat(tokens(counted.get("promptTokensDetails"), "IMAGE")).isEqualTo(3 * TOKENS);
        JsonNode answer = post("generateContent", high);
        assertThat(answer.at("/usageMetadata/promptTokenCount").asInt())
                .isEqualTo(counted.get("totalTokens").asInt());
        assertThat(answer.at("/usageMetadata/promptTokensDetails")).isEqualTo(counted.get("promptTokensDetails"));
    }

    @Test
    void whatIsNoPictureIsSaidBeforeTheAnswer() throws Exception {
        ObjectNode body = asking(new byte[] {(byte) 0x89, 'P', 'N', 'G', 1, 2, 3}, "MEDIA_RESOLUTION_LOW");
        JsonNode refused = post("generateContent", body);
        assertThat(refused.at("/error/code").asInt()).isEqualTo(400);
        assertThat(refused.at("/error/message").asString()).contains("contents[0].parts[0].inlineData");
    }

    private static int total(byte[] png, String resolution) throws Exception {
        return post("countTokens", counting(asking(png, resolution)))
                .get("totalTokens")
                .asInt();
    }

    private static ObjectNode asking(byte[] png, String resolution) {
        ObjectNode body = body(resolution);
        ArrayNode parts = parts(body);
        picture(parts, png);
        parts.addObject().put("text", "What is it?");
        return body;
    }

    private static ObjectNode question(JsonNode golden, String resolution) throws Exception {
        ObjectNode body = body(resolution);
        ArrayNode parts = parts(body);
        for (JsonNode item : golden.get("items")) {
            if (item.isString()) {
                parts.addObject().put("text", item.asString());
            } else {
                int[] picture = EyesGolden.ints(item);
                picture(parts, EyesGolden.png(picture[0], picture[1], picture[2]));
            }
        }
        ((ObjectNode) body.get("generationConfig"))
                .put("temperature", 0)
                .put("maxOutputTokens", golden.get("greedy").size());
        return body;
    }

    private static ObjectNode body(String resolution) {
        ObjectNode body = JSON.createObjectNode();
        body.putObject("generationConfig").put("maxOutputTokens", 4).put("mediaResolution", resolution);
        return body;
    }

    private static ArrayNode parts(ObjectNode body) {
        return body.putArray("contents").addObject().put("role", "user").putArray("parts");
    }

    private static void picture(ArrayNode parts, byte[] png) {
        parts.addObject()
                .putObject("inlineData")
                .put("mimeType", "image/png")
                .put("data", Base64.getEncoder().encodeToString(png));
    }

    private static ObjectNode counting(ObjectNode body) {
        ObjectNode counting = JSON.createObjectNode();
        counting.set("generateContentRequest", body.deepCopy().put("model", "models/model"));
        return counting;
    }

    private static int tokens(JsonNode details, String modality) {
        return details.values().stream()
                .filter(detail -> detail.get("modality").asString().equals(modality))
                .mapToInt(detail -> detail.get("tokenCount").asInt())
                .sum();
    }

    private static String text(JsonNode answer) {
        return answer.at("/candidates/0/content/parts/0/text").asString("");
    }

    private static JsonNode post(String method, ObjectNode body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(server.url() + "/v1beta/models/model:" + method))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)))
                .build();
        return JSON.readTree(http.send(request, BodyHandlers.ofString()).body());
    }
}
