package longreach.standalone;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** As much of a Gemini REST client as the command line needs. Blocking; errors are {@link CommandException}s. */
final class GeminiClient implements AutoCloseable {
    static final JsonMapper JSON = JsonMapper.builder().build();

    private static final int UPLOAD_BYTES = 8 << 20;
    private static final Duration PROBE = Duration.ofSeconds(2);

    private final String url;
    private final String key;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PROBE)
            .build();

    /** @param url {@code http://HOST:PORT} */
    GeminiClient(String url, String key) {
        this.url = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        this.key = key == null || key.isBlank() ? "local" : key;
        String scheme = URI.create(this.url).getScheme();
        if (!"http".equals(scheme) && !"https".equals(scheme)) {
            throw CommandException.failed("--url " + url + " (expected: http://HOST:PORT)");
        }
    }

    String url() {
        return url;
    }

    /** Whether a server answers there at once, with or without accepting the key. */
    boolean answers() {
        try {
            var probe = request("/v1beta/models").timeout(PROBE).GET().build();
            int status = http.send(probe, BodyHandlers.discarding()).statusCode();
            return status == 200 || status == 400 || status == 401 || status == 403;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    JsonNode models() {
        return get("/v1beta/models?pageSize=1000");
    }

    JsonNode file(String name) {
        return get("/v1beta/" + name);
    }

    /** The server's copy of these bytes, unless it failed to read them. */
    Optional<JsonNode> findFile(byte[] sha256, String mimeType) {
        String hex = java.util.HexFormat.of().formatHex(sha256);
        String page = "";
        do {
            JsonNode answer = get("/v1beta/files?pageSize=100" + (page.isEmpty() ? "" : "&pageToken=" + page));
            for (JsonNode file : answer.path("files")) {
                if (!"FAILED".equals(file.path("state").asString(""))
                        && mimeType.equals(file.path("mimeType").asString(""))
                        && isDigest(file.path("sha256Hash").asString(""), sha256, hex)) {
                    return Optional.of(file);
                }
            }
            page = answer.path("nextPageToken").asString("");
        } while (!page.isEmpty());
        return Optional.empty();
    }

    // Gemini gives base64 of the hexadecimal digits; plain base64 and plain hexadecimal are read too.
    private static boolean isDigest(String given, byte[] sha256, String hex) {
        var base64 = Base64.getEncoder();
        return given.equalsIgnoreCase(hex)
                || given.equals(base64.encodeToString(sha256))
                || given.equals(base64.encodeToString(hex.getBytes(StandardCharsets.US_ASCII)));
    }

    /** Uploads by the resumable protocol; returns the file, which is usually still PROCESSING. */
    JsonNode upload(Path path, String mimeType, Consumer<Long> sent) {
        try (var channel = FileChannel.open(path)) {
            long size = channel.size();
            ObjectNode start = JSON.createObjectNode();
            start.putObject("file").put("displayName", path.getFileName().toString());
            HttpResponse<InputStream> opened = send(request("/upload/v1beta/files")
                    .header("X-Goog-Upload-Protocol", "resumable")
                    .header("X-Goog-Upload-Command", "start")
                    .header("X-Goog-Upload-Header-Content-Length", Long.toString(size))
                    .header("X-Goog-Upload-Header-Content-Type", mimeType)
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(JSON.writeValueAsString(start)))
                    .build());
            JsonNode none = body(opened);
            String target = opened.headers()
                    .firstValue("x-goog-upload-url")
                    .orElseThrow(() -> CommandException.failed(url + ": gave no upload address: " + none));
            long offset = 0;
            while (true) {
                int length = (int) Math.min(UPLOAD_BYTES, size - offset);
                var part = ByteBuffer.allocate(length);
                while (part.hasRemaining() && channel.read(part, offset + part.position()) >= 0) {}
                boolean last = offset + length >= size;
                JsonNode answer = body(send(HttpRequest.newBuilder(URI.create(target))
                        .header("x-goog-api-key", key)
                        .header("X-Goog-Upload-Command", last ? "upload, finalize" : "upload")
                        .header("X-Goog-Upload-Offset", Long.toString(offset))
                        .POST(BodyPublishers.ofByteArray(part.array()))
                        .build()));
                offset += length;
                sent.accept(offset);
                if (last) {
                    return answer.path("file");
                }
            }
        } catch (IOException e) {
            throw CommandException.failed(path + ": cannot be read: " + e, e);
        }
    }

    void delete(String name) {
        body(send(request("/v1beta/" + name).DELETE().build()));
    }

    /** All items of a list, page by page. */
    ArrayNode all(String path, String field, int pageSize) {
        var items = JSON.createArrayNode();
        String page = "";
        do {
            JsonNode answer = get(path + "?pageSize=" + pageSize + (page.isEmpty() ? "" : "&pageToken=" + page));
            answer.path(field).forEach(items::add);
            page = answer.path("nextPageToken").asString("");
        } while (!page.isEmpty());
        return items;
    }

    JsonNode post(String path, JsonNode body) {
        return send(path, "POST", body);
    }

    JsonNode patch(String path, JsonNode body) {
        return send(path, "PATCH", body);
    }

    private JsonNode send(String path, String method, JsonNode body) {
        return body(send(request(path)
                .header("Content-Type", "application/json")
                .method(method, BodyPublishers.ofString(JSON.writeValueAsString(body)))
                .build()));
    }

    /** The same conversation with one more turn. */
    static ObjectNode next(ObjectNode body, String role, String text) {
        ((ArrayNode) body.path("contents"))
                .addObject()
                .put("role", role)
                .putArray("parts")
                .addObject()
                .put("text", text);
        return body;
    }

    /** A request body for one question about uploaded files. */
    static ObjectNode question(List<JsonNode> files, String question, int maxTokens) {
        ObjectNode body = JSON.createObjectNode();
        var content = body.putArray("contents").addObject().put("role", "user");
        var parts = content.putArray("parts");
        for (JsonNode file : files) {
            parts.addObject()
                    .putObject("fileData")
                    .put("mimeType", file.path("mimeType").asString())
                    .put("fileUri", file.path("uri").asString());
        }
        parts.addObject().put("text", question);
        body.putObject("generationConfig").put("temperature", 0).put("maxOutputTokens", maxTokens);
        return body;
    }

    /** Streams one answer; {@code text} gets each piece as it comes. */
    Answer stream(String model, ObjectNode body, Consumer<String> text) {
        long started = System.nanoTime();
        HttpResponse<InputStream> response = send(request("/v1beta/models/" + model + ":streamGenerateContent?alt=sse")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)))
                .build());
        if (response.statusCode() != 200) {
            body(response);
        }
        var collected = new Answer.Collector(started);
        try (var lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("data: ")) {
                    JsonNode event = JSON.readTree(line.substring("data: ".length()));
                    if (event.has("error")) {
                        throw error(event);
                    }
                    String piece = collected.add(event);
                    if (!piece.isEmpty()) {
                        text.accept(piece);
                    }
                }
            }
        } catch (IOException | JacksonException e) {
            throw CommandException.failed(url + ": the answer broke off: " + e.getMessage(), e);
        }
        return collected.finish();
    }

    private JsonNode get(String path) {
        return body(send(request(path).GET().build()));
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(url + path)).header("x-goog-api-key", key);
    }

    private HttpResponse<InputStream> send(HttpRequest request) {
        try {
            return http.send(request, BodyHandlers.ofInputStream());
        } catch (IOException e) {
            throw CommandException.failed(url + ": no answer: " + e, e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static CommandException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return CommandException.failed("interrupted", e);
    }

    private JsonNode body(HttpResponse<InputStream> response) {
        try (InputStream in = response.body()) {
            byte[] bytes = in.readAllBytes();
            if (bytes.length == 0 && response.statusCode() < 300) {
                return JSON.createObjectNode();
            }
            JsonNode json = JSON.readTree(bytes);
            if (response.statusCode() >= 300) {
                throw error(json);
            }
            return json;
        } catch (IOException | JacksonException e) {
            throw CommandException.failed(url + ": HTTP " + response.statusCode() + ", not JSON", e);
        }
    }

    private static CommandException error(JsonNode body) {
        JsonNode error = body.path("error");
        return CommandException.failed(error.path("message").asString("no message") + " ["
                + error.path("status").asString("UNKNOWN") + "]");
    }

    /** The media type that a file's name says. */
    static String mimeType(Path path) {
        String name = path.getFileName().toString();
        String extension = name.substring(name.lastIndexOf('.') + 1).toLowerCase(java.util.Locale.ROOT);
        return switch (extension) {
            case "pdf" -> "application/pdf";
            case "mp4", "m4v" -> "video/mp4";
            case "mov" -> "video/quicktime";
            case "webm" -> "video/webm";
            case "mkv" -> "video/x-matroska";
            case "avi" -> "video/x-msvideo";
            case "mpg", "mpeg" -> "video/mpeg";
            case "mp3" -> "audio/mpeg";
            case "wav" -> "audio/wav";
            case "flac" -> "audio/flac";
            case "ogg", "oga", "opus" -> "audio/ogg";
            case "m4a" -> "audio/mp4";
            case "aac" -> "audio/aac";
            case "png" -> "image/png";
            case "jpg", "jpeg" -> "image/jpeg";
            case "webp" -> "image/webp";
            case "gif" -> "image/gif";
            case "bmp" -> "image/bmp";
            case "tif", "tiff" -> "image/tiff";
            case "txt", "log" -> "text/plain";
            case "md" -> "text/markdown";
            case "csv" -> "text/csv";
            case "html", "htm" -> "text/html";
            case "docx" -> "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
            case "pptx" -> "application/vnd.openxmlformats-officedocument.presentationml.presentation";
            case "xlsx" -> "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            case "doc" -> "application/msword";
            case "ppt" -> "application/vnd.ms-powerpoint";
            case "xls" -> "application/vnd.ms-excel";
            case "odt" -> "application/vnd.oasis.opendocument.text";
            case "odp" -> "application/vnd.oasis.opendocument.presentation";
            case "ods" -> "application/vnd.oasis.opendocument.spreadsheet";
            case "epub" -> "application/epub+zip";
            case "rtf" -> "application/rtf";
            default ->
                throw CommandException.failed(
                        path
                                + ": unknown kind of file (expected: a document (.pdf, .docx, .pptx, .xlsx, .txt, .md, .html), recording (.mp3, .wav, .flac,"
                                + " .ogg, .m4a), video (.mp4, .mov, .webm, .mkv) or image (.png, .jpg, .webp, .gif, .bmp, .tif))");
        };
    }

    /** A person's file, or an error that says what is wrong with it. */
    static Path checked(Path path) {
        if (!Files.isRegularFile(path) || !Files.isReadable(path)) {
            throw CommandException.failed(path + ": no readable file");
        }
        return path;
    }

    /** Titles of files, for lists. */
    static List<String> names(JsonNode array, String field) {
        var names = new ArrayList<String>();
        array.forEach(item -> names.add(item.path(field).asString("")));
        return names;
    }

    @Override
    public void close() {
        http.close();
    }
}
