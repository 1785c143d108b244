package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bodies that are too large, and bodies that never come. */
class HostileBodiesTest {
    private static final int LIMIT = 100_000;
    /** What lies in the buffers of both ends, and what the container takes before it closes. */
    private static final long BUFFERED = 64 << 20;

    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;

    @BeforeAll
    static void start() throws Exception {
        services = new FakeServices();
        gateway = new RunningGateway(
                services,
                data,
                Map.of(
                        "gateway.limits.request",
                        LIMIT + "B",
                        "gateway.limits.file",
                        LIMIT + "B",
                        "gateway.limits.body-bytes-per-second",
                        "100KB",
                        "gateway.limits.body-grace",
                        "400ms"));
    }

    @AfterAll
    static void stop() {
        gateway.close();
        services.close();
    }

    private static void head(Socket socket, String path, String more) throws IOException {
        socket.getOutputStream()
                .write(("POST " + path + " HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n" + more
                                + "\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
    }

    private static Socket connect() throws IOException {
        var socket = new Socket("127.0.0.1", gateway.port);
        socket.setSoTimeout(120_000);
        return socket;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/v1beta/models/tiny-words:generateContent", "/v1/interactions", "/openai/v1/chat/completions"})
    void oneThatAnnouncesTooMuchIsNotReadAtAll(String path) throws Exception {
        try (var socket = connect()) {
            head(socket, path, "Content-Length: 100000000\r\n");
            // No byte of the body was sent.
            assertThat(firstLine(socket)).contains(" 400");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1beta/models/tiny-words:generateContent", "/upload/v1beta/files"})
    void oneThatDoesNotEndIsStopped(String path) throws Exception {
        try (var socket = connect()) {
            head(socket, path, "Transfer-Encoding: chunked\r\n");
            var block = ("1000\r\n" + "x".repeat(4096) + "\r\n").getBytes(StandardCharsets.US_ASCII);
            long sent = 0;
            try {
                OutputStream out = socket.getOutputStream();
                while (sent < BUFFERED && socket.getInputStream().available() == 0) {
                    out.write(block);
                    sent += 4096;
                }
            } catch (IOException e) {
                // The server has closed its side, which is what it should do.
                assertThat(sent).isGreaterThan(LIMIT / 2);
            }
            assertThat(sent).isLessThan(BUFFERED);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1beta/models/tiny-words:generateContent", "/upload/v1beta/files", "/v1/interactions"})
    void oneThatDripsIsCutOff(String path) throws Exception {
        try (var socket = connect()) {
            head(socket, path, "Content-Length: 90000\r\n");
            var dripping = Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        socket.getOutputStream().write('{');
                        socket.getOutputStream().flush();
                        Thread.sleep(20);
                    }
                } catch (IOException | InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            assertThat(firstLine(socket)).contains(" 504");
            dripping.interrupt();
        }
    }

    @Test
    void oneThatComesInTimeIsRead() throws Exception {
        var body = "{\"contents\":[{\"parts\":[{\"text\":\"in pieces\"}]}]}";
        try (var socket = connect()) {
            head(socket, "/v1beta/models/tiny-words:generateContent", "Content-Length: " + body.length() + "\r\n");
            socket.getOutputStream().write(body.substring(0, 10).getBytes());
            socket.getOutputStream().flush();
            socket.getOutputStream().write(body.substring(10).getBytes());
            assertThat(firstLine(socket)).contains(" 200");
        }
    }

    private static String firstLine(Socket socket) throws IOException {
        var line = new StringBuilder();
        for (int c = socket.getInputStream().read();
                c >= 0 && c != '\n';
                c = socket.getInputStream().read()) {
            line.append((char) c);
        }
        return line.toString();
    }
}
