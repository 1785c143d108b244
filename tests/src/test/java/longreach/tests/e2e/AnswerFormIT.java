package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerationConfig;
import longreach.gemini.v1beta.GenerativeServiceGrpc;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.Schema;
import longreach.gemini.v1beta.Type;
import longreach.standalone.StandaloneServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** JSON, choices and function calls from the real model, over REST and gRPC. */
class AnswerFormIT {
    private static final String SHIP = """
            {"type":"OBJECT","propertyOrdering":["name","year","cargo"],"required":["name","year","cargo"],"properties":{
              "name":{"type":"STRING","maxLength":30},"year":{"type":"INTEGER","minimum":1800,"maximum":2026},
              "cargo":{"type":"ARRAY","minItems":1,"maxItems":3,"items":{"type":"STRING","maxLength":20}}}}""";
    private static final String WEATHER = """
            "tools":[{"functionDeclarations":[{"name":"get_weather","description":"Tells the weather in a city.",
              "parameters":{"type":"OBJECT","required":["city"],"properties":{"city":{"type":"STRING","maxLength":30}}}},
              {"name":"get_time","description":"Tells the time."}]}]""";

    @TempDir
    static Path data;

    private static StandaloneServer server;
    private static Rest rest;

    @BeforeAll
    static void start() throws Exception {
        TestWeights.require();
        server = StandaloneServer.start(data, Map.of());
        rest = new Rest(server.url(), "any");
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            rest.close();
            server.close();
        }
    }

    private static JsonNode ask(String contents, String config, String more) {
        var reply = rest.generate(Rest.JSON.readTree("{\"contents\":%s,\"generationConfig\":%s%s}"
                .formatted(contents, config, more.isEmpty() ? "" : "," + more)));
        assertThat(reply.status()).as("%s", reply.body()).isEqualTo(200);
        return reply.body();
    }

    private static String user(String text) {
        return "[{\"role\":\"user\",\"parts\":[{\"text\":\"" + text + "\"}]}]";
    }

    private static void assertShip(String text) {
        JsonNode ship = Rest.JSON.readTree(text);
        Set<String> names = new HashSet<>(ship.propertyNames());
        assertThat(names).containsExactlyInAnyOrder("name", "year", "cargo");
        assertThat(ship.get("year").intValue()).isBetween(1800, 2026);
        assertThat(ship.get("cargo").size()).isBetween(1, 3);
    }

    @Test
    void jsonFitsItsSchemaWholeAndStreamed() {
        String contents = user("The Aurora was built in 1904 and carried timber and salt. Describe the ship as JSON.");
        String config = "{\"temperature\":0,\"maxOutputTokens\":200,\"responseMimeType\":\"application/json\","
                + "\"responseLogprobs\":true,\"logprobs\":2,\"responseSchema\":" + SHIP + "}";
        JsonNode answer = ask(contents, config, "");
        System.out.println(Rest.text(answer));
        assertShip(Rest.text(answer));
        JsonNode candidate = answer.path("candidates").path(0);
        assertThat(candidate.path("finishReason").asString()).isEqualTo("STOP");
        assertThat(candidate.path("logprobsResult").path("chosenCandidates").size())
                .isEqualTo(answer.path("usageMetadata")
                        .path("candidatesTokenCount")
                        .asInt());
        var text = new StringBuilder();
        rest.stream(Rest.JSON.readTree("{\"contents\":%s,\"generationConfig\":%s}".formatted(contents, config)))
                .forEach(event -> text.append(Rest.text(event)));
        assertThat(text.toString()).isEqualTo(Rest.text(answer));

        JsonNode hot = ask(contents, config.replace("\"temperature\":0", "\"temperature\":1.5,\"seed\":7"), "");
        System.out.println(Rest.text(hot));
        assertShip(Rest.text(hot));
    }

    @Test
    void aValueCutShortSaysSo() {
        JsonNode answer = ask(
                user("Describe a ship as JSON."),
                "{\"temperature\":0,\"maxOutputTokens\":4,\"responseMimeType\":\"application/json\",\"responseSchema\":"
                        + SHIP + "}",
                "");
        assertThat(answer.path("candidates").path(0).path("finishReason").asString())
                .isEqualTo("MAX_TOKENS");
    }

    @Test
    void aChoiceIsOneOfItsTexts() {
        JsonNode answer = ask(
                user("The waves were ten metres high. Was the sea calm or rough?"),
                "{\"temperature\":0,\"responseMimeType\":\"text/x.enum\",\"responseSchema\":"
                        + "{\"type\":\"STRING\",\"enum\":[\"calm\",\"rough\"]}}",
                "");
        assertThat(Rest.text(answer)).isIn("calm", "rough");
    }

    @Test
    void aFunctionIsCalledAndItsResultAnswered() {
        String question = "What is the weather in Oslo?";
        JsonNode called = ask(
                user(question),
                "{\"temperature\":0,\"maxOutputTokens\":200}",
                WEATHER + ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
                        + "\"allowedFunctionNames\":[\"get_weather\"]}}");
        JsonNode parts = called.path("candidates").path(0).path("content").path("parts");
        JsonNode call = parts.path(0).path("functionCall");
        System.out.println(parts);
        assertThat(call.path("name").asString()).isEqualTo("get_weather");
        assertThat(call.path("args").path("city").isString()).isTrue();
        JsonNode answer = ask(
                """
                [{"role":"user","parts":[{"text":"%s"}]},{"role":"model","parts":[{"functionCall":%s}]},
                 {"role":"user","parts":[{"functionResponse":{"name":"get_weather","response":{"sky":"clear"}}}]}]""".formatted(question, call),
                "{\"temperature\":0,\"maxOutputTokens\":40}",
                WEATHER + ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}}");
        System.out.println(Rest.text(answer));
        assertThat(Rest.text(answer)).isNotBlank();
        JsonNode free = ask(user("Say hello."), "{\"temperature\":0,\"maxOutputTokens\":40}", WEATHER);
        assertThat(free.path("candidates").path(0).path("content").path("parts").size())
                .isPositive();
    }

    @Test
    void grpcTakesTheSameForms() throws Exception {
        var channel = ManagedChannelBuilder.forAddress("127.0.0.1", server.grpcPort())
                .usePlaintext()
                .build();
        try {
            var key = new Metadata();
            key.put(Metadata.Key.of("x-goog-api-key", Metadata.ASCII_STRING_MARSHALLER), "any");
            var answer = GenerativeServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(key))
                    .generateContent(GenerateContentRequest.newBuilder()
                            .setModel("models/smollm2-135m")
                            .addContents(Content.newBuilder()
                                    .setRole("user")
                                    .addParts(Part.newBuilder().setText("Name three colours as a list.")))
                            .setGenerationConfig(GenerationConfig.newBuilder()
                                    .setTemperature(0)
                                    .setMaxOutputTokens(80)
                                    .setResponseMimeType("application/json")
                                    .setResponseSchema(Schema.newBuilder()
                                            .setType(Type.ARRAY)
                                            .setMinItems(3)
                                            .setMaxItems(3)
                                            .setItems(Schema.newBuilder()
                                                    .setType(Type.STRING)
                                                    .setMaxLength(12))))
                            .build());
            JsonNode list = Rest.JSON.readTree(
                    answer.getCandidates(0).getContent().getParts(0).getText());
            System.out.println(list);
            assertThat(list.size()).isEqualTo(3);
        } finally {
            channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aSchemaThatIsNotSupportedIsRefusedByName() {
        var reply = rest.generate(Rest.JSON.readTree("""
                {"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"responseMimeType":"application/json",
                 "responseJsonSchema":{"type":"object","properties":{"a":{"not":{}}}}}}"""));
        assertThat(reply.status()).isEqualTo(400);
        assertThat(reply.errorMessage()).contains("/properties/a", "not", "(expected: ");
    }
}
