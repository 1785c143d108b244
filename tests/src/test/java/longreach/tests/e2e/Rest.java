package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A plain HTTP client of the Gemini routes, without the project's own client code. */
final class Rest implements AutoCloseable {
    static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final HttpClient http = HttpClient.newHttpClient();
    private final String url;
    private final String key;

    record Reply(int status, JsonNode body) {
        String errorStatus() {
            return body.path("error").path("status").asString("");
        }

        String errorMessage() {
            return body.path("error").path("message").asString("");
        }
    }

    Rest(String url, String key) {
        this.url = url;
        this.key = key;
    }

    Reply get(String path) {
        return send(request(path).GET());
    }

    Reply post(String path, String body) {
        return send(request(path).header("Content-Type", "application/json").POST(BodyPublishers.ofString(body)));
    }

    Reply delete(String path) {
        return send(request(path).DELETE());
    }

    /** In one chunk by the resumable protocol. */
    Reply upload(String name, String mimeType, byte[] bytes) {
        var opened = exchange(request("/upload/v1beta/files")
                .header("X-Goog-Upload-Protocol", "resumable")
                .header("X-Goog-Upload-Command", "start")
                .header("X-Goog-Upload-Header-Content-Length", Integer.toString(bytes.length))
                .header("X-Goog-Upload-Header-Content-Type", mimeType)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString("{\"file\":{\"displayName\":\"" + name + "\"}}"))
                .build());
        var target = opened.headers().firstValue("x-goog-upload-url");
        if (target.isEmpty()) {
            return new Reply(opened.statusCode(), JSON.readTree(opened.body()));
        }
        return send(HttpRequest.newBuilder(URI.create(target.get()))
                .header("x-goog-api-key", key)
                .header("X-Goog-Upload-Command", "upload, finalize")
                .header("X-Goog-Upload-Offset", "0")
                .POST(BodyPublishers.ofByteArray(bytes)));
    }

    /** Uploads and waits until the file is no longer PROCESSING. */
    JsonNode ingest(Path path, String mimeType) throws IOException {
        var reply = upload(path.getFileName().toString(), mimeType, Files.readAllBytes(path));
        assertThat(reply.status()).as("%s", reply.body()).isEqualTo(200);
        return await(reply.body().path("file"));
    }

    JsonNode await(JsonNode uploaded) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        JsonNode file = uploaded;
        while ("PROCESSING".equals(file.path("state").asString(""))) {
            assertThat(System.nanoTime()).as("still PROCESSING: %s", file).isLessThan(deadline);
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            file = get("/v1beta/" + file.path("name").asString()).body();
        }
        return file;
    }

    static ObjectNode question(JsonNode file, String question) {
        ObjectNode body = JSON.createObjectNode();
        var parts = body.putArray("contents").addObject().put("role", "user").putArray("parts");
        parts.addObject()
                .putObject("fileData")
                .put("mimeType", file.path("mimeType").asString())
                .put("fileUri", file.path("uri").asString());
        parts.addObject().put("text", question);
        body.putObject("generationConfig").put("temperature", 0).put("maxOutputTokens", 24);
        return body;
    }

    Reply generate(JsonNode body) {
        return post("/v1beta/models/smollm2-135m:generateContent", JSON.writeValueAsString(body));
    }

    /** The events of a streamed answer. */
    List<JsonNode> stream(JsonNode body) {
        var response = exchange(request("/v1beta/models/smollm2-135m:streamGenerateContent?alt=sse")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)))
                .build());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        var events = new ArrayList<JsonNode>();
        for (String line : response.body().split("\n\n")) {
            assertThat(line).startsWith("data: ");
            events.add(JSON.readTree(line.substring("data: ".length())));
        }
        return events;
    }

    static String text(JsonNode response) {
        return response.path("candidates")
                .path(0)
                .path("content")
                .path("parts")
                .path(0)
                .path("text")
                .asString("");
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(url + path)).header("x-goog-api-key", key);
    }

    private Reply send(HttpRequest.Builder request) {
        var response = exchange(request.build());
        return new Reply(
                response.statusCode(),
                response.body().isEmpty() ? JSON.createObjectNode() : JSON.readTree(response.body()));
    }

    private java.net.http.HttpResponse<String> exchange(HttpRequest request) {
        try {
            return http.send(request, BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(request.uri() + ": " + e, e);
        }
    }

    @Override
    public void close() {
        http.close();
    }
}
