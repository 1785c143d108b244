package longreach.store.redis;

import io.netty.channel.epoll.Epoll;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.embedded.core.ExecutableProvider;

/**
 * A real redis-server that lives with this process and keeps its data in a directory. It listens on a unix socket that
 * only this user can reach, or, where there is none, on the loopback interface with a random port and password. It
 * appends each write to its log, so that tomorrow's process, or one after a crash, finds today's contexts.
 *
 * <p>It ends with this process in every case: a small shell waits for the end of its input, which comes even when the
 * process is killed. Should the shell be killed too, the next start on the directory ends what was left.
 */
public final class EmbeddedRedis implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(EmbeddedRedis.class);
    /** sockaddr_un holds 108 bytes with the final zero; macOS's holds 104. */
    private static final int MAX_SOCKET_PATH_BYTES = 103;

    /** Reading back many gigabytes at some hundred megabytes a second. */
    private static final Duration LOAD_LIMIT = Duration.ofMinutes(2);

    private static final Duration STOP_LIMIT = Duration.ofSeconds(10);
    private static final String WATCHED = """
            exec 3<&0
            "$@" </dev/null 3<&- &
            redis=$!
            { read -r end <&3; kill -TERM "$redis" 2>/dev/null; } &
            watch=$!
            wait "$redis"
            code=$?
            kill "$watch" 2>/dev/null
            exit "$code"
            """;

    /** Directories that this process holds. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path directory;
    private final FileChannel lock;
    private final Path socketDirectory;
    private final SocketAddress address;
    private final String password;
    private final URI uri;
    private final Process process;
    private final Thread atExit = new Thread(this::stop, "embedded-redis-stop");
    private boolean stopped;

    /**
     * Starts a server on a directory, which is made if it does not exist, and waits until it has read its data back.
     *
     * @param maxMemoryBytes over which the least recently used values go
     * @throws DataDirectoryInUseException if another process serves from the directory
     * @throws IOException if the server cannot be started; the message holds the end of its log
     */
    public static EmbeddedRedis start(Path directory, long maxMemoryBytes) throws IOException {
        Path home = Files.createDirectories(directory).toRealPath();
        FileChannel lock = lock(home);
        EmbeddedRedis redis = null;
        try {
            endStale(home);
            redis = new EmbeddedRedis(home, lock, maxMemoryBytes);
            redis.awaitReady();
            Runtime.getRuntime().addShutdownHook(redis.atExit);
            return redis;
        } catch (IOException | RuntimeException e) {
            if (redis == null) {
                unlock(home, lock);
            } else {
                redis.stop();
            }
            throw e;
        }
    }

    /** A quarter of the machine's memory, at most 8 GiB. */
    public static long defaultMaxMemoryBytes() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return Math.min(system.getTotalMemorySize() / 4, 8L << 30);
    }

    private EmbeddedRedis(Path home, FileChannel lock, long maxMemoryBytes) throws IOException {
        this.directory = home;
        this.lock = lock;
        List<String> listen;
        if (Epoll.isAvailable()) {
            socketDirectory = socketDirectory(home);
            Path socket = socketDirectory.resolve("redis.sock");
            Files.deleteIfExists(socket);
            address = UnixDomainSocketAddress.of(socket);
            password = null;
            uri = URI.create("redis-socket://" + socket);
            listen = List.of("--port", "0", "--unixsocket", socket.toString(), "--unixsocketperm", "700");
        } else {
            byte[] random = new byte[24];
            new SecureRandom().nextBytes(random);
            int port = freePort();
            socketDirectory = null;
            address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
            password = HexFormat.of().formatHex(random);
            uri = URI.create("redis://:" + password + "@127.0.0.1:" + port);
            listen = List.of("--port", String.valueOf(port), "--bind", "127.0.0.1");
        }
        process = launch(settings(listen, maxMemoryBytes));
    }

    public URI uri() {
        return uri;
    }

    /** The server's own process, not its watcher. */
    public Optional<ProcessHandle> server() {
        return serverOf(directory);
    }

    /** Tells the server to write what it holds and end, and waits for that. Closing twice is harmless. */
    @Override
    public void close() {
        stop();
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException e) {
            log.trace("closed while the process ends", e);
        }
    }

    private List<String> settings(List<String> listen, long maxMemoryBytes) throws IOException {
        List<String> settings = new ArrayList<>(listen);
        settings.addAll(List.of("--dir", directory.toString()));
        settings.addAll(List.of("--pidfile", pidFile(directory).toString()));
        settings.addAll(List.of("--maxmemory", String.valueOf(maxMemoryBytes), "--maxmemory-policy", "allkeys-lru"));
        // Chunks are large and never change: appending each once costs one sequential write, where snapshots would
        // write everything again and again. Elements of KV do not compress.
        settings.addAll(List.of("--appendonly", "yes", "--save", "", "--auto-aof-rewrite-min-size", "256mb"));
        // What the kernel holds outlives every process. Waiting for the disk would stall all readers, to save a cache
        // from a loss of power; what that tears is found at the next start, or by the seal.
        settings.addAll(List.of("--appendfsync", "no"));
        settings.addAll(List.of("--rdbcompression", "no", "--aof-load-truncated", "yes"));
        // Freeing megabytes takes time that others wait; so do evictions.
        settings.addAll(List.of("--lazyfree-lazy-eviction", "yes", "--lazyfree-lazy-expire", "yes"));
        settings.addAll(List.of("--lazyfree-lazy-server-del", "yes"));
        if (password != null) {
            // In a file of ours alone, since everybody can see a command line.
            Path secret = Files.createTempFile(directory, ".redis", ".conf");
            Files.writeString(secret, "requirepass " + password + "\n");
            Path conf = directory.resolve("redis.conf");
            Files.move(secret, conf, StandardCopyOption.REPLACE_EXISTING);
            settings.addFirst(conf.toString());
        }
        return settings;
    }

    private Process launch(List<String> settings) throws IOException {
        Path binaries = Files.createDirectories(directory.resolve("bin"));
        List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", WATCHED, "longreach-redis"));
        command.add(ExecutableProvider.newJarResourceProvider(binaries.toFile())
                .get()
                .getAbsolutePath());
        command.addAll(settings);
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(logFile().toFile())
                .start();
    }

    private void awaitReady() throws IOException {
        long deadline = System.nanoTime() + LOAD_LIMIT.toNanos();
        boolean told = false;
        while (!answers()) {
            if (!process.isAlive()) {
                throw new IOException("embedded Redis ended with code " + process.exitValue() + ": " + endOfLog());
            }
            if (System.nanoTime() > deadline) {
                throw new IOException("embedded Redis: not ready after " + LOAD_LIMIT + ": " + endOfLog());
            }
            if (!told && deadline - System.nanoTime() < LOAD_LIMIT.toNanos() - TimeUnit.SECONDS.toNanos(1)) {
                log.info("embedded Redis reads its data back from {}", directory);
                told = true;
            }
            pause();
        }
    }

    /** Whether it says PONG: while it reads its data back it says LOADING. */
    private boolean answers() {
        String greeting = password == null ? "" : "AUTH " + password + "\r\n";
        try (SocketChannel channel = SocketChannel.open(address)) {
            channel.write(ByteBuffer.wrap((greeting + "PING\r\n").getBytes(StandardCharsets.US_ASCII)));
            ByteBuffer answer = ByteBuffer.allocate(256);
            String text = "";
            while (!text.contains("PONG") && !text.contains("-") && channel.read(answer) > 0) {
                text = new String(answer.array(), 0, answer.position(), StandardCharsets.US_ASCII);
            }
            return text.contains("PONG");
        } catch (IOException e) {
            log.trace("not listening yet", e);
            return false;
        }
    }

    private synchronized void stop() {
        if (stopped) {
            return;
        }
        stopped = true;
        Optional<ProcessHandle> server = server();
        try {
            process.getOutputStream().close();
            if (!process.waitFor(STOP_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                log.warn("embedded Redis did not end within {}: killed", STOP_LIMIT);
                process.destroyForcibly();
            }
            // Outlives its watcher only if that was killed, or if it would not listen.
            if (server.isPresent() && server.get().isAlive()) {
                end(server.get());
            }
            if (socketDirectory != null && !socketDirectory.equals(directory)) {
                Files.deleteIfExists(socketDirectory.resolve("redis.sock"));
                Files.deleteIfExists(socketDirectory);
            }
            unlock(directory, lock);
        } catch (IOException e) {
            log.warn("embedded Redis: {}", e.toString());
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private static FileChannel lock(Path home) throws IOException {
        // Opening and closing the file once more would give this process's own lock up: POSIX locks are like that.
        if (!HELD.add(home)) {
            throw new DataDirectoryInUseException(home, "this process");
        }
        FileChannel channel = null;
        try {
            channel = FileChannel.open(
                    home.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            if (channel.tryLock() == null) {
                ByteBuffer owner = ByteBuffer.allocate(20);
                channel.read(owner, 0);
                throw new DataDirectoryInUseException(
                        home, "process " + new String(owner.array(), 0, owner.position(), StandardCharsets.US_ASCII));
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(
                    String.valueOf(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)));
            return channel;
        } catch (IOException e) {
            unlock(home, channel);
            throw e;
        }
    }

    private static void unlock(Path home, FileChannel lock) throws IOException {
        HELD.remove(home);
        if (lock != null) {
            lock.close();
        }
    }

    /** Whoever holds the lock owns the directory: a server that still runs there has lost its process. */
    private static void endStale(Path home) throws IOException {
        Optional<ProcessHandle> stale = serverOf(home);
        if (stale.isPresent()) {
            log.warn(
                    "ending the Redis of an earlier process, pid {}",
                    stale.get().pid());
            end(stale.get());
        }
    }

    private static void end(ProcessHandle server) throws IOException {
        server.destroy();
        long deadline = System.nanoTime() + STOP_LIMIT.toNanos();
        while (server.isAlive() && System.nanoTime() < deadline) {
            pause();
        }
        if (server.isAlive()) {
            server.destroyForcibly();
        }
    }

    /** The server named by the pid file, if that process runs and runs a binary from this directory. */
    private static Optional<ProcessHandle> serverOf(Path home) {
        try {
            String pid = Files.readString(pidFile(home)).strip();
            return ProcessHandle.of(Long.parseLong(pid))
                    .filter(ProcessHandle::isAlive)
                    .filter(p -> p.info().command().orElse("").startsWith(home.toString()));
        } catch (IOException | NumberFormatException e) {
            log.trace("no pid file", e);
            return Optional.empty();
        }
    }

    private static Path socketDirectory(Path home) throws IOException {
        if (home.resolve("redis.sock").toString().getBytes(StandardCharsets.UTF_8).length <= MAX_SOCKET_PATH_BYTES) {
            Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwx------"));
            return home;
        }
        return Files.createTempDirectory("longreach");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static Path pidFile(Path home) {
        return home.resolve("redis.pid");
    }

    private Path logFile() {
        return directory.resolve("redis.log");
    }

    private String endOfLog() throws IOException {
        List<String> lines = Files.readAllLines(logFile(), StandardCharsets.ISO_8859_1);
        return String.join(" | ", lines.subList(Math.max(0, lines.size() - 5), lines.size()));
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
