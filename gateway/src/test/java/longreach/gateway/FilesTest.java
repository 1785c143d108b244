package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FilesTest {
    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;

    @BeforeAll
    static void start() throws IOException {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, Map.of("gateway.limits.file", "1MB"));
    }

    @AfterAll
    static void stop() {
        gateway.close();
        services.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static HttpResponse<String> begin(String json, long size, String type) throws Exception {
        var request = gateway.request("/upload/v1/files")
                .header("X-Goog-Upload-Protocol", "resumable")
                .header("X-Goog-Upload-Command", "start")
                .header("X-Goog-Upload-Header-Content-Type", type)
                .header("Content-Type", "application/json");
        if (size >= 0) {
            request.header("X-Goog-Upload-Header-Content-Length", Long.toString(size));
        }
        return gateway.send(
                request.POST(HttpRequest.BodyPublishers.ofString(json)).build());
    }

    private static HttpResponse<String> chunk(String url, String command, Long offset, byte[] bytes) throws Exception {
        var path = url.substring(url.indexOf("/upload/"));
        var request = gateway.request(path).header("X-Goog-Upload-Command", command);
        if (offset != null) {
            request.header("X-Goog-Upload-Offset", offset.toString());
        }
        return gateway.send(
                request.PUT(HttpRequest.BodyPublishers.ofByteArray(bytes)).build());
    }

    private static String header(HttpResponse<String> response, String name) {
        return response.headers().firstValue(name).orElse("");
    }

    private static JsonObject error(HttpResponse<String> response) {
        return RunningGateway.json(response).getAsJsonObject("error");
    }

    @Test
    void chunksMayBeRepeatedAndAreNeverTakenTwice() throws Exception {
        var all = bytes("page one text\fpage two text");
        var start = begin("{\"file\":{\"display_name\":\"two.txt\"}}", all.length, "text/plain");
        assertThat(start.statusCode()).isEqualTo(200);
        assertThat(header(start, "x-goog-upload-status")).isEqualTo("active");
        var url = header(start, "x-goog-upload-url");
        assertThat(url).startsWith("http://127.0.0.1:" + gateway.port + "/upload/v1/files?upload_id=");

        var first = Arrays.copyOf(all, 10);
        assertThat(header(chunk(url, "upload", 0L, first), "x-goog-upload-size-received"))
                .isEqualTo("10");
        assertThat(header(chunk(url, "upload", 0L, first), "x-goog-upload-size-received"))
                .isEqualTo("10");
        var gap = chunk(url, "upload", 15L, new byte[1]);
        assertThat(gap.statusCode()).isEqualTo(400);
        assertThat(error(gap).get("message").getAsString()).contains("15").contains("at most 10");
        assertThat(header(chunk(url, "query", null, new byte[0]), "x-goog-upload-size-received"))
                .isEqualTo("10");
        // Overlaps what is there by five bytes.
        var rest = Arrays.copyOfRange(all, 5, all.length);
        var last = chunk(url, "upload, finalize", 5L, rest);
        assertThat(header(last, "x-goog-upload-status")).isEqualTo("final");
        var again = chunk(url, "upload, finalize", 5L, rest);
        assertThat(header(again, "x-goog-upload-status")).isEqualTo("final");

        var name = RunningGateway.json(last).getAsJsonObject("file").get("name");
        assertThat(RunningGateway.json(again).getAsJsonObject("file").get("name"))
                .isEqualTo(name);
        var file = gateway.settled(name.getAsString());
        assertThat(file.get("state").getAsString()).isEqualTo("ACTIVE");
        assertThat(file.get("displayName").getAsString()).isEqualTo("two.txt");
        assertThat(file.get("sizeBytes").getAsString()).isEqualTo(Integer.toString(all.length));
        assertThat(file.getAsJsonObject("longreachMedia").get("pages").getAsInt())
                .isEqualTo(2);
        var download = gateway.get("/v1beta/" + name.getAsString() + ":download?alt=media");
        assertThat(download.body()).isEqualTo(new String(all, StandardCharsets.UTF_8));
    }

    @Test
    void anUploadThatIsNotWhatItAnnouncedIsRefused() throws Exception {
        var url = header(begin("", 5, "text/plain"), "x-goog-upload-url");
        var more = chunk(url, "upload, finalize", 0L, bytes("longer than five"));
        assertThat(more.statusCode()).isEqualTo(400);
        assertThat(error(more).get("message").getAsString()).contains("at most 5 bytes");
        url = header(begin("", 50, "text/plain"), "x-goog-upload-url");
        assertThat(error(chunk(url, "upload, finalize", 0L, bytes("short")))
                        .get("message")
                        .getAsString())
                .contains("5 bytes received (expected: 50 bytes");
        url = header(begin("", -1, "text/plain"), "x-goog-upload-url");
        assertThat(error(chunk(url, "upload, finalize", 0L, new byte[0]))
                        .get("message")
                        .getAsString())
                .contains("empty");
        assertThat(begin("", 5_000_000, "text/plain").statusCode()).isEqualTo(400);
        assertThat(begin("", 5, "application/zip").statusCode()).isEqualTo(400);
        assertThat(begin("{\"file\":{\"name\":\"files/No Good\"}}", 5, "text/plain")
                        .statusCode())
                .isEqualTo(400);
        assertThat(chunk("/upload/v1/files?upload_id=nonsense", "upload", 0L, bytes("x"))
                        .statusCode())
                .isEqualTo(404);
        var cancelled = header(begin("", 5, "text/plain"), "x-goog-upload-url");
        assertThat(chunk(cancelled, "cancel", null, new byte[0]).statusCode()).isEqualTo(200);
        assertThat(chunk(cancelled, "upload", 0L, bytes("x")).statusCode()).isEqualTo(404);
    }

    @Test
    void addressesFollowTheProxy() throws Exception {
        var start = gateway.send(gateway.request("/upload/v1beta/files")
                .header("X-Goog-Upload-Protocol", "resumable")
                .header("X-Goog-Upload-Command", "start")
                .header("X-Goog-Upload-Header-Content-Type", "text/plain")
                .header("X-Forwarded-Proto", "https")
                .header("X-Forwarded-Host", "reach.example")
                .POST(HttpRequest.BodyPublishers.noBody())
                .build());
        assertThat(header(start, "x-goog-upload-url")).startsWith("https://reach.example/upload/v1beta/files?");
    }

    @Test
    void multipartCarriesMetadataAndAnyBytes() throws Exception {
        var media = new byte[200_000];
        new Random(7).nextBytes(media);
        System.arraycopy(bytes("\r\n--almost\r\n--edgy"), 0, media, 65_000, 18);
        var body = new ByteArrayOutputStream();
        body.writeBytes(bytes("--edge\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
                + "{\"file\":{\"name\":\"files/my-name\",\"displayName\":\"noise.txt\"}}\r\n"
                + "--edge\r\nContent-Type: text/plain\r\n\r\n"));
        body.writeBytes(media);
        body.writeBytes(bytes("\r\n--edge--\r\n"));
        var created = gateway.send(gateway.request("/upload/v1beta/files?uploadType=multipart")
                .header("Content-Type", "multipart/related; boundary=edge")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray()))
                .build());
        assertThat(created.statusCode()).isEqualTo(200);
        var file = RunningGateway.json(created).getAsJsonObject("file");
        assertThat(file.get("name").getAsString()).isEqualTo("files/my-name");
        assertThat(file.get("sizeBytes").getAsString()).isEqualTo("200000");
        try (var content = Files.walk(data)) {
            assertThat(content.filter(path -> path.endsWith("my-name/content")).findFirst())
                    .hasValueSatisfying(path -> assertThat(path).hasBinaryContent(media));
        }
        var cut = gateway.send(gateway.request("/upload/v1beta/files?uploadType=multipart")
                .header("Content-Type", "multipart/related; boundary=edge")
                .POST(HttpRequest.BodyPublishers.ofString("--edge\r\nContent-Type: text/plain\r\n\r\nno end"))
                .build());
        assertThat(cut.statusCode()).isEqualTo(400);
        assertThat(cut.body()).contains("closing boundary");
    }

    @Test
    void mediaThatCannotBeDecodedFailsWithTheReason() throws Exception {
        var file = gateway.file("bad.mp4", "video/mp4", bytes("broken film"));
        assertThat(file.get("state").getAsString()).isEqualTo("FAILED");
        assertThat(file.getAsJsonObject("error").get("message").getAsString()).contains("cut short");
        var asked = gateway.post(
                "/v1beta/models/" + FakeLmCore.MODEL + ":generateContent",
                "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\""
                        + file.get("name").getAsString() + "\"}},{\"text\":\"?\"}]}]}");
        assertThat(asked.statusCode()).isEqualTo(400);
        assertThat(error(asked).get("status").getAsString()).isEqualTo("FAILED_PRECONDITION");
        assertThat(error(asked).get("message").getAsString()).contains("FAILED").contains("cut short");
    }

    @Test
    void sameBytesAreReadOnce() throws Exception {
        gateway.file("a.pdf", "application/pdf", bytes("the same bytes twice"));
        int before = services.vision.encoded.get();
        var second = gateway.file("b.pdf", "application/pdf", bytes("the same bytes twice"));
        assertThat(services.vision.encoded.get()).isEqualTo(before);
        assertThat(second.getAsJsonObject("longreachMedia").get("fromCache").getAsBoolean())
                .isTrue();
    }

    @Test
    void videoMergesWhatIsSeenAndHeardInTime() throws Exception {
        var file = gateway.file("talk.mp4", "video/mp4", bytes("alpha\nbeta"));
        assertThat(file.getAsJsonObject("videoMetadata").get("videoDuration").getAsString())
                .isEqualTo("20s");
        gateway.post(
                "/v1beta/models/" + FakeLmCore.MODEL + ":generateContent",
                "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\""
                        + file.get("name").getAsString() + "\"}},{\"text\":\"What is beta?\"}]}]}");
        var shown = services.lmCore.rendered.getLast().getTurns(0).getParts(0);
        assertThat(shown.getText().strip())
                .isEqualTo("[00:00-00:10] seen alpha\n[00:00-00:10] heard alpha\n[00:10-00:20] seen beta\n"
                        + "[00:10-00:20] heard beta");
        assertThat(shown.getMark().getEndMs()).isGreaterThanOrEqualTo(20_000);
        assertThat(shown.getBoundaryAfter()).isTrue();
    }

    @Test
    void listingPagesThroughEveryFileOnce() throws Exception {
        for (int i = 0; i < 7; i++) {
            gateway.file("n" + i + ".txt", "text/plain", bytes("number " + i));
        }
        var seen = new HashSet<String>();
        var token = "";
        do {
            var page = RunningGateway.json(gateway.get("/v1beta/files?pageSize=3&pageToken=" + token));
            page.getAsJsonArray("files")
                    .forEach(file -> assertThat(
                                    seen.add(file.getAsJsonObject().get("name").getAsString()))
                            .isTrue());
            token = page.has("nextPageToken") ? page.get("nextPageToken").getAsString() : "";
        } while (!token.isEmpty());
        assertThat(seen).hasSizeGreaterThanOrEqualTo(7);
        assertThat(gateway.get("/v1beta/files?pageSize=1000").statusCode()).isEqualTo(400);
        assertThat(gateway.get("/v1beta/files?pageToken=!!").statusCode()).isEqualTo(400);
    }

    @Test
    void deletedFilesAreGone() throws Exception {
        var name = gateway.file("gone.txt", "text/plain", bytes("soon gone"))
                .get("name")
                .getAsString();
        var deleted = gateway.send(gateway.request("/v1beta/" + name).DELETE().build());
        assertThat(deleted.statusCode()).isEqualTo(200);
        assertThat(gateway.get("/v1beta/" + name).statusCode()).isEqualTo(404);
        assertThat(data.resolve("files/default").resolve(name.substring(6))).doesNotExist();
    }

    @Test
    void anUnreadFileGoesOnAfterARestart(@TempDir Path own) throws Exception {
        String name;
        try (var fakes = new FakeServices()) {
            fakes.vision.gate = new CountDownLatch(1);
            try (var first = new RunningGateway(fakes, own, Map.of())) {
                var created = first.send(first.request("/upload/v1beta/files")
                        .header("Content-Type", "application/pdf")
                        .header("X-Goog-Upload-File-Name", "slow.pdf")
                        .POST(HttpRequest.BodyPublishers.ofString("slow page"))
                        .build());
                name = RunningGateway.json(created)
                        .getAsJsonObject("file")
                        .get("name")
                        .getAsString();
                var asked = first.post(
                        "/v1beta/models/" + FakeLmCore.MODEL + ":countTokens",
                        "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"" + name + "\"}}]}]}");
                assertThat(asked.body()).contains("PROCESSING").contains("FAILED_PRECONDITION");
            }
        }
        try (var fakes = new FakeServices();
                var second = new RunningGateway(fakes, own, Map.of())) {
            assertThat(second.settled(name).get("state").getAsString()).isEqualTo("ACTIVE");
        }
        // The encoders and the store are new and empty, or gone: the pieces beside the file are enough.
        try (var fakes = new FakeServices();
                var third = new RunningGateway(
                        fakes,
                        own,
                        Map.of(
                                "gateway.vision-encoder",
                                "in-process:nobody",
                                "gateway.context-store",
                                "in-process:nobody"))) {
            var asked = third.post(
                    "/v1beta/models/" + FakeLmCore.MODEL + ":generateContent",
                    "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"" + name + "\"}},{\"text\":\"?\"}]}]}");
            assertThat(asked.statusCode()).isEqualTo(200);
            assertThat(fakes.vision.encoded.get()).isZero();
        }
    }

    @Test
    void keysAreDemandedAndSeparateTenants(@TempDir Path own) throws Exception {
        try (var locked = new RunningGateway(services, own, Map.of("gateway.api-key", "alpha,beta"))) {
            var none = locked.get("/v1beta/files");
            assertThat(none.statusCode()).isEqualTo(400);
            assertThat(none.body()).contains("API_KEY_INVALID").contains("google.rpc.ErrorInfo");
            assertThat(locked.get("/v1beta/files?key=wrong").statusCode()).isEqualTo(400);
            var created = locked.send(locked.request("/upload/v1beta/files")
                    .header("Content-Type", "text/plain")
                    .header("Authorization", "Bearer alpha")
                    .POST(HttpRequest.BodyPublishers.ofString("mine"))
                    .build());
            var name = RunningGateway.json(created)
                    .getAsJsonObject("file")
                    .get("name")
                    .getAsString();
            assertThat(locked.get("/v1beta/" + name + "?key=alpha").statusCode())
                    .isEqualTo(200);
            assertThat(locked.send(locked.request("/v1beta/" + name)
                                    .header("x-goog-api-key", "beta")
                                    .GET()
                                    .build())
                            .statusCode())
                    .isEqualTo(404);
            assertThat(locked.get("/actuator/health").statusCode()).isEqualTo(200);
        }
    }
}
