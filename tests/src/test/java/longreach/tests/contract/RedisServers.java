package longreach.tests.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import io.lettuce.core.api.sync.RedisCommands;
import java.io.File;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import longreach.store.api.ContextStore;

/** Servers of the machine's own redis-server, each a process with a directory of its own. */
public final class RedisServers implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int SLOTS = 16_384;
    /** A cluster's bus is at the port plus this, which must be one too. */
    private static final int BUS = 10_000;

    private final Path directory;
    private final List<Process> processes = new ArrayList<>();
    private final List<List<String>> commands = new ArrayList<>();
    private final List<Integer> ports = new ArrayList<>();

    public RedisServers(Path directory) {
        assumeTrue(has("redis-server"), "no redis-server on the PATH");
        this.directory = directory;
    }

    public static boolean has(String program) {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .anyMatch(place -> Files.isExecutable(Path.of(place, program)));
    }

    /** Starts a server that keeps nothing on disk. @param tls its port is for TLS @return its port */
    public int start(boolean tls, String... settings) throws Exception {
        int port = freePort();
        Path home = Files.createDirectories(directory.resolve("redis-" + port));
        List<String> command = new ArrayList<>(List.of("redis-server", "--bind", "127.0.0.1", "--save", ""));
        command.addAll(List.of("--dir", home.toString(), "--port", tls ? "0" : String.valueOf(port)));
        if (tls) {
            command.addAll(List.of("--tls-port", String.valueOf(port)));
        }
        command.addAll(List.of(settings));
        commands.add(command);
        ports.add(port);
        processes.add(null);
        restart(port);
        return port;
    }

    /** Starts a server that was killed. */
    public void restart(int port) throws Exception {
        int index = ports.indexOf(port);
        Path log = directory.resolve("redis-" + port + ".log");
        processes.set(
                index,
                new ProcessBuilder(commands.get(index))
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                        .start());
        await("redis-server on " + port, () -> {
            assertThat(processes.get(index).isAlive()).as(log::toString).isTrue();
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
                return true;
            } catch (IOException notYet) {
                return false;
            }
        });
    }

    public void kill(int port) throws InterruptedException {
        processes.get(ports.indexOf(port)).destroyForcibly().waitFor();
    }

    /** The process of a server. */
    public long pid(int port) {
        return processes.get(ports.indexOf(port)).pid();
    }

    /** Starts masters that share all slots among them, and waits until they agree on that. @return their ports */
    public List<Integer> cluster(int masters) throws Exception {
        List<Integer> members = new ArrayList<>();
        for (int i = 0; i < masters; i++) {
            members.add(start(
                    false,
                    "--cluster-enabled",
                    "yes",
                    "--cluster-node-timeout",
                    "2000",
                    "--cluster-require-full-coverage",
                    "no"));
        }
        for (int i = 0; i < masters; i++) {
            int from = SLOTS * i / masters;
            int to = SLOTS * (i + 1) / masters;
            withServer(members.get(i), redis -> {
                redis.clusterAddSlots(IntStream.range(from, to).toArray());
                return redis.clusterMeet("127.0.0.1", members.getFirst());
            });
        }
        for (int port : members) {
            await("cluster on " + port, () -> {
                String info = withServer(port, RedisCommands::clusterInfo);
                return info.contains("cluster_state:ok")
                        && info.contains("cluster_slots_ok:" + SLOTS)
                        && info.contains("cluster_known_nodes:" + masters);
            });
        }
        return members;
    }

    public interface Commands<T> {
        T run(RedisCommands<String, String> redis);
    }

    public static <T> T withServer(int port, Commands<T> commands) {
        return withServer(RedisURI.create("redis://127.0.0.1:" + port), null, commands);
    }

    /** @param certificates whom to trust; null without TLS */
    public static <T> T withServer(RedisURI uri, Path certificates, Commands<T> commands) {
        RedisClient client = RedisClient.create(uri);
        if (certificates != null) {
            client.setOptions(ClientOptions.builder()
                    .sslOptions(SslOptions.builder()
                            .trustManager(certificates.toFile())
                            .build())
                    .build());
        }
        try {
            return commands.run(client.connect().sync());
        } finally {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        }
    }

    public interface Condition {
        boolean holds() throws Exception;
    }

    public static void await(String what, Condition condition) throws Exception {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!condition.holds()) {
            assertThat(System.nanoTime() < end).as("%s within %s", what, LIMIT).isTrue();
            Thread.sleep(20);
        }
    }

    /** The store was perhaps there before its server: it comes by itself. */
    public static void awaitReachable(ContextStore store) throws Exception {
        await("store reachable", () -> store.stats(Optional.empty()).reachable());
    }

    private static int freePort() throws IOException {
        while (true) {
            // One of the two is the one that the system chose, so that it is below the highest.
            try (ServerSocket bus = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                    ServerSocket port =
                            new ServerSocket(bus.getLocalPort() - BUS, 1, InetAddress.getLoopbackAddress())) {
                return port.getLocalPort();
            } catch (BindException taken) {
                continue;
            }
        }
    }

    @Override
    public void close() throws InterruptedException {
        for (Process process : processes) {
            process.destroyForcibly();
        }
        for (Process process : processes) {
            process.waitFor(10, TimeUnit.SECONDS);
        }
    }
}
