package longreach.tests.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A headless Chromium with one page, driven over its DevTools protocol. Collects what the page reports as errors. */
final class Browser implements AutoCloseable {
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome");
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Process process;
    private final Path profile;
    private final HttpClient http = HttpClient.newHttpClient();
    private final WebSocket socket;
    private final AtomicInteger ids = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> replies = new ConcurrentHashMap<>();
    private final List<String> errors = java.util.Collections.synchronizedList(new ArrayList<>());

    /** The browser's program, if this machine has one. */
    static Optional<Path> program() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(java.io.File.pathSeparator))
                .filter(directory -> !directory.isEmpty())
                .flatMap(directory -> NAMES.stream().map(name -> Path.of(directory, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** @param profile an empty directory of its own; the caller deletes it */
    Browser(Path program, Path profile, int width, int height) throws IOException, InterruptedException {
        this.profile = profile;
        process = new ProcessBuilder(
                        program.toString(),
                        "--headless=new",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--remote-debugging-port=0",
                        "--remote-allow-origins=*",
                        "--user-data-dir=" + profile,
                        "--window-size=" + width + "," + height,
                        "about:blank")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        socket = http.newWebSocketBuilder().buildAsync(page(), new Listener()).join();
        send("Page.enable", Map.of());
        send("Runtime.enable", Map.of());
        send("Log.enable", Map.of());
    }

    private URI page() throws IOException, InterruptedException {
        Path portFile = profile.resolve("DevToolsActivePort");
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            if (Files.isRegularFile(portFile) && Files.readAllLines(portFile).size() >= 2) {
                String port = Files.readAllLines(portFile).getFirst();
                var targets = http.send(
                        java.net.http.HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/list"))
                                .build(),
                        java.net.http.HttpResponse.BodyHandlers.ofString());
                for (JsonNode target : JSON.readTree(targets.body())) {
                    if (target.path("type").asString("").equals("page")) {
                        return URI.create(target.path("webSocketDebuggerUrl").asString(""));
                    }
                }
            }
            if (!process.isAlive() || System.nanoTime() > deadline) {
                throw new IOException(
                        "the browser did not start: exit " + (process.isAlive() ? "none" : process.exitValue()));
            }
            Thread.sleep(50);
        }
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder message = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            message.append(data);
            if (last) {
                received(JSON.readTree(message.toString()));
                message.setLength(0);
            }
            socket.request(1);
            return null;
        }
    }

    private void received(JsonNode message) {
        if (message.has("id")) {
            var reply = replies.remove(message.path("id").asInt(0));
            if (reply != null) {
                reply.complete(message);
            }
            return;
        }
        JsonNode params = message.path("params");
        switch (message.path("method").asString("")) {
            case "Runtime.exceptionThrown" ->
                errors.add(params.path("exceptionDetails").toString());
            case "Log.entryAdded" -> {
                if (params.path("entry").path("level").asString("").equals("error")) {
                    errors.add(params.path("entry").toString());
                }
            }
            default -> {}
        }
    }

    private JsonNode send(String method, Map<String, Object> params) {
        int id = ids.incrementAndGet();
        var reply = new CompletableFuture<JsonNode>();
        replies.put(id, reply);
        socket.sendText(JSON.writeValueAsString(Map.of("id", id, "method", method, "params", params)), true)
                .join();
        try {
            JsonNode message = reply.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (message.has("error")) {
                throw new IllegalStateException(method + ": " + message.path("error"));
            }
            return message.path("result");
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new IllegalStateException(method + ": no reply", e);
        }
    }

    void open(String url) {
        send("Page.navigate", Map.of("url", url));
        await("document.readyState === 'complete' && location.href.startsWith('" + url + "')");
    }

    /** The value of an expression, promises awaited. */
    JsonNode evaluate(String expression) {
        JsonNode result =
                send("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
        if (result.has("exceptionDetails")) {
            throw new IllegalStateException(expression + ": " + result.path("exceptionDetails"));
        }
        return result.path("result").path("value");
    }

    String text(String selector) {
        return evaluate("[...document.querySelectorAll('" + selector + "')].map(e => e.textContent).join('\\n')")
                .asString("");
    }

    /** Waits until an expression is true. */
    void await(String condition) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!evaluate("!!(" + condition + ")").asBoolean(false)) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError(condition + ": not in " + PATIENCE + "; the page says "
                        + evaluate("document.body.innerText").asString("") + "; errors " + errors);
            }
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }
    }

    /** Gives a file to the page's file picker. The browser takes no path with links or dots in it. */
    void choose(String selector, Path file) throws IOException {
        JsonNode document = send("DOM.getDocument", Map.of());
        JsonNode node = send(
                "DOM.querySelector",
                Map.of("nodeId", document.path("root").path("nodeId").asInt(0), "selector", selector));
        send(
                "DOM.setFileInputFiles",
                Map.of(
                        "files",
                        List.of(file.toRealPath().toString()),
                        "nodeId",
                        node.path("nodeId").asInt(0)));
    }

    /** Types into the element that has the focus. */
    void type(String text) {
        send("Input.insertText", Map.of("text", text));
    }

    void press(String key, int code) {
        for (String type : List.of("keyDown", "keyUp")) {
            send(
                    "Input.dispatchKeyEvent",
                    Map.of("type", type, "key", key, "code", key, "windowsVirtualKeyCode", code));
        }
    }

    void size(int width, int height, boolean mobile) {
        send(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", mobile));
    }

    void darkMode(boolean dark) {
        send(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
    }

    void screenshot(Path png) {
        try {
            String data = send("Page.captureScreenshot", Map.of("format", "png"))
                    .path("data")
                    .asString("");
            Files.createDirectories(png.toAbsolutePath().getParent());
            Files.write(png, Base64.getDecoder().decode(data));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the page and its console have reported as errors so far. */
    List<String> errors() {
        synchronized (errors) {
            return List.copyOf(errors);
        }
    }

    @Override
    public void close() {
        socket.abort();
        // Its helpers leave with it; those that do not are ended too, so that the profile can be deleted.
        List<ProcessHandle> helpers = process.descendants().toList();
        process.destroyForcibly();
        helpers.forEach(ProcessHandle::destroyForcibly);
        process.onExit().join();
        helpers.forEach(helper -> helper.onExit().join());
        http.close();
    }
}
