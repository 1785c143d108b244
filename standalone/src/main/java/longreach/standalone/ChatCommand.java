package longreach.standalone;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A conversation, line by line. */
@Command(
        name = "chat",
        description = "Talk with the model, about files if you like. Each line is a question; an empty one ends it.",
        footer = {"", "What was said before is not computed again: each question costs only itself."})
final class ChatCommand implements Callable<Integer> {
    @Mixin
    private ClientOptions client;

    @Parameters(arity = "0..*", paramLabel = "FILE", description = "Files to talk about.")
    private List<Path> paths = List.of();

    @Option(names = "--system", paramLabel = "TEXT", description = "How the model should behave.")
    private String system = "";

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Longest answer in tokens (default: ${DEFAULT-VALUE}).")
    private int maxTokens = 256;

    @Override
    public Integer call() throws IOException {
        paths.forEach(path -> GeminiClient.mimeType(GeminiClient.checked(path)));
        // Lines may come from a pipe.
        var lines = new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset()));
        try (var session = client.open()) {
            var files = new ArrayList<JsonNode>();
            paths.forEach(path -> files.add(session.ingest(path)));
            ObjectNode body = null;
            for (String line = next(lines); line != null && !line.isBlank(); line = next(lines)) {
                body = body == null ? begin(files, line) : GeminiClient.next(body, "user", line);
                var answer = session.client().stream(
                        client.server.servedModel(), body, client.json ? piece -> {} : ChatCommand::show);
                GeminiClient.next(body, "model", answer.text());
                if (client.json) {
                    System.out.println(GeminiClient.JSON.writeValueAsString(answer.json(line)));
                } else {
                    System.out.println();
                    answer.sources().forEach(source -> System.out.println("  source: " + source));
                    System.err.println(answer.receiptLine());
                }
            }
        }
        return 0;
    }

    private ObjectNode begin(List<JsonNode> files, String line) {
        var body = GeminiClient.question(files, line, maxTokens);
        if (!system.isBlank()) {
            body.putObject("systemInstruction").putArray("parts").addObject().put("text", system);
        }
        return body;
    }

    private static String next(BufferedReader lines) throws IOException {
        if (System.console() != null && System.console().isTerminal()) {
            System.out.print("> ");
            System.out.flush();
        }
        return lines.readLine();
    }

    private static void show(String piece) {
        System.out.print(piece);
        System.out.flush();
    }
}
