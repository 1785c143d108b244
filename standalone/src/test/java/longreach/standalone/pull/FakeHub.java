package longreach.standalone.pull;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.json.JsonMapper;

/**
 * A Hugging Face hub on loopback with one repository: lists it, answers small files itself, redirects large ones to
 * another host with their digest in {@code X-Linked-Etag}, honours ranges, and asks for a token when it is gated.
 */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    private static final int LARGE_BYTES = 10_000;

    record Seen(String path, String range, String authorization) {}

    final String repository;
    final Map<String, byte[]> files = new LinkedHashMap<>();
    final ConcurrentLinkedQueue<Seen> seen = new ConcurrentLinkedQueue<>();
    /** Null: open to everyone. */
    volatile String token;

    volatile String mainCommit = COMMIT;
    /** Transfers of large files that end half way. */
    final AtomicInteger breakOffs = new AtomicInteger();
    /** What is said of a file's digest, instead of the truth. */
    final Map<String, String> lies = new LinkedHashMap<>();

    private final HttpServer hub;
    private final HttpServer storage;

    FakeHub(String repository) throws IOException {
        this.repository = repository;
        hub = serve(this::answer);
        storage = serve(
                exchange -> send(exchange, exchange.getRequestURI().getPath().substring(1), true));
    }

    private HttpServer serve(com.sun.net.httpserver.HttpHandler handler) throws IOException {
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            try (exchange) {
                var headers = exchange.getRequestHeaders();
                seen.add(new Seen(
                        exchange.getRequestURI().toString(),
                        headers.getFirst("Range"),
                        headers.getFirst("Authorization")));
                handler.handle(exchange);
            }
        });
        server.start();
        return server;
    }

    URI address() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String list = "/api/models/" + repository + "/revision/";
        String resolve = "/" + repository + "/resolve/";
        if (path.startsWith(list)) {
            if (!List.of("main", mainCommit, COMMIT).contains(path.substring(list.length()))) {
                refuse(exchange, 404, "RevisionNotFound");
                return;
            }
            byte[] body = listing();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        } else if (!path.startsWith(resolve)) {
            refuse(exchange, 401, "RepoNotFound");
        } else {
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            if (token != null && !("Bearer " + token).equals(authorization)) {
                refuse(exchange, authorization == null ? 401 : 403, "GatedRepo");
                return;
            }
            String name = path.substring(path.indexOf('/', resolve.length()) + 1);
            byte[] bytes = files.get(name);
            if (bytes == null) {
                refuse(exchange, 404, "EntryNotFound");
            } else if (bytes.length < LARGE_BYTES) {
                send(exchange, name, false);
            } else {
                exchange.getResponseHeaders().add("X-Linked-Etag", "\"" + digest(name) + "\"");
                exchange.getResponseHeaders().add("X-Linked-Size", Integer.toString(bytes.length));
                exchange.getResponseHeaders().add("X-Repo-Commit", mainCommit);
                exchange.getResponseHeaders()
                        .add(
                                "Location",
                                "http://127.0.0.1:" + storage.getAddress().getPort() + "/" + name);
                exchange.sendResponseHeaders(302, -1);
            }
        }
    }

    private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
        exchange.getResponseHeaders().add("X-Error-Code", code);
        exchange.sendResponseHeaders(status, -1);
    }

    private void send(HttpExchange exchange, String name, boolean mayBreak) throws IOException {
        byte[] bytes = files.get(name);
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null ? 0 : Integer.parseInt(range.substring(6, range.length() - 1));
        if (from > bytes.length || from == bytes.length && from > 0) {
            exchange.getResponseHeaders().add("Content-Range", "bytes */" + bytes.length);
            exchange.sendResponseHeaders(416, -1);
            return;
        }
        if (from > 0) {
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
        }
        int rest = bytes.length - from;
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, rest);
        boolean breaks = mayBreak && breakOffs.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
        exchange.getResponseBody().write(bytes, from, breaks ? rest / 2 : rest);
        exchange.getResponseBody().flush();
        if (breaks) {
            throw new IOException("broken off");
        }
    }

    /** As the hub answers with blobs=true. */
    byte[] listing() {
        var root = JsonMapper.shared().createObjectNode();
        root.put("id", repository).put("sha", mainCommit).put("gated", token == null ? "false" : "manual");
        var siblings = root.putArray("siblings");
        files.forEach((name, bytes) -> {
            var file = siblings.addObject().put("rfilename", name).put("size", bytes.length);
            if (bytes.length < LARGE_BYTES) {
                file.put(
                        "blobId",
                        lies.getOrDefault(
                                name,
                                hex("SHA-1", ("blob " + bytes.length + "\0").getBytes(StandardCharsets.UTF_8), bytes)));
            } else {
                file.put("blobId", "f".repeat(40));
                file.putObject("lfs")
                        .put("sha256", digest(name))
                        .put("size", bytes.length)
                        .put("pointerSize", 134);
            }
        });
        return JsonMapper.shared().writeValueAsBytes(root);
    }

    private String digest(String name) {
        return lies.getOrDefault(name, hex("SHA-256", files.get(name)));
    }

    static String hex(String algorithm, byte[]... parts) {
        try {
            var digest = MessageDigest.getInstance(algorithm);
            for (byte[] part : parts) {
                digest.update(part);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        storage.stop(0);
    }
}
