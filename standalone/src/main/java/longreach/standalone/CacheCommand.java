package longreach.standalone;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.StringJoiner;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Cached contents: prefilled once, in the background, and asked many times. */
@Command(name = "cache", description = "List, make, extend, ask and erase cached contents.")
final class CacheCommand implements Runnable {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(s|m|h|d)");

    @Mixin
    private ClientOptions client;

    @Override
    public void run() {
        list(client);
    }

    @Command(name = "list", mixinStandardHelpOptions = true, description = "List the cached contents.")
    void list(@Mixin ClientOptions client) {
        try (var session = client.open()) {
            var contents = session.client().all("/v1beta/cachedContents", "cachedContents", 1000);
            if (client.json) {
                ClientOptions.print(contents);
                return;
            }
            contents.forEach(CacheCommand::show);
            if (contents.isEmpty()) {
                System.err.println("no cached contents");
            }
        }
    }

    @Command(
            name = "create",
            mixinStandardHelpOptions = true,
            description = "Read files and prefill them; every question then costs only itself.")
    void create(
            @Mixin ClientOptions client,
            @Parameters(arity = "1..*", paramLabel = "FILE") List<Path> paths,
            @Option(names = "--ttl", paramLabel = "TIME", description = "How long it lives: 90s, 30m, 12h, 7d.")
                    String ttl,
            @Option(names = "--name", paramLabel = "TEXT", description = "What people call it.") String displayName,
            @Option(names = "--system", paramLabel = "TEXT", description = "How the model should behave.")
                    String system,
            @Option(
                            names = "--no-wait",
                            description = "Do not wait for the prefill; `cache get` says how far a running server is.")
                    boolean leaves) {
        paths.forEach(path -> GeminiClient.mimeType(GeminiClient.checked(path)));
        ObjectNode body = GeminiClient.JSON
                .createObjectNode()
                .put("model", "models/" + client.server.servedModel())
                .put("longreachBackground", true);
        if (ttl != null) {
            body.put("ttl", seconds(ttl));
        }
        if (displayName != null) {
            body.put("displayName", displayName);
        }
        if (system != null) {
            body.putObject("systemInstruction").putArray("parts").addObject().put("text", system);
        }
        try (var session = client.open()) {
            var parts =
                    body.putArray("contents").addObject().put("role", "user").putArray("parts");
            for (Path path : paths) {
                JsonNode file = session.ingest(path);
                parts.addObject()
                        .putObject("fileData")
                        .put("mimeType", file.path("mimeType").asString())
                        .put("fileUri", file.path("uri").asString());
            }
            if (leaves && session.own() != null) {
                throw CommandException.usage("--no-wait: no server runs (expected: `longreach up`, or --url)");
            }
            JsonNode made = session.client().post("/v1beta/cachedContents", body);
            print(client, leaves ? made : awaitReady(session, made));
        }
    }

    @Command(
            name = "wait",
            mixinStandardHelpOptions = true,
            description = "Wait until one is prefilled, and show how far it is.")
    void await(@Mixin ClientOptions client, @Parameters(paramLabel = "cachedContents/NAME") String name) {
        try (var session = client.open()) {
            print(client, awaitReady(session, session.client().file(qualified(name))));
        }
    }

    /** Shows how far a prefill in the background is, until it is over. It goes on without who waits. */
    private static JsonNode awaitReady(Session session, JsonNode made) {
        String name = made.path("name").asString();
        JsonNode content = made;
        try (var progress = new Progress(
                "prefilling", made.path("longreachProgress").path("totalTokens").asLong(0), "tokens", 1)) {
            while (true) {
                JsonNode at = content.path("longreachProgress");
                switch (at.path("state").asString("")) {
                    case "FAILED" ->
                        throw CommandException.failed(
                                name + ": " + at.path("error").path("message").asString("no reason given"));
                    case "QUEUED", "PREFILLING" ->
                        progress.at(at.path("doneTokens").asLong(0), described(at));
                    default -> {
                        if (at.path("restoredTokens").asInt(0) > 0) {
                            progress.done(at.path("restoredTokens").asInt() + " tokens were in the store already");
                        }
                        return content;
                    }
                }
                Thread.sleep(POLL);
                content = session.client().file(name);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted; the prefill goes on while a server runs", e);
        }
    }

    /** "1234 tokens/s, 2 min left", and what went wrong before. */
    private static String described(JsonNode progress) {
        var said = new StringJoiner(", ");
        if (progress.path("state").asString("").equals("QUEUED")) {
            said.add("waiting for a server");
        }
        if (progress.path("tokensPerSecond").asDouble(0) > 0) {
            said.add(Math.round(progress.path("tokensPerSecond").asDouble()) + " tokens/s");
        }
        double left = progress.path("secondsLeft").asDouble(0);
        if (left > 0) {
            said.add(
                    left > 5400
                            ? Math.round(left / 3600) + " h left"
                            : left > 90 ? Math.round(left / 60) + " min left" : Math.round(left) + " s left");
        }
        if (progress.path("attempts").asInt(0) > 1) {
            said.add("attempt " + progress.path("attempts").asInt());
        }
        if (progress.has("error")) {
            said.add(progress.path("error").path("message").asString(""));
        }
        return said.toString();
    }

    @Command(name = "get", mixinStandardHelpOptions = true, description = "Show one cached content.")
    void get(@Mixin ClientOptions client, @Parameters(paramLabel = "cachedContents/NAME") String name) {
        try (var session = client.open()) {
            print(client, session.client().file(qualified(name)));
        }
    }

    @Command(name = "ask", mixinStandardHelpOptions = true, description = "Ask a question of one.")
    void ask(
            @Mixin ClientOptions client,
            @Parameters(index = "0", paramLabel = "cachedContents/NAME") String name,
            @Parameters(index = "1", paramLabel = "QUESTION") String question,
            @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "96", description = "Longest answer.")
                    int maxTokens) {
        try (var session = client.open()) {
            var body = GeminiClient.question(List.of(), question, maxTokens).put("cachedContent", qualified(name));
            var answer = session.client().stream(client.server.servedModel(), body, piece -> {
                if (!client.json) {
                    System.out.print(piece);
                    System.out.flush();
                }
            });
            if (client.json) {
                ClientOptions.print(answer.json(question));
                return;
            }
            System.out.println();
            answer.sources().forEach(source -> System.out.println("  source: " + source));
            System.err.println(answer.receiptLine());
        }
    }

