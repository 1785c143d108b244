package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import longreach.v1.Open;
import longreach.v1.RenderRequest;
import longreach.v1.TokenChunk;
import longreach.v1.ToolCall;
import longreach.v1.ToolUse;
import longreach.v1.Turn;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What requests say about the form of answers, as lm-core is told, and what comes back. */
class AnswerFormTest {
    private static final String CALL = "/v1beta/models/" + FakeLmCore.MODEL + ":generateContent";
    private static final String ASK = "\"contents\":[{\"parts\":[{\"text\":\"hello\"}]}]";
    private static final String TOOLS = """
            "tools":[{"functionDeclarations":[
              {"name":"weather","description":"Tells it.","parameters":{"type":"OBJECT","properties":
                {"city":{"type":"STRING"},"days":{"type":"INTEGER","minimum":1,"maximum":7}},"required":["city"]}},
              {"name":"now"}]}]""";

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

    @AfterEach
    void calm() {
        services.lmCore.instead = null;
    }

    private static JsonObject send(String fields) throws Exception {
        var response = gateway.post(CALL, "{" + ASK + "," + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return RunningGateway.json(response);
    }

    private static Open opened() {
        return services.lmCore.opened.getLast();
    }

    private static RenderRequest rendered() {
        return services.lmCore.rendered.getLast();
    }

    private static String schema(String config) throws Exception {
        send("\"generationConfig\":" + config);
        return opened().getConstraint().getJsonSchema();
    }

    @Test
    void schemasGoOnInTheirOrder() throws Exception {
        assertThat(schema("{\"responseMimeType\":\"application/json\"}")).isEqualTo("true");
        assertThat(schema("""
                        {"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","required":["b"],
                         "propertyOrdering":["b","a"],"properties":{
                          "b":{"type":"ARRAY","items":{"type":"STRING","enum":["x","y"]},"minItems":"1"},
                          "a":{"type":"NUMBER","nullable":true,"minimum":0.5},
                          "c":{"anyOf":[{"type":"INTEGER","enum":["1","2"]},{"type":"NULL"}]}}}}"""))
                .isEqualTo(
                        "{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
                                + "\"enum\":[\"x\",\"y\"]},\"minItems\":1},\"a\":{\"type\":\"number\",\"minimum\":0.5,"
                                + "\"nullable\":true},\"c\":{\"anyOf\":[{\"type\":\"integer\",\"enum\":[1,2]},"
                                + "{\"type\":\"null\"}]}},\"required\":[\"b\"],\"propertyOrdering\":[\"b\",\"a\"]}");
        for (var field : new String[] {"responseJsonSchema", "_responseJsonSchema", "response_json_schema"}) {
            assertThat(schema("{\"responseMimeType\":\"application/json\",\"" + field
                            + "\":{\"properties\":{\"z\":{\"$ref\":\"#/$defs/d\"},\"a\":true},\"$defs\":{\"d\":{}}}}"))
                    .as(field)
                    .isEqualTo("{\"properties\":{\"z\":{\"$ref\":\"#/$defs/d\"},\"a\":true},\"$defs\":{\"d\":{}}}");
        }
        send("\"generationConfig\":{\"responseMimeType\":\"text/x.enum\",\"responseSchema\":"
                + "{\"type\":\"STRING\",\"enum\":[\"yes\",\"no\"]}}");
        assertThat(opened().getConstraint().getChoice().getTextsList()).containsExactly("yes", "no");
        send("\"generationConfig\":{\"responseMimeType\":\"text/plain\"}");
        assertThat(opened().hasConstraint()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"responseMimeType":"text/xml"} | responseMimeType: text/xml
            {"responseSchema":{"type":"STRING"}} | responseMimeType: empty
            {"responseMimeType":"text/x.enum"} | responseSchema.enum: empty
            {"responseMimeType":"application/json","responseSchema":{},"responseJsonSchema":{}} | one of the two
            {"thinkingConfig":{"thinkingBudget":-2}} | thinkingBudget: -2
            """)
    void formsAreChecked(String config, String message) throws Exception {
        var response = gateway.post(CALL, "{" + ASK + ",\"generationConfig\":" + config + "}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains(message);
    }

    @Test
    void functionsAreDeclaredAndMayBeCalled() throws Exception {
        send(TOOLS);
        assertThat(rendered().getToolsList()).hasSize(2);
        assertThat(rendered().getTools(0).getParametersSchema()).contains("\"maximum\":7", "\"required\":[\"city\"]");
        assertThat(opened().getTools().getMode()).isEqualTo(ToolUse.Mode.AUTO);
        assertThat(opened().getTools().getDeclarationsList()).hasSize(2);

        send(TOOLS
                + ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"now\"]}}");
        assertThat(rendered().getToolsList()).hasSize(2);
        assertThat(opened().getTools().getMode()).isEqualTo(ToolUse.Mode.REQUIRED);
        assertThat(opened().getTools().getDeclarationsList())
                .singleElement()
                .satisfies(tool -> assertThat(tool.getName()).isEqualTo("now"));

        send(TOOLS + ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}}");
        assertThat(opened().hasTools()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "tools":[{"functionDeclarations":[{"name":"a b"}]}] | 400 | functionDeclarations[0].name
            "tools":[{"functionDeclarations":[{"name":"a"},{"name":"a"}]}] | 400 | no other function
            "tools":[{"googleSearch":{}}] | 501 | tools[0].googleSearch
            "toolConfig":{"functionCallingConfig":{"mode":"ANY"}} | 400 | mode: ANY
            "toolConfig":{"functionCallingConfig":{"allowedFunctionNames":["x"]}} | 400 | allowedFunctionNames: x
            """)
    void toolsAreChecked(String fields, int code, String message) throws Exception {
        var response = gateway.post(CALL, "{" + ASK + "," + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(code);
        assertThat(response.body()).contains(message);
    }

    @Test
    void callsComeBackAsPartsAndTheirResultsGoIn() throws Exception {
        services.lmCore.instead = TokenChunk.newBuilder()
                .addTokenIds(0)
                .setThought("Let me see.")
                .addCalls(ToolCall.newBuilder()
                        .setId("1")
                        .setName("weather")
                        .setArguments("{\"city\":\"Oslo\",\"days\":2}"))
                .addCalls(ToolCall.newBuilder().setId("2").setName("now").setArguments("{}"))
                .build();
        var parts = send(TOOLS)
                .getAsJsonArray("candidates")
                .get(0)
                .getAsJsonObject()
                .getAsJsonObject("content")
                .getAsJsonArray("parts");
        assertThat(parts).hasSize(2);
        var call = parts.get(0).getAsJsonObject().getAsJsonObject("functionCall");
        assertThat(call.get("name").getAsString()).isEqualTo("weather");
        assertThat(call.getAsJsonObject("args").get("city").getAsString()).isEqualTo("Oslo");

        services.lmCore.instead = null;
        var response = gateway.post(
                CALL,
                "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"How is it?\"}]},{\"role\":\"model\",\"parts\":["
                        + parts.get(0)
                        + "]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"1\",\"name\":\"weather\","
                        + "\"response\":{\"sky\":\"clear\"}}}]}]," + TOOLS + "}");
        // The fake model knows words only; what counts is what it was given.
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(rendered().getTurnsCount()).isEqualTo(3);
        assertThat(rendered().getTurns(1).getRole()).isEqualTo(Turn.Role.MODEL);
        assertThat(rendered().getTurns(1).getParts(0).getCall().getArguments()).contains("\"Oslo\"");
        assertThat(rendered().getTurns(2).getParts(0).getResult().getResponse()).isEqualTo("{\"sky\":\"clear\"}");
    }

    @Test
    void thoughtsAreShownToThoseWhoAsk() throws Exception {
        services.lmCore.instead = TokenChunk.newBuilder()
                .addTokenIds(0)
                .setThought("Let me see.")
                .setText("Yes.")
                .build();
        var shown = send("\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":100}}");
        assertThat(opened().getThinking().getBudget()).isEqualTo(100);
        assertThat(shown.toString()).contains("\"thought\":true", "Let me see.", "\"thoughtsTokenCount\":3");
        var usage = shown.getAsJsonObject("usageMetadata");
        assertThat(usage.get("totalTokenCount").getAsInt())
                .isEqualTo(usage.get("promptTokenCount").getAsInt() + 5 + 3);
        var hidden = send("\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":-1}}");
        assertThat(opened().hasThinking()).isFalse();
        assertThat(hidden.toString()).doesNotContain("Let me see.").contains("Yes.");

        var events = gateway.post(
                        "/v1beta/models/" + FakeLmCore.MODEL + ":streamGenerateContent?alt=sse",
                        "{" + ASK + ",\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true}}}")
                .body()
                .split("\n\n");
        assertThat(JsonParser.parseString(events[0].substring(6)).toString()).contains("\"thought\":true");
    }
}
