package longreach.standalone;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** The options of everything that talks to a server, and prints for a person or a program. */
final class ClientOptions {
    @Mixin
    ServerOptions server;

    @Option(names = "--url", paramLabel = "URL", description = "Ask this server: http://HOST:PORT.")
    String url = "";

    @Option(names = "--api-key", paramLabel = "KEY", description = "Key for the server (default: $LONGREACH_API_KEY).")
    String apiKey = System.getenv().getOrDefault("LONGREACH_API_KEY", "");

    @Option(names = "--json", description = "Print JSON instead of text.")
    boolean json;

    Session open() {
        return Session.open(server, url, apiKey);
    }

    static void print(JsonNode node) {
        System.out.println(GeminiClient.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node));
    }
}
