package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import longreach.v1.Open;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OpenAiTest {
    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;

    @BeforeAll
    static void start() throws Exception {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, Map.of("gateway.api-key", "secret"));
    }

    @AfterAll
    static void stop() {
        gateway.close();
        services.close();
    }

    private static HttpResponse<String> post(String path, String json) throws Exception {
        return gateway.send(gateway.request(path)
                .header("Authorization", "Bearer secret")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build());
    }

    private static HttpResponse<String> chat(String more) throws Exception {
        return post("/openai/v1/chat/completions", "{\"model\":\"tiny-words\"," + more + "}");
    }

    private static String user(String text) {
        return "\"messages\":[{\"role\":\"user\",\"content\":\"" + text + "\"}]";
    }

    private static Open lastOpened() {
        return services.lmCore.opened.getLast();
    }

    @Test
    void aCompletionHasTextReasonAndUsage() throws Exception {
        var response = chat("\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
                + "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"say it again\"}]}],"
                + "\"temperature\":0.5,\"top_p\":0.8,\"seed\":7,\"stop\":[\"END\"],\"max_tokens\":2,"
                + "\"presence_penalty\":0.5,\"user\":\"somebody\"");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        var json = RunningGateway.json(response);
        assertThat(json.get("object").getAsString()).isEqualTo("chat.completion");
        var choice = json.getAsJsonArray("choices").get(0).getAsJsonObject();
        assertThat(choice.getAsJsonObject("message").get("content").getAsString())
                .isEqualTo("say it");
        assertThat(choice.get("finish_reason").getAsString()).isEqualTo("length");
        var usage = json.getAsJsonObject("usage");
        assertThat(usage.get("prompt_tokens").getAsInt()).isEqualTo(5);
        assertThat(usage.get("completion_tokens").getAsInt()).isEqualTo(2);
        assertThat(usage.get("total_tokens").getAsInt()).isEqualTo(7);
        assertThat(usage.getAsJsonObject("prompt_tokens_details").has("cached_tokens"))
                .isTrue();
        var sampling = lastOpened().getSampling();
        assertThat(sampling.getTemperature()).isEqualTo(0.5f);
        assertThat(sampling.getSeed()).isEqualTo(7);
        assertThat(sampling.getStopList()).containsExactly("END");
        assertThat(response.headers().firstValue("x-longreach-receipt")).isPresent();
    }

    @Test
    void aStreamEndsWithUsageAndDone() throws Exception {
        var response = chat(user("one two three") + ",\"stream\":true,\"n\":2,\"seed\":5,"
                + "\"stream_options\":{\"include_usage\":true}");
        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith("text/event-stream");
        var events = List.of(response.body().split("\n\n"));
        assertThat(events).allMatch(event -> event.startsWith("data: "));
        assertThat(events.getLast()).isEqualTo("data: [DONE]");
        var texts = new String[] {"", ""};
        var reasons = new ArrayList<String>();
        JsonObject last = null;
        for (var event : events.subList(0, events.size() - 1)) {
            last = JsonParser.parseString(event.substring("data: ".length())).getAsJsonObject();
            for (var each : last.getAsJsonArray("choices")) {
                var choice = each.getAsJsonObject();
                var delta = choice.getAsJsonObject("delta");
                texts[choice.get("index").getAsInt()] +=
                        delta.has("content") ? delta.get("content").getAsString() : "";
                if (!choice.get("finish_reason").isJsonNull()) {
                    reasons.add(choice.get("finish_reason").getAsString());
                }
            }
        }
        assertThat(texts).containsExactly("one two three", "one two three");
        assertThat(reasons).containsExactly("stop", "stop");
        assertThat(last.getAsJsonArray("choices")).isEmpty();
        assertThat(last.getAsJsonObject("usage").get("completion_tokens").getAsInt())
                .isEqualTo(6);
        assertThat(last.getAsJsonObject("usage").get("prompt_tokens").getAsInt())
                .isEqualTo(3);
        assertThat(lastOpened().getSampling().getSeed()).isEqualTo(6);
    }

    @Test
    void mediaComesAsDataUrlAudioOrFile() throws Exception {
        var png = Base64.getEncoder().encodeToString("png bytes".getBytes());
        var wav = Base64.getEncoder().encodeToString("wav bytes".getBytes());
        var response = chat("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"},"
                + "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64," + png + "\"}},"
                + "{\"type\":\"input_audio\",\"input_audio\":{\"format\":\"wav\",\"data\":\"" + wav + "\"}}]}]");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("x-longreach-receipt").orElse(""))
                .contains("IMAGE", "AUDIO");
    }

    @Test
    void anEarlierConversationIsReadInItsOrder() throws Exception {
        chat("\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"hello\"},"
                + "{\"role\":\"user\",\"content\":\"and now?\"}]");
        assertThat(services.lmCore.rendered.getLast().getTurnsCount()).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"messages\":[] | messages",
                "\"messages\":[{\"role\":\"pope\",\"content\":\"x\"}] | messages[0].role",
                "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}] | messages[0].content[0].type",
                "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":9 | temperature",
                "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":\"hot\" | temperature",
                "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":0 | n",
                "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"top_logprobs\":3 | top_logprobs",
                "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":\"yaml\"}"
                        + " | response_format.type",
                "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                        + "\"image_url\":{\"url\":\"http://127.0.0.1/x.png\"}}]}] | messages[0].content[0].image_url.url",
                "\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"x\"}] | messages[0].tool_call_id"
            })
    void whatIsWrongIsNamedAsOpenAiWould(String body, String param) throws Exception {
        var response = chat(body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        var error = RunningGateway.json(response).getAsJsonObject("error");
        assertThat(error.get("type").getAsString()).isEqualTo("invalid_request_error");
        assertThat(error.get("param").getAsString()).isEqualTo(param);
        assertThat(error.get("message").getAsString()).contains("expected");
    }

    @Test
    void keysModelsAndRoutesFailAsClientsExpect() throws Exception {
        var noKey = gateway.post("/openai/v1/chat/completions", "{}");
        assertThat(noKey.statusCode()).isEqualTo(401);
        assertThat(noKey.body()).contains("\"code\":\"invalid_api_key\"");
        var noModel = post("/openai/v1/chat/completions", "{\"model\":\"gpt-9\"," + user("x") + "}");
        assertThat(noModel.statusCode()).isEqualTo(404);
        assertThat(noModel.body()).contains("\"code\":\"model_not_found\"");
        assertThat(post("/openai/v1/nothing", "{}").body()).contains("\"error\":{\"message\":");
        assertThat(post("/v1beta/openai/chat/completions", "{\"model\":\"tiny-words\"," + user("x") + "}")
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void modelsAreListed() throws Exception {
        var response = gateway.send(gateway.request("/openai/v1/models")
                .header("Authorization", "Bearer secret")
                .GET()
                .build());
        assertThat(response.body()).contains("\"id\":\"tiny-words\"", "\"id\":\"" + FakeEmbedder.MODEL + "\"");
    }

    @Test
    void embeddingsComeAsNumbersOrBase64() throws Exception {
        var numbers = RunningGateway.json(
                post("/openai/v1/embeddings", "{\"model\":\"" + FakeEmbedder.MODEL + "\",\"input\":[\"a b\",\"c\"]}"));
        assertThat(numbers.getAsJsonArray("data")).hasSize(2);
        assertThat(numbers.getAsJsonObject("usage").get("prompt_tokens").getAsInt())
                .isEqualTo(7);
        var packed = RunningGateway.json(post(
                "/openai/v1/embeddings",
                "{\"model\":\"" + FakeEmbedder.MODEL
                        + "\",\"input\":\"a b\",\"encoding_format\":\"base64\",\"dimensions\":3}"));
        var bytes = Base64.getDecoder()
                .decode(packed.getAsJsonArray("data")
                        .get(0)
                        .getAsJsonObject()
                        .get("embedding")
                        .getAsString());
        assertThat(bytes).hasSize(12);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "json | {\"text\":",
                "text | heard",
                "srt | 1\\n00:00:0",
                "vtt | WEBVTT\\n\\n00:00:0",
                "verbose_json | {\"task\":\"transcribe\",\"language\":\"english\""
            })
    void recordingsAreTranscribed(String form, String beginning) throws Exception {
        var response = transcribe(form, "talk.wav", "wav bytes");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.body()).startsWith(beginning.replace("\\n", "\n")).contains("wav bytes");
    }

    @Test
    void whatIsNoRecordingIsNotTranscribed() throws Exception {
        assertThat(transcribe("json", "talk.png", "png").statusCode()).isEqualTo(400);
        assertThat(transcribe("yaml", "talk.wav", "wav").body()).contains("\"param\":\"response_format\"");
        assertThat(transcribe("json", "talk.wav", "").body()).contains("\"param\":\"file\"");
    }

    private static HttpResponse<String> transcribe(String form, String name, String bytes) throws Exception {
        var body = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b\r\n"
                + "Content-Disposition: form-data; name=\"file\"; filename=\"" + name
                + "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + bytes + "\r\n--b\r\n"
                + "Content-Disposition: form-data; name=\"response_format\"\r\n\r\n" + form + "\r\n--b--\r\n";
        return gateway.send(gateway.request("/openai/v1/audio/transcriptions")
                .header("Authorization", "Bearer secret")
                .header("Content-Type", "multipart/form-data; boundary=b")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build());
    }
}
