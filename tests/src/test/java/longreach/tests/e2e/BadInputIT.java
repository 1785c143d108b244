package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import javax.imageio.ImageIO;
import longreach.standalone.StandaloneServer;
import org.apache.pdfbox.Loader;
import org.apache.pdfbox.pdmodel.encryption.AccessPermission;
import org.apache.pdfbox.pdmodel.encryption.StandardProtectionPolicy;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Whatever is wrong with a request has a typed error that names the value, and the server goes on. */
class BadInputIT {
    @TempDir
    static Path data;

    private static StandaloneServer server;
    private static Rest rest;

    @BeforeAll
    static void start() {
        TestWeights.require();
        server = StandaloneServer.start(data, Map.of("gateway.api-key", "right-key"));
        rest = new Rest(server.url(), "right-key");
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            rest.close();
            server.close();
        }
    }

    @AfterEach
    void theServerGoesOnAndKeepsNothing() {
        var answer = rest.post("/v1beta/models/smollm2-135m:generateContent", """
                {"contents":[{"parts":[{"text":"Hello"}]}],"generationConfig":{"maxOutputTokens":2}}""");
        assertThat(answer.status()).as("%s", answer.body()).isEqualTo(200);
        var files = rest.get("/v1beta/files").body();
        assertThat(files.path("files")).as("%s", files).isEmpty();
    }

    @Test
    void emptyFile() {
        assertRefused(rest.upload("empty.pdf", "application/pdf", new byte[0]), "empty.pdf");
    }

    @Test
    void truncatedVideo() throws IOException {
        byte[] whole = Files.readAllBytes(TestWeights.sample("talk.mp4"));
        assertRefused(rest.upload("cut.mp4", "video/mp4", Arrays.copyOf(whole, 4000)), "");
    }

    @Test
    void documentWithPassword() throws IOException {
        var out = new ByteArrayOutputStream();
        try (var document = Loader.loadPDF(TestWeights.sample("report.pdf").toFile())) {
            document.protect(new StandardProtectionPolicy("owner", "secret", new AccessPermission()));
            document.save(out);
        }
        assertRefused(rest.upload("locked.pdf", "application/pdf", out.toByteArray()), "password");
    }

    @Test
    void imageOfOnePixel() throws IOException {
        var out = new ByteArrayOutputStream();
        ImageIO.write(new java.awt.image.BufferedImage(1, 1, java.awt.image.BufferedImage.TYPE_INT_RGB), "png", out);
        String body = """
                {"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"%s"}},{"text":"What is it?"}]}]}""".formatted(Base64.getEncoder().encodeToString(out.toByteArray()));
        assertError(rest.post("/v1beta/models/smollm2-135m:generateContent", body), 400, null, "");
    }

    @Test
    void unsupportedMediaType() {
        byte[] bytes = "MZ, not a document".getBytes(StandardCharsets.US_ASCII);
        assertRefused(rest.upload("tool.exe", "application/x-msdownload", bytes), "application/x-msdownload");
    }

    @Test
    void brokenBase64() {
        assertError(rest.post("/v1beta/models/smollm2-135m:generateContent", """
                        {"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"%%%"}}]}]}"""), 400, "INVALID_ARGUMENT", "data");
    }

    @Test
    void brokenJson() {
        assertError(
                rest.post("/v1beta/models/smollm2-135m:generateContent", "{\"contents\":["),
                400,
                "INVALID_ARGUMENT",
                "");
    }

    @Test
    void textLongerThanTheContext() {
        String body = Rest.JSON.writeValueAsString(Map.of(
                "longreachContext",
                Map.of("mode", "exact"),
                "contents",
                java.util.List.of(Map.of("parts", java.util.List.of(Map.of("text", "word ".repeat(9000)))))));
        assertError(rest.post("/v1beta/models/smollm2-135m:generateContent", body), 400, "INVALID_ARGUMENT", "8191");
    }

    @Test
    void unknownModel() {
        assertError(rest.post("/v1beta/models/gpt-99:generateContent", """
                        {"contents":[{"parts":[{"text":"Hello"}]}]}"""), 404, "NOT_FOUND", "gpt-99");
    }

    @Test
    void unknownFile() {
        assertError(rest.get("/v1beta/files/nothing-here"), 404, "NOT_FOUND", "nothing-here");
    }

    @Test
    void wrongKey() {
        try (var stranger = new Rest(server.url(), "wrong-key")) {
            var reply = stranger.get("/v1beta/models");
            assertError(reply, 400, "INVALID_ARGUMENT", "key");
            assertThat(reply.body().toString()).contains("API_KEY_INVALID").doesNotContain("wrong-key");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "temperature, -1",
        "temperature, 2.5",
        "topP, 0",
        "topP, 1.4",
        "topK, 0",
        "maxOutputTokens, -5",
        "candidateCount, 99",
        "presencePenalty, 9",
        "logprobs, 99"
    })
    void samplingOutOfRange(String name, String value) {
        assertError(
                rest.post("/v1beta/models/smollm2-135m:generateContent", """
                        {"contents":[{"parts":[{"text":"Hello"}]}],"generationConfig":{"%s":%s}}""".formatted(name, value)),
                400,
                "INVALID_ARGUMENT",
                name);
    }

    /** Refused at once, or FAILED with the reason after a look at it; either way deletable and gone. */
    private static void assertRefused(Rest.Reply reply, String named) {
        if (reply.status() != 200) {
            assertError(reply, 400, "INVALID_ARGUMENT", named);
            return;
        }
        JsonNode file = rest.await(reply.body().path("file"));
        assertThat(file.path("state").asString("")).as("%s", file).isEqualTo("FAILED");
        assertThat(file.path("error").path("message").asString(""))
                .containsIgnoringCase(named)
                .isNotBlank();
        assertThat(rest.delete("/v1beta/" + file.path("name").asString()).status())
                .isEqualTo(200);
    }

    private static void assertError(Rest.Reply reply, int code, String status, String named) {
        assertThat(reply.status()).as("%s", reply.body()).isEqualTo(code);
        if (status != null) {
            assertThat(reply.errorStatus()).isEqualTo(status);
        }
        assertThat(reply.errorMessage()).isNotBlank().containsIgnoringCase(named);
    }
}
