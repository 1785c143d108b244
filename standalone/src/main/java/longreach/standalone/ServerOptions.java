package longreach.standalone;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import picocli.CommandLine.Option;

/** The options of everything that starts the services in this process. */
final class ServerOptions extends ModelOptions {
    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Where files and contexts are kept (default: ~/.local/share/longreach).")
    Path data = DataDirectory.byDefault();

    @Option(
            names = "--redis",
            paramLabel = "URI",
            description =
                    "A Redis to keep contexts in: redis://, rediss://, redis-socket:// or redis-cluster:// (default:"
                            + " an own one, kept in the data directory).")
    String redis = "";

    // Where it listens; only up lets a person choose.
    String host = "127.0.0.1";
    int port;
    int grpcPort;
    String apiKey = "";

    /** For programs that say where everything is themselves. */
    static ServerOptions of(ModelOptions models, Path data) {
        var options = new ServerOptions();
        options.model = models.model;
        options.eyes = models.eyes;
        options.precision = models.precision;
        options.threads = models.threads;
        options.settings = new LinkedHashMap<>(models.settings);
        options.data = data;
        return options;
    }

    @Override
    void check() {
        super.check();
        checkPort("--port", port);
        checkPort("--grpc-port", grpcPort);
        if (apiKey.isBlank() && !Files.exists(data.resolve(KeysCommand.FILE)) && !isLoopback()) {
            throw CommandException.usage("--host: " + host
                    + " (expected: a loopback address, or --api-key or './longreach keys create' too: without a key"
                    + " everyone who reaches the port could read and delete the files)");
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
