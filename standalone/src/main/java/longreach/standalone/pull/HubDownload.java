package longreach.standalone.pull;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import longreach.standalone.pull.Model.Hub;
import longreach.standalone.pull.Model.WeightFile;

/**
 * Downloads of the Hugging Face hub, or of a mirror that speaks its protocol. A download that breaks off goes on by a
 * range request, here after a moment or in the next run.
 */
final class HubDownload implements AutoCloseable {
    private static final Duration CONNECT = Duration.ofSeconds(20);
    private static final Duration FIRST_BYTE = Duration.ofSeconds(60);
    private static final int REDIRECTS = 5;
    // Attempts in a row that bring no byte.
    private static final int ATTEMPTS = 3;
    private static final int MAX_LISTING_BYTES = 16 << 20;
    private static final int MAX_TOKEN_BYTES = 4096;
    private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]+");

    /** Where the hub is, who asks, and how patient to be. */
    record Settings(URI endpoint, String token, Duration stall, Duration pause) {
        Settings {
            if (endpoint.getHost() == null || !endpoint.getScheme().matches("https?")) {
                throw new IllegalArgumentException(
                        "HF_ENDPOINT: " + endpoint + " (expected: an http or https address)");
            }
        }

        /**
         * HF_ENDPOINT and HF_TOKEN, as the hub's own tools have them.
         *
         * @param tokenFile a file with the token, which goes before HF_TOKEN; null: none
         * @throws PullException when it cannot be read or holds no token
         */
        static Settings of(Map<String, String> environment, Path tokenFile) throws PullException {
            Settings settings = of(environment);
            return tokenFile == null
                    ? settings
                    : new Settings(settings.endpoint, readToken(tokenFile), settings.stall, settings.pause);
        }

        private static String readToken(Path file) throws PullException {
            String token;
            try {
                token = Files.size(file) > MAX_TOKEN_BYTES
                        ? ""
                        : Files.readString(file).strip();
            } catch (IOException e) {
                throw new PullException(
                        "the token file " + file + " cannot be read: "
                                + e.getClass().getSimpleName(),
                        e);
            }
            if (!TOKEN.matcher(token).matches()) {
                throw new PullException("the token file " + file + ": no token in it (expected: one word)");
            }
            return token;
        }

        static Settings of(Map<String, String> environment) {
            String endpoint = environment.getOrDefault("HF_ENDPOINT", "");
            String token = environment.getOrDefault("HF_TOKEN", "");
            return new Settings(
                    URI.create(
                            endpoint.isBlank()
                                    ? "https://huggingface.co"
                                    : endpoint.strip().replaceAll("/+$", "")),
                    token.isBlank() ? null : token.strip(),
                    Duration.ofSeconds(60),
                    Duration.ofSeconds(2));
        }

        /** Without the token. */
        @Override
        public String toString() {
            return "the hub at " + endpoint;
        }
    }

    /** A transfer that may do better when tried again. */
    private static final class Interrupted extends IOException {
        private static final long serialVersionUID = 1L;

        Interrupted(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private final Settings settings;
    private final WeightsDownload.Listener listener;
    private final HttpClient http = HttpClient.newBuilder()
            // Followed by hand, because the token is for the hub and not for the host that it sends us to.
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .build();

    HubDownload(Settings settings, WeightsDownload.Listener listener) {
        this.settings = settings;
        this.listener = listener;
    }

    /**
     * The files of a repository at the commit that the revision means now.
     *
     * @throws PullException when the hub does not have the repository or does not show it
     */
    HubListing list(Hub hub) throws PullException, InterruptedException {
        var address = URI.create(
                settings.endpoint + "/api/models/" + hub.repository() + "/revision/" + hub.revision() + "?blobs=true");
        for (int attempt = 1; ; attempt++) {
            try {
                HttpResponse<InputStream> response = request(address, 0);
                try (InputStream in = response.body()) {
                    if (response.statusCode() != 200) {
                        throw refused(hub, "the list of its files", response);
                    }
                    byte[] answer = watched(in).readNBytes(MAX_LISTING_BYTES + 1);
                    if (answer.length > MAX_LISTING_BYTES) {
                        throw new PullException(
                                "the list of " + hub.repository() + ": more than " + MAX_LISTING_BYTES + " bytes");
                    }
                    return HubListing.of(hub.repository(), answer);
                }
            } catch (IOException e) {
                if (attempt == ATTEMPTS) {
                    throw new PullException(hub.repository() + ": " + e.getMessage(), e);
                }
                Thread.sleep(settings.pause);
            }
        }
    }

    /**
     * Completes {@code part} to the file's size; its digest is still to be checked.
     *
     * @throws PullException when the hub does not have the file, does not give it, or has another one
     */
    void fetch(Hub hub, WeightFile file, Path part) throws PullException, IOException, InterruptedException {
        var address = URI.create(
                settings.endpoint + "/" + hub.repository() + "/resolve/" + hub.revision() + "/" + file.name());
        int failures = 0;
        while (true) {
            long before = size(part);
            if (before == file.bytes()) {
                return;
            }
            try {
                attempt(hub, file, address, part, before < file.bytes() ? before : 0);
                return;
            } catch (Interrupted e) {
                failures = size(part) > before ? 1 : failures + 1;
                if (failures >= ATTEMPTS) {
                    throw new PullException(
                            file.name() + ": " + e.getMessage() + " (what arrived is kept: run it again)", e);
                }
                Thread.sleep(settings.pause);
            }
        }
    }

    private void attempt(Hub hub, WeightFile file, URI address, Path part, long have)
            throws PullException, IOException, InterruptedException {
        HttpResponse<InputStream> response = request(address, have, file);
        try (InputStream in = response.body()) {
            long from = accepted(hub, file, part, response, have);
            Transfer.copy(
                    watched(in),
                    part,
                    from,
                    file.bytes(),
                    done -> listener.at("fetching " + file.name(), done, file.bytes()));
        } catch (IOException e) {
            throw e instanceof Interrupted ? e : new Interrupted("the transfer broke off: " + e.getMessage(), e);
        }
        if (size(part) < file.bytes()) {
            throw new Interrupted("the transfer ended at " + size(part) + " of " + file.bytes() + " bytes", null);
        }
    }

    // The hub names a large file by its SHA-256 before it sends a byte: another file is refused at once.
    private static void checkTag(WeightFile file, HttpResponse<InputStream> response)
            throws PullException, IOException {
        String tag = response.headers()
                .firstValue("X-Linked-Etag")
                .orElse("")
                .replaceFirst("^W/", "")
                .replace("\"", "");
        if (tag.length() == 64 && !file.isGitDigest() && !tag.equalsIgnoreCase(file.digest())) {
            response.body().close();
            throw new PullException(
                    file.name() + ": the hub has another, SHA-256 " + tag + " (expected: " + file.digest() + ")");
        }
    }

    private HttpResponse<InputStream> request(URI address, long have)
            throws PullException, IOException, InterruptedException {
        return request(address, have, null);
    }

    private HttpResponse<InputStream> request(URI address, long have, WeightFile file)
            throws PullException, IOException, InterruptedException {
        URI at = address;
        for (int hop = 0; hop <= REDIRECTS; hop++) {
            var request = HttpRequest.newBuilder(at).timeout(FIRST_BYTE).header("Accept-Encoding", "identity");
            if (have > 0) {
                request.header("Range", "bytes=" + have + "-");
            }
            if (settings.token != null && sameOrigin(at, settings.endpoint)) {
                request.header("Authorization", "Bearer " + settings.token);
            }
            HttpResponse<InputStream> response;
            try {
                response = http.send(request.build(), BodyHandlers.ofInputStream());
            } catch (IOException e) {
                String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
                throw new Interrupted(at.getHost() + " cannot be reached: " + reason, e);
            }
            if (file != null && sameOrigin(at, settings.endpoint)) {
                checkTag(file, response);
            }
            String location = response.headers().firstValue("Location").orElse("");
            if (response.statusCode() / 100 != 3 || location.isEmpty()) {
                return response;
            }
            response.body().close();
            URI next = at.resolve(location);
            if (at.getScheme().equals("https") && !"https".equals(next.getScheme())) {
                throw new PullException("redirected to " + next.getScheme() + " (expected: https)");
            }
            at = next;
        }
        throw new PullException("more than " + REDIRECTS + " redirects");
    }

    /** The byte that the body begins at. */
    private long accepted(Hub hub, WeightFile file, Path part, HttpResponse<?> response, long have)
            throws PullException, IOException {
        int status = response.statusCode();
        long from = 0;
        switch (status) {
            case 200 -> {}
            case 206 -> {
                String range = response.headers().firstValue("Content-Range").orElse("");
                if (!range.toLowerCase(Locale.ROOT).startsWith("bytes " + have + "-")) {
                    throw new PullException(file.name() + ": range '" + range + "' (expected: from byte " + have + ")");
                }
                from = have;
            }
            case 416 -> {
                Files.deleteIfExists(part);
                throw new Interrupted("HTTP 416: what was there does not fit", null);
            }
            default -> throw refused(hub, file.name(), response);
        }
        // Another size is another file: better to learn that before a hundred megabytes than after.
        long rest = response.headers().firstValueAsLong("Content-Length").orElse(-1);
        if (rest >= 0 && from + rest != file.bytes()) {
            throw new PullException(file.name() + ": " + (from + rest) + " bytes (expected: " + file.bytes() + ")");
        }
        return from;
    }

    /** What an answer other than the file means for the person who waits. */
    private Exception refusal(Hub hub, String what, HttpResponse<?> response) {
        int status = response.statusCode();
        String code = response.headers().firstValue("X-Error-Code").orElse("");
        return switch (status) {
            case 401, 403 -> new PullException("HTTP " + status + ": " + notForYou(hub, code));
            case 404 ->
                new PullException("HTTP 404: "
                        + (code.equals("RepoNotFound") || code.equals("RevisionNotFound")
                                ? "there is no " + hub.repository() + " at " + hub.revision()
                                : hub.repository() + " has no " + what + " at " + hub.revision()));
            case 408, 429, 500, 502, 503, 504 -> new Interrupted("HTTP " + status, null);
            default -> new PullException("HTTP " + status);
        };
    }

    private PullException refused(Hub hub, String what, HttpResponse<?> response) throws Interrupted {
        Exception refusal = refusal(hub, what, response);
        if (refusal instanceof Interrupted again) {
            throw again;
        }
        return (PullException) refusal;
    }

    // The token itself is in no message.
    private String notForYou(Hub hub, String code) {
        String page = settings.endpoint + "/" + hub.repository();
        if (code.equals("RepoNotFound")) {
            return "there is no " + hub.repository() + ", or it is not shown to everyone";
        }
        if (settings.token == null) {
            return "not for everyone: accept its licence at " + page
                    + ", make a token that may read it, and give that by" + " HF_TOKEN or --token-file";
        }
        return "the token may not read " + hub.repository() + ": accept its licence at " + page
                + " with the account that the token is of";
    }

    /** The stream, closed by a watcher when nothing comes for too long: the client has no timeout for a body. */
    private InputStream watched(InputStream in) {
        return new InputStream() {
            private volatile long last = System.nanoTime();
            private volatile boolean ended;

            {
                Thread.ofVirtual().name("stall-watch").start(this::watch);
            }

            private void watch() {
                try {
                    while (!ended) {
                        Thread.sleep(settings.stall.dividedBy(4));
                        if (System.nanoTime() - last > settings.stall.toNanos()) {
                            in.close();
                            return;
                        }
                    }
                } catch (IOException | InterruptedException e) {
                    ended = true; // nothing left to watch
                }
            }

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                int read = in.read(bytes, offset, length);
                last = System.nanoTime();
                ended |= read < 0;
                return read;
            }

            @Override
            public void close() {
                ended = true;
            }
        };
    }

    private static boolean sameOrigin(URI a, URI b) {
        return a.getScheme().equals(b.getScheme()) && a.getHost().equals(b.getHost()) && a.getPort() == b.getPort();
    }

    private static long size(Path part) throws IOException {
        return Files.exists(part) ? Files.size(part) : 0;
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }
}
