package longreach.tests.e2e;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A service as an operating-system process of its own. It ends with this JVM at the latest. */
final class ServiceProcess implements AutoCloseable {
    private static final int STOP_SECONDS = 30;
    private static final int SHOWN_LINES = 60;

    private final String name;
    private final Path log;
    private final Process process;
    private final Thread atExit;

    /**
     * @param directory its working directory, where its log is too
     * @param environment added to this process's own
     */
    ServiceProcess(String name, Path directory, List<String> command, Map<String, String> environment)
            throws IOException {
        this.name = name;
        log = Files.createTempFile(directory, name + "-", ".log");
        var builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().putAll(environment);
        process = builder.start();
        atExit = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    boolean alive() {
        return process.isAlive();
    }

    /** Whether it lives, and the end of what it printed. */
    String state() throws IOException {
        List<String> lines = new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
                .lines()
                .toList();
        return "--- " + name + ": " + (process.isAlive() ? "alive" : "ended with code " + process.exitValue()) + "\n"
                + String.join("\n", lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size()));
    }

    /** Ends it at once, with no chance to tidy up. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
        Runtime.getRuntime().removeShutdownHook(atExit);
    }

    /** Asks it to end, as a process manager does, and waits until it has. */
    @Override
    public void close() throws IOException, InterruptedException {
        process.destroy();
        boolean ended = process.waitFor(STOP_SECONDS, TimeUnit.SECONDS);
        kill();
        if (!ended) {
            throw new IOException("did not end within " + STOP_SECONDS + " s: " + state());
        }
    }
}
