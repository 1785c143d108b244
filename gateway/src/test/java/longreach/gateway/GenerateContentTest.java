package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.Status;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GenerateContentTest {
    private static final String MODEL = "/v1beta/models/" + FakeLmCore.MODEL;

    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;

    @BeforeAll
    static void start() throws IOException {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, Map.of());
    }

    @AfterAll
    static void stop() {
        gateway.close();
        services.close();
    }

    @BeforeEach
    void calm() {
        services.lmCore.failWith = null;
        services.lmCore.tokenMillis = 0;
        services.lmCore.prefillMillis = 0;
    }

    private static String ask(String text) {
        return "{\"contents\":[{\"parts\":[{\"text\":\"" + text + "\"}]}]}";
    }

    private static JsonObject candidate(JsonObject response) {
        return response.getAsJsonArray("candidates").get(0).getAsJsonObject();
    }

    private static String text(JsonObject response) {
        return candidate(response)
                .getAsJsonObject("content")
                .getAsJsonArray("parts")
                .get(0)
                .getAsJsonObject()
                .get("text")
                .getAsString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"v1beta", "v1", "v1alpha"})
    void answersWithUsageUnderEveryVersion(String version) throws Exception {
        var response = gateway.post(
                "/" + version + "/models/" + FakeLmCore.MODEL + ":generateContent", ask("hello good world"));
        assertThat(response.statusCode()).isEqualTo(200);
        var json = RunningGateway.json(response);
        assertThat(text(json)).isEqualTo("hello good world");
        assertThat(candidate(json).get("finishReason").getAsString()).isEqualTo("STOP");
        var usage = json.getAsJsonObject("usageMetadata");
        assertThat(usage.get("promptTokenCount").getAsInt()).isEqualTo(3);
        assertThat(usage.get("totalTokenCount").getAsInt()).isEqualTo(6);
        assertThat(usage.has("cachedContentTokenCount")).isTrue();
        assertThat(json.get("modelVersion").getAsString()).isEqualTo(FakeLmCore.MODEL);
        assertThat(json.get("responseId").getAsString()).isNotEmpty();
        var receipt = JsonParser.parseString(
                response.headers().firstValue("x-longreach-receipt").orElseThrow());
        assertThat(receipt.getAsJsonObject().has("tokensComputed")
                        || receipt.getAsJsonObject().has("tokensRestored"))
                .isTrue();
    }

    @Test
    void theSecondTimeComesFromTheCache() throws Exception {
        gateway.post(MODEL + ":generateContent", ask("ask me twice please"));
        var usage = RunningGateway.json(gateway.post(MODEL + ":generateContent", ask("ask me twice please")))
                .getAsJsonObject("usageMetadata");
        assertThat(usage.get("cachedContentTokenCount").getAsInt()).isEqualTo(4);
    }

    @Test
    void eventsAreExactlyDataLines() throws Exception {
        var response = gateway.post(MODEL + ":streamGenerateContent?alt=sse", ask("one two\\u2028 three"));
        assertThat(response.headers().firstValue("content-type").orElseThrow()).startsWith("text/event-stream");
        var blocks = response.body().split("\n\n");
        assertThat(response.body()).endsWith("\n\n").doesNotContain("\r");
        assertThat(blocks).hasSizeGreaterThan(2).allSatisfy(block -> {
            assertThat(block).startsWith("data: {").doesNotContain("\n");
            assertThat(JsonParser.parseString(block.substring(6))
                            .getAsJsonObject()
                            .has("usageMetadata"))
                    .isTrue();
        });
        var last =
                JsonParser.parseString(blocks[blocks.length - 1].substring(6)).getAsJsonObject();
        assertThat(candidate(last).get("finishReason").getAsString()).isEqualTo("STOP");
        assertThat(last.has("longreachReceipt")).isTrue();
    }

    @Test
    void withoutAltTheStreamIsOneJsonArray() throws Exception {
        var response = gateway.post(MODEL + ":streamGenerateContent", ask("one two three"));
        var array = JsonParser.parseString(response.body()).getAsJsonArray();
        assertThat(array).hasSize(4);
    }

    @Test
    void snakeCaseAndUnknownFieldsAreRead() throws Exception {
        var body =
                "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a b c d\",\"mediaResolution\":{\"x\":1}}]}],"
                        + "\"generation_config\":{\"max_output_tokens\":2,\"top_k\":3},\"serviceTier\":\"x\","
                        + "\"system_instruction\":{\"parts\":[{\"text\":\"be short\"}]}}";
        var json = RunningGateway.json(gateway.post(MODEL + ":generateContent", body));
        assertThat(text(json)).isEqualTo("a b");
        assertThat(candidate(json).get("finishReason").getAsString()).isEqualTo("MAX_TOKENS");
        assertThat(services.lmCore.opened.getLast().getSampling().getTopK()).isEqualTo(3);
        assertThat(services.lmCore.rendered.getLast().getSystem(0).getText()).isEqualTo("be short");
    }

    @Test
    void countingEqualsThePromptOfTheAnswer() throws Exception {
        var file = gateway.file(
                "facts.txt", "text/plain", "The dog sleeps.\fThe cat drinks milk.".getBytes(StandardCharsets.UTF_8));
        var contents = "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\""
                + file.get("uri").getAsString() + "\"}},{\"text\":\"What does the cat drink?\"}]}]}";
        var counted = RunningGateway.json(gateway.post(MODEL + ":countTokens", contents));
        var whole = RunningGateway.json(
                gateway.post(MODEL + ":countTokens", "{\"generateContentRequest\":" + contents + "}"));
        var usage = RunningGateway.json(gateway.post(MODEL + ":generateContent", contents))
                .getAsJsonObject("usageMetadata");
        assertThat(counted.get("totalTokens")).isEqualTo(usage.get("promptTokenCount"));
        assertThat(whole).isEqualTo(counted);
    }

    @Test
    void answersFromAFileAreCitedByPage() throws Exception {
        var page = "The harbour bridge was opened in 1932 after eight years of work. ".repeat(12);
        var other = "Bread is baked from flour, water and salt in a hot oven every day. ".repeat(12);
        var file =
                gateway.file("report.pdf", "application/pdf", (other + "\f" + page).getBytes(StandardCharsets.UTF_8));
        assertThat(file.get("state").getAsString()).isEqualTo("ACTIVE");
        var json = RunningGateway.json(gateway.post(
                MODEL + ":generateContent",
                "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\""
                        + file.get("uri").getAsString() + "\"}},{\"text\":\"When was the bridge opened?\"}]}]}"));
        var grounding = candidate(json).getAsJsonObject("groundingMetadata");
        var chunk = grounding
                .getAsJsonArray("groundingChunks")
                .get(0)
                .getAsJsonObject()
                .getAsJsonObject("retrievedContext");
        assertThat(chunk.get("title").getAsString()).isEqualTo("report.pdf, page 2");
        assertThat(chunk.get("uri").getAsString()).endsWith("#page=2");
        assertThat(grounding.getAsJsonArray("groundingSupports")).isNotEmpty();
        var media = json.getAsJsonObject("longreachReceipt")
                .getAsJsonArray("media")
                .get(0)
                .getAsJsonObject();
        assertThat(media.get("readAs").getAsString()).isEqualTo("text");
        assertThat(services.lmCore.rendered.getLast().getSystem(0).getText()).contains("short quote");
    }

    @Test
    void inlineMediaIsReadOnce() throws Exception {
        var bytes = Base64.getEncoder().encodeToString("page about inline owls".getBytes(StandardCharsets.UTF_8));
        var body = "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"application/pdf\",\"data\":\"" + bytes
                + "\"}},{\"text\":\"owls?\"}]}]}";
        int before = services.vision.encoded.get();
        assertThat(gateway.post(MODEL + ":generateContent", body).statusCode()).isEqualTo(200);
        assertThat(gateway.post(MODEL + ":generateContent", body).statusCode()).isEqualTo(200);
        assertThat(services.vision.encoded.get() - before).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            topP | 1.4 | generationConfig.topP: 1.4 (expected: 0 < topP <= 1)
            topP | 0 | generationConfig.topP: 0.0 (expected: 0 < topP <= 1)
            topK | -3 | generationConfig.topK: -3 (expected: topK >= 1)
            temperature | 7 | generationConfig.temperature: 7.0 (expected: 0 <= temperature <= 2)
            temperature | "NaN" | generationConfig.temperature: NaN (expected: 0 <= temperature <= 2)
            maxOutputTokens | 0 | generationConfig.maxOutputTokens: 0 (expected: maxOutputTokens >= 1)
            candidateCount | 9 | generationConfig.candidateCount: 9 (expected: 1 <= candidateCount <= 8)
            """)
    void valuesOutOfRangeAreNamed(String field, String value, String message) throws Exception {
        var response = gateway.post(
                MODEL + ":generateContent",
                "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"generationConfig\":{\"" + field + "\":" + value
                        + "}}");
        assertThat(response.statusCode()).isEqualTo(400);
        var error = RunningGateway.json(response).getAsJsonObject("error");
        assertThat(error.get("message").getAsString()).isEqualTo(message);
        assertThat(error.get("status").getAsString()).isEqualTo("INVALID_ARGUMENT");
        assertThat(error.get("code").getAsInt()).isEqualTo(400);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {} | 400 | contents: empty
            {"contents":[]} | 400 | contents: empty
            {"contents":[{"role":"assistant","parts":[{"text":"x"}]}]} | 400 | contents[0].role: "assistant"
            {"contents":[{"parts":[]}]} | 400 | contents[0].parts: empty
            {"contents":[{"parts":[{}]}]} | 400 | contents[0].parts[0]: empty
            {"contents":[{"parts":[{"text":"  "}]}]} | 400 | only blank text
            {"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"!!!"}}]}]} | 400 | contents[0].parts[0].inlineData.data: broken base64
            {"contents":[{"parts":[{"inlineData":{"mimeType":"application/zip","data":"AAAA"}}]}]} | 400 | inlineData.mimeType: application/zip
            {"contents":[{"parts":[{"fileData":{"fileUri":"https://example.org/x"}}]}]} | 400 | fileData.fileUri
            {"contents":[{"parts":[{"fileData":{"fileUri":"files/nosuch"}}]}]} | 404 | files/nosuch: no such file
            {"contents": | 400 | request body
            [] | 400 | request body
            {"contents":[{"parts":[{"text":"x"}]}],"tools":[{"codeExecution":{}}]} | 501 | tools
            {"contents":[{"parts":[{"text":"x"}]}],"cachedContent":"cachedContents/1"} | 404 | cachedContents/1
            {"contents":[{"parts":[{"text":"x"}]}],"cachedContent":"else"} | 400 | cachedContent
            """)
    void badRequestsAreToldWhatIsWrong(String body, int code, String message) throws Exception {
        var response = gateway.post(MODEL + ":generateContent", body);
        assertThat(RunningGateway.json(response)
                        .getAsJsonObject("error")
                        .get("message")
                        .getAsString())
                .contains(message);
        assertThat(response.statusCode()).isEqualTo(code);
    }

    @Test
    void unknownModelsAndRoutesAreNotFound() throws Exception {
        var model = gateway.post("/v1beta/models/gpt-9:generateContent", ask("x"));
        assertThat(model.statusCode()).isEqualTo(404);
        assertThat(model.body()).contains("models/" + FakeLmCore.MODEL).contains("NOT_FOUND");
        assertThat(gateway.get("/v1beta/nothing").statusCode()).isEqualTo(404);
        assertThat(gateway.post(MODEL + ":doMagic", ask("x")).statusCode()).isEqualTo(404);
    }

    @Test
    void textLongerThanTheContextNamesBothNumbers() throws Exception {
        var response = gateway.post(MODEL + ":generateContent", ask("word ".repeat(700)));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("700 tokens").contains("599");
    }

    @Test
    void failuresBeforeTheFirstByteHaveTheirOwnStatus() throws Exception {
        services.lmCore.failWith = Status.RESOURCE_EXHAUSTED.withDescription("no room (expected: a free slot)");
        var response = gateway.post(MODEL + ":streamGenerateContent?alt=sse", ask("x"));
        assertThat(response.statusCode()).isEqualTo(429);
        assertThat(response.body()).contains("RESOURCE_EXHAUSTED");
        services.lmCore.failWith = Status.INTERNAL.withDescription("boom");
        assertThat(gateway.post(MODEL + ":generateContent", ask("x")).statusCode())
                .isEqualTo(500);
    }

    @Test
    void theServerTimeoutEndsTheCall() throws Exception {
        services.lmCore.prefillMillis = 20_000;
        var response = gateway.send(gateway.request(MODEL + ":generateContent")
                .header("X-Server-Timeout", "0.3")
                .POST(java.net.http.HttpRequest.BodyPublishers.ofString(ask("x")))
                .build());
        assertThat(response.statusCode()).isEqualTo(504);
        assertThat(response.body()).contains("DEADLINE_EXCEEDED");
    }

    @ParameterizedTest
    @ValueSource(strings = {":generateContent", ":streamGenerateContent?alt=sse"})
    void aCallerThatLeavesDuringPrefillCancels(String method) throws Exception {
        services.lmCore.prefillMillis = 20_000;
        int before = services.lmCore.cancelled.get();
        int opened = services.lmCore.opened.size();
        try (var socket = new Socket("127.0.0.1", gateway.port)) {
            var body = ask("leaving now").getBytes(StandardCharsets.UTF_8);
            socket.getOutputStream()
                    .write(("POST " + MODEL + method + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                    + "Content-Length: " + body.length + "\r\n\r\n")
                            .getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().write(body);
            socket.getOutputStream().flush();
            Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> services.lmCore.opened.size() > opened);
        }
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> services.lmCore.cancelled.get() > before);
    }

    @Test
    void aCallerThatLeavesDuringTheAnswerCancels() throws Exception {
        services.lmCore.tokenMillis = 50;
        int before = services.lmCore.cancelled.get();
        try (var socket = new Socket("127.0.0.1", gateway.port)) {
            var body = ask("w ".repeat(60)).getBytes(StandardCharsets.UTF_8);
            socket.getOutputStream()
                    .write(("POST " + MODEL + ":streamGenerateContent?alt=sse HTTP/1.1\r\nHost: x\r\n"
                                    + "Content-Length: " + body.length + "\r\n\r\n")
                            .getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().write(body);
            var first = new byte[256];
            assertThat(socket.getInputStream().read(first)).isPositive();
            assertThat(new String(Arrays.copyOf(first, 15), StandardCharsets.UTF_8))
                    .isEqualTo("HTTP/1.1 200 \r\n");
        }
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> services.lmCore.cancelled.get() > before);
    }

    @Test
    void modelsAreListed() throws Exception {
        var list = RunningGateway.json(gateway.get("/v1/models"));
        var model = list.getAsJsonArray("models").get(0).getAsJsonObject();
        assertThat(model.get("name").getAsString()).isEqualTo("models/" + FakeLmCore.MODEL);
        assertThat(model.get("inputTokenLimit").getAsInt()).isEqualTo(FakeLmCore.CONTEXT);
        assertThat(gateway.get("/v1/models/" + FakeLmCore.MODEL).statusCode()).isEqualTo(200);
        assertThat(gateway.get("/v1/models/x").statusCode()).isEqualTo(404);
        assertThat(gateway.get("/actuator/health").body()).contains("vision-encoder");
    }
}
