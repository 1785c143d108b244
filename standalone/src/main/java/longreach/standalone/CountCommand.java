package longreach.standalone;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/** What a question would cost. */
@Command(name = "count", description = "Count the tokens that a question about files would have, by modality.")
final class CountCommand implements Callable<Integer> {
    @Mixin
    private ClientOptions client;

    @Parameters(arity = "1..*", paramLabel = "FILE... QUESTION", description = "Files, then the question.")
    private List<String> arguments;

    @Override
    public Integer call() {
        var paths = arguments.subList(0, arguments.size() - 1).stream()
                .map(Path::of)
                .toList();
        paths.forEach(path -> GeminiClient.mimeType(GeminiClient.checked(path)));
        try (var session = client.open()) {
            var files = new ArrayList<JsonNode>();
            paths.forEach(path -> files.add(session.ingest(path)));
            var question = GeminiClient.question(files, arguments.getLast(), 1);
            var body = GeminiClient.JSON.createObjectNode();
            body.set("contents", question.path("contents"));
            JsonNode counted =
                    session.client().post("/v1beta/models/" + client.server.servedModel() + ":countTokens", body);
            if (client.json) {
                ClientOptions.print(counted);
                return 0;
            }
            System.out.println(counted.path("totalTokens").asInt(0) + " tokens");
            counted.path("promptTokensDetails")
                    .forEach(each -> System.out.printf(
                            "  %-10s %d%n",
                            each.path("modality").asString(""),
                            each.path("tokenCount").asInt(0)));
        }
        return 0;
    }
}
