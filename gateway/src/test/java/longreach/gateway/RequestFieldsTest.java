package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import longreach.v1.ContextUse;
import longreach.v1.Open;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The fields of generateContent: what they do, and what is said of those that do not fit. */
class RequestFieldsTest {
    private static final String ROUTE = "/v1beta/models/tiny-words:generateContent";

    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;
    static HttpServer web;

    @BeforeAll
    static void start() throws Exception {
        services = new FakeServices();
        web = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        web.createContext("/lamp.txt", exchange -> {
            byte[] body = "The lamp was lit in 1886.".getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        web.start();
        gateway = new RunningGateway(
                services,
                data,
                Map.of(
                        "gateway.fetch.on",
                        "true",
                        "gateway.fetch.allow",
                        "127.0.0.1:" + web.getAddress().getPort()));
    }

    @AfterAll
    static void stop() {
        gateway.close();
        services.close();
        web.stop(0);
    }

    private static String body(String more) {
        return "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a few words here\"}]}]" + more + "}";
    }

    @Test
    void howMuchOfThePromptIsSeenIsPassedOn() throws Exception {
        services.lmCore.opened.clear();
        var wish = ",\"longreachContext\":{\"mode\":\"focus\",\"selector\":\"lexical\",\"blocks\":0}";
        assertThat(gateway.post(ROUTE, body(wish)).statusCode()).isEqualTo(200);
        assertThat(gateway.post(ROUTE, body("")).statusCode()).isEqualTo(200);
        var focused = services.lmCore.opened.getFirst();
        assertThat(focused.getContext().getMode()).isEqualTo(ContextUse.Mode.FOCUS);
        assertThat(focused.getContext().getSelector()).isEqualTo("lexical");
        assertThat(focused.getContext().hasBlocks()).isTrue();
        assertThat(services.lmCore.opened.get(1).getContext().getMode()).isEqualTo(ContextUse.Mode.AUTO);

        var unknown = gateway.post(ROUTE, body(",\"longreachContext\":{\"mode\":\"deep\"}"));
        assertThat(unknown.statusCode()).isEqualTo(400);
        assertThat(unknown.body()).contains("longreachContext.mode: deep (expected: auto, exact, long or focus)");
        var many = gateway.post(ROUTE, body(",\"longreachContext\":{\"blocks\":65}"));
        assertThat(many.body()).contains("longreachContext.blocks: 65 (expected: 0 to 64)");
    }

    @Test
    void severalCandidatesComeWithTheirIndexesAndTheUsageOfAll() throws Exception {
        services.lmCore.opened.clear();
        var config = ",\"generationConfig\":{\"candidateCount\":3,\"seed\":7}";
        var whole = RunningGateway.json(gateway.post(ROUTE, body(config)));
        var candidates = whole.getAsJsonArray("candidates");
        assertThat(candidates).hasSize(3);
        for (int i = 0; i < 3; i++) {
            assertThat(candidates.get(i).getAsJsonObject().get("index").getAsInt())
                    .isEqualTo(i);
            assertThat(candidates.get(i).toString()).contains("a few words here", "STOP");
        }
        var usage = whole.getAsJsonObject("usageMetadata");
        assertThat(usage.get("promptTokenCount").getAsInt()).isEqualTo(4);
        assertThat(usage.get("candidatesTokenCount").getAsInt()).isEqualTo(12);
        assertThat(usage.get("totalTokenCount").getAsInt()).isEqualTo(16);
        assertThat(services.lmCore.opened)
                .extracting(Open::getSampling)
                .extracting(sampling -> sampling.getSeed())
                .containsExactly(7L, 8L, 9L);

        var streamed = gateway.post("/v1beta/models/tiny-words:streamGenerateContent", body(config));
        var pieces = JsonParser.parseString(streamed.body()).getAsJsonArray();
        var texts = new String[] {"", "", ""};
        pieces.forEach(piece -> {
            var candidate =
                    piece.getAsJsonObject().getAsJsonArray("candidates").get(0).getAsJsonObject();
            candidate
                    .getAsJsonObject("content")
                    .getAsJsonArray("parts")
                    .forEach(part -> texts[candidate.get("index").getAsInt()] +=
                            part.getAsJsonObject().get("text").getAsString());
        });
        assertThat(texts).containsOnly("a few words here");
        assertThat(pieces.get(pieces.size() - 1)
                        .getAsJsonObject()
                        .getAsJsonObject("usageMetadata")
                        .get("candidatesTokenCount")
                        .getAsInt())
                .isEqualTo(12);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"generationConfig\":{\"temperature\":\"hot\"} | generationConfig.temperature: \"hot\" (expected: a number)",
                "\"generationConfig\":{\"temperature\":9} | generationConfig.temperature: 9.0 (expected",
                "\"generationConfig\":{\"maxOutputTokens\":1.5} | generationConfig.maxOutputTokens: 1.5 (expected: a whole",
                "\"generationConfig\":{\"maxOutputTokens\":1e99} | generationConfig.maxOutputTokens: 1e99",
                "\"generationConfig\":{\"seed\":99999999999} | generationConfig.seed: 99999999999",
                "\"generationConfig\":{\"candidateCount\":9} | generationConfig.candidateCount: 9 (expected: 1 <=",
                "\"generationConfig\":{\"stopSequences\":\"x\"} | generationConfig.stopSequences: \"x\" (expected: a list)",
                "\"generationConfig\":{\"stopSequences\":[{}]} | generationConfig.stopSequences[0]: an object",
                "\"generationConfig\":{\"responseLogprobs\":\"yes\"} | generationConfig.responseLogprobs: \"yes\"",
                "\"generationConfig\":{\"mediaResolution\":\"HUGE\"} | generationConfig.mediaResolution: \"HUGE\" (expected: MEDIA_",
                "\"generationConfig\":{\"responseModalities\":[\"TEXT\",\"SMELL\"]} | generationConfig.responseModalities[1]",
                "\"generation_config\":{\"top_p\":[]} | generation_config.top_p: a list",
                "\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"WILD\"}} | thinkingConfig.thinkingLevel",
                "\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"LOW\",\"thinkingBudget\":5}} | thinkingLevel: set",
                "\"generationConfig\":{\"responseSchema\":{\"type\":\"BLOB\"}} | generationConfig.responseSchema.type: \"BLOB\"",
                "\"generationConfig\":7 | generationConfig: 7 (expected: an object)",
                "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"SOMETIMES\"}} | functionCallingConfig.mode: \"SOMETIMES\"",
                "\"safetySettings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"SOME\"}]"
                        + " | safetySettings[0].threshold: \"SOME\"",
                "\"safetySettings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"OFF\"},"
                        + "{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"OFF\"}] | safetySettings[1].category",
                "\"systemInstruction\":\"be brief\" | systemInstruction: \"be brief\" (expected: an object)",
                "\"tools\":7 | tools: 7 (expected: a list)",
            })
    void whatDoesNotFitIsNamedWithItsPath(String more, String message) throws Exception {
        var response = gateway.post(ROUTE, body("," + more));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(RunningGateway.json(response)
                        .getAsJsonObject("error")
                        .get("message")
                        .getAsString())
                .contains(message);
    }

    @Test
    void wordsOfEnumerationsMayHaveAnyCaseAndUnknownFieldsArePassedOver() throws Exception {
        services.lmCore.opened.clear();
        for (var more : List.of(
                ",\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseSchema\":{\"type\":\"object\","
                        + "\"properties\":{\"a\":{\"type\":\"integer\"}}}}",
                ",\"serviceTier\":\"flex\",\"generationConfig\":{\"notYet\":{\"a\":[1]},\"mediaResolution\":\"media_resolution_low\"}",
                ",\"safetySettings\":[{\"category\":\"HARM_CATEGORY_OF_TOMORROW\",\"threshold\":\"BLOCK_NONE\"}]",
                ",\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"low\"},\"temperature\":null}")) {
            assertThat(gateway.post(ROUTE, body(more)).statusCode()).as(more).isEqualTo(200);
        }
        assertThat(services.lmCore.opened.getFirst().getConstraint().getJsonSchema())
                .contains("\"type\":\"object\"", "\"type\":\"integer\"");
        assertThat(services.lmCore.opened.getLast().getThinking().getBudget()).isEqualTo(1024);
    }

    @Test
    void mediaOfWebAddressesAreFetchedAndInnerOnesRefused() throws Exception {
        int port = web.getAddress().getPort();
        var ask =
                "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"%s\"}},{\"text\":\"When was the lamp lit?\"}]}]}";
        var answered = gateway.post(ROUTE, ask.formatted("http://127.0.0.1:" + port + "/lamp.txt"));
        assertThat(answered.statusCode()).as(answered.body()).isEqualTo(200);
        assertThat(answered.body()).contains("1886", "/lamp.txt");
        var refused = gateway.post(ROUTE, ask.formatted("http://127.0.0.1:" + (port == 1 ? 2 : 1) + "/lamp.txt"));
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("contents[0].parts[0].fileData.fileUri: port");
        var inner = gateway.post(ROUTE, ask.formatted("http://169.254.169.254/lamp.txt"));
        assertThat(inner.body()).contains("not public");
        var chat = gateway.post(
                "/openai/v1/chat/completions",
                "{\"model\":\"tiny-words\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
                        + "{\"url\":\"http://10.0.0.1/x.png\"}},{\"type\":\"text\",\"text\":\"x\"}]}]}");
        assertThat(chat.statusCode()).isEqualTo(400);
        assertThat(chat.body()).contains("not public");
    }

    /** As one of the clients sends tools; in a body that is checked first, and in one that is checked when it fails. */
    @ParameterizedTest
    @ValueSource(ints = {1, 300_000})
    void oneMessageStandsForAListOfOne(int words) throws Exception {
        var response =
                gateway.post("/v1beta/models/" + FakeLmCore.MODEL + ":countTokens", """
                {"generateContentRequest":{"contents":{"parts":{"text":"%s"}},
                 "tools":{"functionDeclarations":{"name":"get_weather"}}}}""".formatted("a".repeat(words)));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        var list =
                gateway.post("/v1beta/models/" + FakeLmCore.MODEL + ":countTokens", """
                {"generateContentRequest":{"contents":[{"parts":[{"text":"%s"}]}],
                 "tools":[{"functionDeclarations":[{"name":"get_weather"}]}]}}""".formatted("a".repeat(words)));
        assertThat(response.body()).isEqualTo(list.body());
    }
}
