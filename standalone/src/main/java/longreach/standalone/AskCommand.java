package longreach.standalone;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/** One question about files. */
@Command(
        name = "ask",
        description = "Answer a question from files: documents, recordings, videos, images.",
        footer = {
            "",
            "Uses the server that 'up' runs on the data directory, or starts one for the question.",
            "A file that the server knows already is not uploaded or read again."
        })
final class AskCommand implements Callable<Integer> {
    @Mixin
    private ServerOptions options;

    @Parameters(
            arity = "1..*",
            paramLabel = "FILE... QUESTION",
            description = "Files, then the question. Without a file the model answers from itself.")
    private List<String> arguments;

    @Option(names = "--json", description = "Print one JSON object instead of text.")
    private boolean json;

    @Option(names = "--url", paramLabel = "URL", description = "Ask this server: http://HOST:PORT.")
    private String url = "";

    @Option(names = "--api-key", paramLabel = "KEY", description = "Key for the server (default: $LONGREACH_API_KEY).")
    private String apiKey = System.getenv().getOrDefault("LONGREACH_API_KEY", "");

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Longest answer in tokens (default: ${DEFAULT-VALUE}).")
    private int maxTokens = 96;

    @Override
    public Integer call() {
        String question = arguments.getLast();
        if (question.isBlank()) {
            throw CommandException.usage("the question is empty (expected: FILE... \"question\")");
        }
        if (Files.exists(Path.of(question))) {
            throw CommandException.usage(
                    "the last argument is a file: " + question + " (expected: FILE... \"question\")");
        }
        var paths = arguments.subList(0, arguments.size() - 1).stream()
                .map(Path::of)
                .toList();
        paths.forEach(path -> GeminiClient.mimeType(GeminiClient.checked(path)));
        try (var session = Session.open(options, url, apiKey)) {
            var files = new ArrayList<JsonNode>();
            for (Path path : paths) {
                files.add(session.ingest(path));
            }
            var body = GeminiClient.question(files, question, maxTokens);
            Answer answer = session.client().stream(options.servedModel(), body, json ? piece -> {} : AskCommand::show);
            if (json) {
                print(question, answer);
            } else {
                System.out.println();
                answer.sources().forEach(source -> System.out.println("  source: " + source));
                System.err.println(answer.receiptLine());
            }
        }
        return 0;
    }

    private static void show(String piece) {
        System.out.print(piece);
        System.out.flush();
    }

    private static void print(String question, Answer answer) {
        ClientOptions.print(answer.json(question));
    }
}
