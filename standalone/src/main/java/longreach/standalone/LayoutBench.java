package longreach.standalone;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** The ground truth under each way of laying a document out, so that the default is a measured one. */
@Command(
        name = "layout",
        description = "Count right answers to the sample questions under each prompt layout and system turn.")
final class LayoutBench implements Callable<Integer> {
    private static final int MAX_TOKENS = 48;

    @Mixin
    private ModelOptions options;

    @Option(
            names = "--layouts",
            split = ",",
            paramLabel = "NAME:K",
            description = "Layouts, each with how many pieces are shown where it chooses (default: ${DEFAULT-VALUE}).")
    private List<String> layouts = List.of("whole", "sandwich", "best-pieces:1", "best-pieces:2", "best-pieces:4");

    @Option(
            names = "--systems",
            split = ";",
            paramLabel = "TEXT",
            description = "System turns, separated by ';'; 'default' is the gateway's own (default: three of them).")
    private List<String> systems = List.of(
            "default",
            "You are a helpful assistant.",
            "Answer the question in one short sentence, using only the text.");

    @Option(names = "--wrong", description = "Show the wrong answers too.")
    private boolean wrong;

    @Override
    public Integer call() throws IOException {
        options.check();
        Weights.pullMissing(options.model);
        Path scratch = Files.createTempDirectory("longreach-layout");
        try {
            System.out.println("| layout | system turn | right | median first token, ms |");
            System.out.println("|---|---|---|---|");
            for (String layout : layouts) {
                measure(layout, scratch);
            }
        } finally {
            try (var walk = Files.walk(scratch)) {
                for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(path);
                }
            }
        }
        return 0;
    }

    private void measure(String layout, Path scratch) {
        var samples = Samples.find();
        var questions = samples.questions();
        String[] nameAndPieces = layout.split(":", 2);
        var server = ServerOptions.of(options, scratch);
        server.settings.put("gateway.layout", nameAndPieces[0]);
        server.settings.put("gateway.shown-pieces", nameAndPieces.length > 1 ? nameAndPieces[1] : "0");
        try (var session = Session.startOwn(server)) {
            Map<String, JsonNode> files = new LinkedHashMap<>();
            for (var truth : questions) {
                files.computeIfAbsent(truth.file(), name -> session.ingest(samples.file(name)));
            }
            for (String system : systems) {
                var right = new LinkedHashMap<String, int[]>();
                var times = new ArrayList<Double>();
                for (var truth : questions) {
                    var body = GeminiClient.question(List.of(files.get(truth.file())), truth.question(), MAX_TOKENS);
                    if (!system.equals("default")) {
                        body.putObject("systemInstruction")
                                .putArray("parts")
                                .addObject()
                                .put("text", system);
                    }
                    Answer answer = session.client().stream(options.servedModel(), body, piece -> {});
                    times.add(answer.firstTokenMillis());
                    int[] count = right.computeIfAbsent(truth.file(), name -> new int[2]);
                    count[1]++;
                    if (truth.isRight(answer.text())) {
                        count[0]++;
                    } else if (wrong) {
                        System.err.println(layout + ", " + truth.id() + ": "
                                + answer.text().replaceAll("\\s+", " ").strip());
                    }
                }
                times.sort(Comparator.naturalOrder());
                System.out.printf(
                        "| %s | %s | %s | %.0f |%n", layout, system, counts(right), times.get(times.size() / 2));
            }
        }
    }

    private static String counts(Map<String, int[]> right) {
        int good = right.values().stream().mapToInt(count -> count[0]).sum();
        int all = right.values().stream().mapToInt(count -> count[1]).sum();
        var parts = new ArrayList<String>();
        right.forEach((file, count) -> parts.add(file + " " + count[0] + "/" + count[1]));
        return good + " of " + all + " (" + String.join(", ", parts) + ")";
    }
}
