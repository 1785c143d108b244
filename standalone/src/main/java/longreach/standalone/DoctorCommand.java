package longreach.standalone;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.Callable;
import jdk.incubator.vector.FloatVector;
import longreach.standalone.pull.ModelCatalog;
import longreach.standalone.pull.WeightsDownload;
import longreach.store.redis.EmbeddedRedis;
import longreach.tensor.weights.ModelCache;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.javacpp.Loader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Looks at everything a server needs on this machine and says what is wrong with it. */
@Command(name = "doctor", description = "Check this machine: JDK, CPU, memory, disk, natives, weights, ports.")
final class DoctorCommand implements Callable<Integer> {
    private static final long GIB = 1L << 30;
    private static final long REDIS_BYTES = 64 << 20;

    @Option(names = "--data", description = "Data directory to check (default: ${DEFAULT-VALUE}).")
    private Path data = DataDirectory.byDefault();

    @Option(names = "--port", description = "HTTP port to check (default: ${DEFAULT-VALUE}).")
    private int port = 8080;

    @Option(names = "--grpc-port", description = "gRPC port to check (default: ${DEFAULT-VALUE}).")
    private int grpcPort = 9090;

    private boolean healthy = true;

    @Override
    public Integer call() {
        java();
        memory();
        disk("data", data);
        ModelCache cache = ModelCache.ofEnvironment();
        disk("cache", cache.root());
        weights(cache);
        natives();
        port("HTTP port", port);
        port("gRPC port", grpcPort);
        System.out.println(healthy ? "everything needed is there" : "see the lines marked with !");
        return healthy ? 0 : CommandException.MISSING;
    }

    private void java() {
        var flags = ManagementFactory.getRuntimeMXBean().getInputArguments();
        boolean inlining = flags.stream().anyMatch(flag -> flag.startsWith("-XX:MaxInlineLevel"));
        say(
                true,
                "JDK",
                Runtime.version() + ", " + System.getProperty("java.vendor") + ", " + System.getProperty("java.home"));
        say(inlining, "JVM flags", inlining ? "as shipped" : "not as shipped: start with ./longreach");
        var lanes = FloatVector.SPECIES_PREFERRED;
        say(
                lanes.length() >= 4,
                "CPU",
                Runtime.getRuntime().availableProcessors() + " processors, vectors of " + lanes.vectorBitSize()
                        + " bits (" + lanes.length() + " floats)");
    }

    private void memory() {
        var system = ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class);
        double total = (double) system.getTotalMemorySize() / GIB;
        double heap = (double) Runtime.getRuntime().maxMemory() / GIB;
        say(
                total >= 3.5,
                "memory",
                String.format("%.1f GiB, heap up to %.1f GiB (expected: 4 GiB or more)", total, heap));
    }

    private void disk(String what, Path directory) {
        Path existing = directory.toAbsolutePath();
        while (!Files.exists(existing)) {
            existing = existing.getParent();
        }
        try {
            double free = (double) Files.getFileStore(existing).getUsableSpace() / GIB;
            boolean writable = Files.isWritable(existing);
            say(
                    writable && free >= 1,
                    what,
                    String.format(
                            "%s, %.1f GiB free%s (expected: writable, 1 GiB or more)",
                            directory, free, writable ? "" : ", not writable"));
        } catch (IOException e) {
            say(false, what, directory + ": " + e);
        }
    }

    // Missing weights are no fault: whatever needs them fetches them.
    private void weights(ModelCache cache) {
        for (var model : ModelCatalog.MODELS) {
            boolean here = WeightsDownload.isPresent(cache, model);
            if (model.isListedByHub() && !here) {
                continue; // nothing needs it that was not asked for it by name
            }
            say(true, "weights", model.name() + (here ? ": here" : ": not here yet, fetched when needed"));
        }
    }

    private void natives() {
        tryOut("ffmpeg", () -> {
            Loader.load(avutil.class);
            return "libavutil " + (avutil.avutil_version() >> 16) + ", from " + Loader.getPlatform();
        });
        tryOut("redis", () -> {
            Path data = Files.createTempDirectory("longreach-doctor");
            try (var redis = EmbeddedRedis.start(data, REDIS_BYTES)) {
                return "an own server starts and answers on " + redis.uri().getScheme();
            } finally {
                try (var walk = Files.walk(data)) {
                    for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                        Files.deleteIfExists(path);
                    }
                }
            }
        });
    }

    private void tryOut(String what, Callable<String> attempt) {
        try {
            say(true, what, attempt.call());
        } catch (Exception | LinkageError e) {
            say(false, what, "does not load: " + e);
        }
    }

    private void port(String what, int number) {
        try (var socket = new ServerSocket(number, 1, InetAddress.getLoopbackAddress())) {
            say(true, what, socket.getLocalPort() + " is free");
        } catch (IOException e) {
            boolean ours = DataDirectory.portsAt(data).contains(number);
            say(
                    ours,
                    what,
                    number + (ours ? " is in use by a running server" : " is in use (give the server another)"));
        }
    }

    private void say(boolean good, String what, String detail) {
        healthy &= good;
        System.out.printf("%s %-10s %s%n", good ? " " : "!", what, detail);
    }
}