    @Command(name = "extend", mixinStandardHelpOptions = true, description = "Let one live so long from now.")
    void extend(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "cachedContents/NAME") String name,
            @Option(names = "--ttl", required = true, paramLabel = "TIME", description = "90s, 30m, 12h, 7d.")
                    String ttl) {
        var body = GeminiClient.JSON.createObjectNode().put("ttl", seconds(ttl));
        try (var session = client.open()) {
            print(client, session.client().patch("/v1beta/" + qualified(name) + "?updateMask=ttl", body));
        }
    }

    @Command(
            name = "erase",
            mixinStandardHelpOptions = true,
            description = "Delete one with its chunks, or everything of the key's tenant, and look again.")
    void erase(
            @Mixin ClientOptions client,
            @Parameters(arity = "0..1", paramLabel = "cachedContents/NAME") String name,
            @Option(names = "--all", description = "Files, what was read of them, contents and chunks: everything.")
                    boolean all) {
        if (all == (name != null)) {
            throw CommandException.usage(
                    "cache erase: " + (all ? "both" : "neither") + " a name and --all (expected: one)");
        }
        try (var session = client.open()) {
            var path = all ? "/v1beta/cachedContents:eraseAll" : "/v1beta/" + qualified(name) + ":erase";
            JsonNode erased = session.client().post(path, GeminiClient.JSON.createObjectNode());
            if (client.json) {
                ClientOptions.print(erased);
            } else {
                System.out.printf(
                        "erased %s files, %s chunks, %s records; %s remain%n",
                        erased.path("files").asLong(),
                        erased.path("chunks").asLong(),
                        erased.path("records").asLong(),
                        erased.path("remaining").asLong());
            }
            if (erased.path("remaining").asLong() > 0) {
                throw CommandException.failed("something is still there; it may have been written meanwhile");
            }
        }
    }

    private static String qualified(String name) {
        return name.startsWith("cachedContents/") ? name : "cachedContents/" + name;
    }

    /** As Gemini writes durations. */
    static String seconds(String time) {
        var match = DURATION.matcher(time);
        if (!match.matches()) {
            throw CommandException.usage("--ttl: " + time + " (expected: 90s, 30m, 12h or 7d)");
        }
        long count = Long.parseLong(match.group(1));
        var duration = switch (match.group(2)) {
            case "s" -> Duration.ofSeconds(count);
            case "m" -> Duration.ofMinutes(count);
            case "h" -> Duration.ofHours(count);
            default -> Duration.ofDays(count);
        };
        return duration.toSeconds() + "s";
    }

    private static void print(ClientOptions client, JsonNode content) {
        if (client.json) {
            ClientOptions.print(content);
        } else {
            show(content);
        }
    }

    private static void show(JsonNode content) {
        JsonNode progress = content.path("longreachProgress");
        System.out.printf(
                "%s  %8d tokens  %s  %s  %s%n",
                content.path("name").asString(),
                content.path("usageMetadata").path("totalTokenCount").asInt(0),
                switch (progress.path("state").asString("")) {
                    case "QUEUED", "PREFILLING" ->
                        progress.path("doneTokens").asInt(0) + " prefilled, " + described(progress);
                    case "FAILED" -> "failed, " + described(progress);
                    default -> "until " + content.path("expireTime").asString("");
                },
                content.path("model").asString(""),
                content.path("displayName").asString(""));
    }
}
