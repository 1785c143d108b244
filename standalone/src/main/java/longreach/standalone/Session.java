package longreach.standalone;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Optional;
import java.util.StringJoiner;
import tools.jackson.databind.JsonNode;

/**
 * A server to ask: the one that runs already, or one started in this process and stopped at the end.
 *
 * @param own null when the server belongs to someone else
 */
record Session(GeminiClient client, StandaloneServer own) implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(150);

    /** @param url of a server to use; empty: the one on the data directory, else an own one */
    static Session open(ServerOptions options, String url, String apiKey) {
        if (!url.isBlank()) {
            var client = new GeminiClient(url, apiKey);
            if (!client.answers()) {
                throw CommandException.failed("--url " + url + ": no server answers there");
            }
            return new Session(client, null);
        }
        Optional<String> recorded = DataDirectory.runningAt(options.data);
        if (recorded.isPresent()) {
            var client = new GeminiClient(recorded.get(), apiKey);
            if (client.answers()) {
                return new Session(client, null);
            }
            client.close();
        }
        options.check();
        Weights.pullMissing(options.localModel());
        return startOwn(options);
    }

    /** Starts a server on free ports of the loopback address. */
    static Session startOwn(ServerOptions options) {
        try (var progress = Progress.ofFraction("starting")) {
            var steps = new int[1];
            var server = StandaloneServer.start(options, stage -> progress.atFraction(steps[0]++ * 0.3, stage));
            return new Session(new GeminiClient(server.url(), options.apiKey), server);
        }
    }

    /** Uploads the file unless the server has these bytes, and waits until it is read. */
    JsonNode ingest(Path path) {
        String name = path.getFileName().toString();
        String mimeType = GeminiClient.mimeType(GeminiClient.checked(path));
        Optional<JsonNode> known = client.findFile(digest(path), mimeType);
        JsonNode file;
        if (known.isPresent()) {
            file = known.get();
        } else {
            try (var progress = new Progress(name + ": uploading", size(path), "MB", 1 << 20)) {
                file = client.upload(path, mimeType, sent -> progress.at(sent, ""));
            }
        }
        return awaitActive(name, file);
    }

    private JsonNode awaitActive(String name, JsonNode uploaded) {
        JsonNode file = uploaded;
        if ("ACTIVE".equals(file.path("state").asString(""))) {
            return file;
        }
        try (var progress = Progress.ofFraction(name + ": reading")) {
            while (true) {
                JsonNode report = file.path("longreachMedia");
                switch (file.path("state").asString("")) {
                    case "ACTIVE" -> {
                        progress.done(described(report));
                        return file;
                    }
                    case "FAILED" -> {
                        String reason = file.path("error").path("message").asString("no reason given");
                        client.delete(file.path("name").asString());
                        throw CommandException.failed(name + ": " + reason);
                    }
                    default ->
                        progress.atFraction(
                                report.path("progress").asDouble(0),
                                report.path("stage").asString(""));
                }
                Thread.sleep(POLL);
                file = client.file(file.path("name").asString());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted", e);
        }
    }

    private static String described(JsonNode report) {
        var facts = new StringJoiner(", ");
        if (report.path("pages").asInt(0) > 0) {
            facts.add(report.path("pages").asInt() + " pages");
        }
        if (report.has("duration")) {
            facts.add(report.path("duration").asString());
        }
        facts.add(report.path("textPieces").asInt(0) + " pieces of text");
        if (report.path("fromCache").asBoolean(false)) {
            facts.add("read before");
        }
        return facts.toString();
    }

    private static long size(Path path) {
        try {
            return Files.size(path);
        } catch (IOException e) {
            throw CommandException.failed(path + ": cannot be read: " + e, e);
        }
    }

    private static byte[] digest(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            var sha256 = MessageDigest.getInstance("SHA-256");
            new DigestInputStream(in, sha256).transferTo(OutputStream.nullOutputStream());
            return sha256.digest();
        } catch (IOException e) {
            throw CommandException.failed(path + ": cannot be read: " + e, e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    @Override
    public void close() {
        client.close();
        if (own != null) {
            own.close();
        }
    }
}
