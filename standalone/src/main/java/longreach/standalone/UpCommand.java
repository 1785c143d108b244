package longreach.standalone;

import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Serves in the foreground until it is stopped. */
@Command(
        name = "up",
        description = "Serve the Gemini API over REST and gRPC until Ctrl-C. Prints 'ready http://HOST:PORT'.",
        footer = {
            "",
            "Without --api-key it listens on loopback only and accepts any key.",
            "Clients: set the base URL of a Gemini SDK to the printed address."
        })
final class UpCommand implements Callable<Integer> {
    @Mixin
    private ServerOptions options;

    @Option(names = "--host", paramLabel = "HOST", description = "Address to listen on (default: ${DEFAULT-VALUE}).")
    private String host = "127.0.0.1";

    @Option(
            names = "--port",
            paramLabel = "PORT",
            description = "HTTP port; 0 takes a free one (default: ${DEFAULT-VALUE}).")
    private int port = 8080;

    @Option(
            names = "--grpc-port",
            paramLabel = "PORT",
            description = "gRPC port; 0 takes a free one (default: ${DEFAULT-VALUE}).")
    private int grpcPort = 9090;

    @Option(
            names = "--api-key",
            paramLabel = "KEY",
            description = "Demand this key from every client (default: $LONGREACH_API_KEY, if set).")
    private String apiKey = System.getenv().getOrDefault("LONGREACH_API_KEY", "");

    @Override
    public Integer call() throws InterruptedException {
        options.host = host;
        options.port = port;
        options.grpcPort = grpcPort;
        options.apiKey = apiKey;
        options.check();
        Weights.pullMissing(options.localModel());
        try (var server = StandaloneServer.start(options, stage -> {})) {
            System.out.println("ready " + server.url());
            System.err.println(
                    "gRPC on " + host + ":" + server.grpcPort() + ", data in " + options.data + "; Ctrl-C stops");
            // The shutdown hook of the server does the rest.
            new CountDownLatch(1).await();
        }
        return 0;
    }
}
