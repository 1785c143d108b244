package longreach.standalone;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import longreach.lm.engine.ModelCatalogue;
import picocli.CommandLine.Option;

/** The options of everything that starts the services in this process. */
final class ServerOptions {
    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Where files and contexts are kept (default: ~/.local/share/longreach).")
    Path data = DataDirectory.byDefault();

    @Option(
            names = "--redis",
            paramLabel = "URI",
            description = "A Redis to keep contexts in: redis://, rediss:// or redis-socket:// (default: an own one,"
                    + " kept in the data directory).")
    String redis = "";

    @Option(
            names = "--model",
            paramLabel = "NAME|PATH",
            description = "Language model by name, or a GGUF file or model directory (default: ${DEFAULT-VALUE}).")
    String model = "smollm2-135m";

    @Option(
            names = "--precision",
            paramLabel = "f32|fast",
            description = "f32 computes everything in 32 bits; fast may round (default: ${DEFAULT-VALUE}).")
    String precision = "fast";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    int threads;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Any other setting of a service, such as gateway.limits.file=500MB. Repeatable.")
    Map<String, String> settings = new LinkedHashMap<>();

    // Where it listens; only up lets a person choose.
    String host = "127.0.0.1";
    int port;
    int grpcPort;
    String apiKey = "";

    /** What requests call the model. */
    String servedModel() {
        String other = settings.getOrDefault("lm-core.openai.model", "");
        return localModel().isEmpty() ? other : ModelCatalogue.servedName(model);
    }

    /** The language model whose weights this machine needs; empty: another server has them. */
    String localModel() {
        return settings.getOrDefault("lm-core.engine", "native").equals("native") ? model : "";
    }

    void check() {
        if (!precision.equals("f32") && !precision.equals("fast")) {
            throw CommandException.usage("--precision: " + precision + " (expected: f32 or fast)");
        }
        if (threads < 0 || threads > 1024) {
            throw CommandException.usage("--threads: " + threads + " (expected: 0 to 1024)");
        }
        checkPort("--port", port);
        checkPort("--grpc-port", grpcPort);
        if (apiKey.isBlank() && !isLoopback()) {
            throw CommandException.usage("--host: " + host
                    + " (expected: a loopback address, or --api-key too: without a key everyone who reaches the port"
                    + " could read and delete the files)");
        }
    }

    private static void checkPort(String option, int port) {
        if (port < 0 || port > 65535) {
            throw CommandException.usage(option + ": " + port + " (expected: 0 to 65535; 0 takes a free one)");
        }
    }

    private boolean isLoopback() {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            throw CommandException.usage("--host: " + host + " (expected: an address of this machine)");
        }
    }
}
