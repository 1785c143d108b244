package longreach.standalone;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;

/**
 * Where one server keeps its files and its Redis snapshot: {@code lock} is held while a server runs on it,
 * {@code address} says where that server answers: its URL, and {@code grpc:PORT}.
 */
final class DataDirectory implements AutoCloseable {
    private final Path root;
    private final FileChannel lockFile;
    private final FileLock lock;

    private DataDirectory(Path root, FileChannel lockFile, FileLock lock) {
        this.root = root;
        this.lockFile = lockFile;
        this.lock = lock;
    }

    /** {@code $XDG_DATA_HOME/longreach}, else {@code ~/.local/share/longreach}. */
    static Path byDefault() {
        String xdg = System.getenv().getOrDefault("XDG_DATA_HOME", "");
        return !xdg.isBlank() && Path.of(xdg).isAbsolute()
                ? Path.of(xdg, "longreach")
                : Path.of(System.getProperty("user.home"), ".local", "share", "longreach");
    }

    /** @throws CommandException when another server runs on it, or it cannot be written */
    static DataDirectory lock(Path path) {
        Path root = path.toAbsolutePath().normalize();
        try {
            Files.createDirectories(root);
            var channel = FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock lock = tryLock(channel);
            if (lock == null) {
                channel.close();
                throw CommandException.failed("--data " + root + ": in use by another server"
                        + runningAt(root).map(url -> " at " + url).orElse("")
                        + " (expected: one server for each data directory; stop that one, or give --data another)");
            }
            return new DataDirectory(root, channel, lock);
        } catch (IOException e) {
            throw CommandException.failed("--data " + root + ": cannot be written: " + e, e);
        }
    }

    private static FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // held by this very process
        }
    }

    /** The address recorded by the server that ran here last; it need not answer any more. */
    static Optional<String> runningAt(Path path) {
        try {
            return Files.readAllLines(path.resolve("address")).stream()
                    .filter(line -> line.startsWith("http://"))
                    .findFirst();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Both ports of the server that ran here last: HTTP, then gRPC. */
    static List<Integer> portsAt(Path path) {
        try {
            return Files.readAllLines(path.resolve("address")).stream()
                    .map(line -> line.substring(line.lastIndexOf(':') + 1))
                    .filter(port -> port.matches("\\d{1,5}"))
                    .map(Integer::valueOf)
                    .toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path root() {
        return root;
    }

    /** A folder inside, made when missing. */
    Path folder(String name) {
        try {
            return Files.createDirectories(root.resolve(name));
        } catch (IOException e) {
            throw CommandException.failed("--data " + root + ": cannot be written: " + e, e);
        }
    }

    void recordAddress(String url, int grpcPort) {
        try {
            Files.writeString(root.resolve("address"), url + "\ngrpc:" + grpcPort + "\n");
        } catch (IOException e) {
            throw CommandException.failed("--data " + root + ": cannot be written: " + e, e);
        }
    }

    @Override
    public void close() {
        try {
            Files.deleteIfExists(root.resolve("address"));
            lock.release();
            lockFile.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
