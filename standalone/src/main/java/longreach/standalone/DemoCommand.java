package longreach.standalone;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** The whole path on the sample media: ingest, ask, ask again, and a table of what came out. */
@Command(
        name = "demo",
        description = "Ingest the sample video, report and scan, ask every question twice, and show how it went.",
        footer = {
            "",
            "An answer is right when one of the accepted strings of samples/ground-truth.json occurs in it.",
            "Everything is kept in a temporary directory that is deleted at the end, unless --data names one."
        })
final class DemoCommand implements Callable<Integer> {
    private static final int MAX_TOKENS = 48;

    @Mixin
    private ServerOptions options;

    @Option(names = "--json", description = "Print the results as one JSON object instead of the table.")
    private boolean json;

    private record Result(GroundTruth truth, Answer cold, Answer warm) {}

    @Override
    public Integer call() throws IOException {
        var samples = Samples.find();
        boolean temporary = options.data.equals(DataDirectory.byDefault());
        if (temporary) {
            options.data = Files.createTempDirectory("longreach-demo");
            // Runs after the server's own hook has let go of the directory, or finds it gone.
            Runtime.getRuntime().addShutdownHook(new Thread(() -> deleteWhenQuiet(options.data)));
        }
        options.check();
        Weights.pullMissing(options.model);
        try (var session = Session.startOwn(options)) {
            var results = ask(session, samples);
            if (json) {
                printJson(results);
            } else {
                printTable(results);
            }
        } finally {
            if (temporary) {
                delete(options.data);
            }
        }
        return 0;
    }

    private List<Result> ask(Session session, Samples samples) {
        var questions = samples.questions();
        var names = new LinkedHashSet<String>();
        questions.forEach(truth -> names.add(truth.file()));
        Map<String, JsonNode> files = new LinkedHashMap<>();
        for (String name : names) {
            files.put(name, session.ingest(samples.file(name)));
        }
        var cold = new ArrayList<Answer>();
        for (var truth : questions) {
            say("\n" + truth.file() + ": " + truth.question());
            Answer answer = answer(session, files.get(truth.file()), truth, true);
            say((answer.sources().isEmpty() ? "" : "  [" + String.join("; ", answer.sources()) + "]")
                    + (truth.isRight(answer.text())
                            ? "  right"
                            : "  WRONG, expected: " + truth.answers().getFirst()));
            cold.add(answer);
        }
        say("\nThe same questions again:");
        var results = new ArrayList<Result>();
        try (var progress = new Progress("asking again", questions.size(), "", 1)) {
            for (int i = 0; i < questions.size(); i++) {
                var truth = questions.get(i);
                results.add(new Result(truth, cold.get(i), answer(session, files.get(truth.file()), truth, false)));
                progress.at(i + 1, "");
            }
        }
        return results;
    }

    private Answer answer(Session session, JsonNode file, GroundTruth truth, boolean show) {
        var body = GeminiClient.question(List.of(file), truth.question(), MAX_TOKENS);
        return session.client().stream(options.servedModel(), body, piece -> {
            if (show && !json) {
                System.out.print(piece);
                System.out.flush();
            }
        });
    }

    private void say(String text) {
        if (!json) {
            System.out.println(text);
        }
    }

    private static void printTable(List<Result> results) {
        System.out.printf(
                "%n%-9s %-56s %-5s %9s %9s %9s %7s%n",
                "file", "question", "", "cold ms", "warm ms", "tokens/s", "chunks");
        for (var result : results) {
            System.out.printf(
                    "%-9s %-56s %-5s %9.0f %9.0f %9.1f %7d%n",
                    shortened(result.truth().file().replaceFirst("\\..*", ""), 9),
                    shortened(result.truth().question(), 56),
                    result.truth().isRight(result.cold().text()) ? "right" : "wrong",
                    result.cold().firstTokenMillis(),
                    result.warm().firstTokenMillis(),
                    result.warm().tokensPerSecond(),
                    result.warm().chunksReused());
        }
        System.out.println();
        var byFile = new LinkedHashMap<String, List<Result>>();
        results.forEach(result -> byFile.computeIfAbsent(result.truth().file(), name -> new ArrayList<>())
                .add(result));
        byFile.forEach((name, some) -> System.out.printf("%-10s right %d of %d%n", name, right(some), some.size()));
        System.out.printf("%-10s right %d of %d%n", "together", right(results), results.size());
        System.out.printf(
                "time to first token, median: %.0f ms cold, %.0f ms warm; the same answer again: %d of %d%n",
                median(results, true), median(results, false), same(results), results.size());
        long cached = results.stream()
                .mapToLong(result -> result.warm().cachedTokens())
                .sum();
        long prompt = results.stream()
                .mapToLong(result -> result.warm().promptTokens())
                .sum();
        System.out.printf("the second time, %d of %d prompt tokens came from the cache%n", cached, prompt);
        System.out.println("cold ms and warm ms: time to first token, the first and the second time; chunks: reused"
                + " the second time");
    }

    private static void printJson(List<Result> results) {
        var root = GeminiClient.JSON.createObjectNode();
        root.put("right", right(results)).put("questions", results.size());
        root.put("medianFirstTokenColdMs", median(results, true));
        root.put("medianFirstTokenWarmMs", median(results, false));
        var list = root.putArray("results");
        for (var result : results) {
            var item = list.addObject();
            item.put("id", result.truth().id()).put("answer", result.cold().text());
            item.put("right", result.truth().isRight(result.cold().text()));
            item.put("firstTokenColdMs", result.cold().firstTokenMillis());
            item.put("firstTokenWarmMs", result.warm().firstTokenMillis());
            item.put("tokensPerSecond", result.warm().tokensPerSecond());
            item.put("promptTokens", result.warm().promptTokens());
            item.put("cachedTokens", result.warm().cachedTokens());
            item.put("chunksReused", result.warm().chunksReused());
            var sources = item.putArray("sources");
            result.cold().sources().forEach(sources::add);
        }
        System.out.println(GeminiClient.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root));
    }

    private static int right(List<Result> results) {
        return (int) results.stream()
                .filter(result -> result.truth().isRight(result.cold().text()))
                .count();
    }

    private static int same(List<Result> results) {
        return (int) results.stream()
                .filter(result -> result.cold().text().equals(result.warm().text()))
                .count();
    }

    private static double median(List<Result> results, boolean cold) {
        var times = results.stream()
                .map(result -> cold ? result.cold() : result.warm())
                .mapToDouble(Answer::firstTokenMillis)
                .sorted()
                .toArray();
        return times.length == 0 ? 0 : times[times.length / 2];
    }

    private static String shortened(String text, int length) {
        return text.length() <= length ? text : text.substring(0, length - 3) + "...";
    }

    private static void deleteWhenQuiet(Path directory) {
        // The server's hook runs beside this one; its Redis may still be writing its last snapshot.
        for (int attempt = 0; attempt < 50 && Files.exists(directory.resolve("address")); attempt++) {
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        try {
            delete(directory);
        } catch (IOException e) {
            System.err.println("longreach: " + directory + " could not be deleted: " + e.getMessage());
        }
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (var walk = Files.walk(directory)) {
            for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
