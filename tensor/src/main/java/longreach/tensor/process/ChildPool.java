package longreach.tensor.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Starts children. Each serves one request and is then gone, so that nothing of one file reaches the next; one that is
 * not in use yet is kept ready, so that a request does not wait for a Java start. Thread-safe.
 */
public final class ChildPool implements AutoCloseable {
    // The C library sets aside 64 MiB of addresses for each arena; two are plenty for a few threads.
    private static final Map<String, String> ENVIRONMENT = Map.of("MALLOC_ARENA_MAX", "2", "LC_ALL", "C.UTF-8");

    private final String mainClass;
    private final ChildLimits limits;
    private final Semaphore places;
    private final ReentrantLock lock = new ReentrantLock();
    private Child spare;
    private boolean closed;

    /** @param mainClass a class of this class path whose main hands over to {@link ChildMain} */
    public ChildPool(Class<?> mainClass, ChildLimits limits) {
        this.mainClass = mainClass.getName();
        this.limits = limits;
        places = new Semaphore(limits.children(), true);
    }

    /** Starts the spare child ahead of the first request. */
    public void warm() throws ChildException {
        lock.lock();
        try {
            if (!closed && (spare == null || !spare.usable())) {
                spare = start();
            }
        } finally {
            lock.unlock();
        }
    }

    /** A child for one request; waits while there are as many as may be. The caller closes it. */
    public Child take() throws ChildException {
        try {
            places.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ChildException(ChildException.Cause.INTERRUPTED, "the caller left", e);
        }
        boolean given = false;
        lock.lock();
        try {
            if (closed) {
                throw new ChildException(ChildException.Cause.UNAVAILABLE, "the service is stopping");
            }
            Child taken = spare != null && spare.usable() ? spare : start();
            spare = null;
            given = true;
            taken.takenUntil(places::release);
            spare = start();
            return taken;
        } finally {
            lock.unlock();
            if (!given) {
                places.release();
            }
        }
    }

    private Child start() throws ChildException {
        List<String> command = new ArrayList<>();
        Path shell = Path.of("/bin/sh");
        if (Files.isExecutable(shell)) {
            // Kilobytes of data, no core file, few open files. A shell without one of them goes on without it.
            String limit = "ulimit -c 0 2>/dev/null; ulimit -d " + limits.memoryBytes() / 1024
                    + " 2>/dev/null; ulimit -n 256 2>/dev/null; exec \"$@\"";
            command.addAll(List.of(shell.toString(), "-c", limit, "sh"));
        }
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(
                "-Xmx" + limits.heapBytes(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:ReservedCodeCacheSize=16m",
                "-XX:CompressedClassSpaceSize=32m",
                "-XX:ActiveProcessorCount=2",
                "-XX:-UseContainerSupport",
                "-XX:-UsePerfData",
                "-XX:+SuppressFatalErrorMessage",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:+ExitOnOutOfMemoryError",
                // What the VM says at its end is no message.
                "-XX:+DisplayVMOutputToStderr",
                "-Xshare:auto",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Djava.awt.headless=true"));
        System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("org.bytedeco."))
                .sorted()
                .forEach(name -> command.add("-D" + name + "=" + System.getProperty(name)));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
        var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
        // Keys and passwords of the service are in its environment: the child gets what it needs and no more.
        Map<String, String> environment = builder.environment();
        environment.keySet().retainAll(List.of("PATH", "HOME", "TMPDIR", "USER"));
        environment.putAll(ENVIRONMENT);
        try {
            Process process = builder.start();
            return new Child(process, limits);
        } catch (IOException e) {
            throw new ChildException(ChildException.Cause.UNAVAILABLE, "no child process can be started", e);
        }
    }

    /** Kills the spare child; those in use are their takers'. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            if (spare != null) {
                spare.close();
                spare = null;
            }
        } finally {
            lock.unlock();
        }
    }
}
