package longreach.standalone;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import longreach.lm.engine.EngineSettings;
import longreach.lm.engine.ModelCatalogue;
import longreach.lm.engine.ServingBench;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.speculate.Speculation;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Decode speed with guesses and without, prompt by prompt, in turn. */
@Command(
        name = "speculation",
        description = "Decode speed with guesses at the next tokens and without: answers that quote, and others.")
final class SpeculationBench implements Callable<Integer> {
    private static final long STORE_BYTES = 1L << 30;

    @Option(names = "--model", paramLabel = "NAME", description = "Language model (default: ${DEFAULT-VALUE}).")
    private String model = "smollm2-135m";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(names = "--precision", paramLabel = "f32|fast", description = "Default: ${DEFAULT-VALUE}.")
    private String precision = "fast";

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds that count (default: ${DEFAULT-VALUE}).")
    private int rounds = 2;

    @Option(names = "--tokens", paramLabel = "N", description = "Most tokens of an answer (default: ${DEFAULT-VALUE}).")
    private int tokens = 96;

    @Option(names = "--only", paramLabel = "KIND", description = "quote, repeat, question or free (default: all).")
    private String only = "";

    @Option(
            names = "--draft",
            paramLabel = "NAME",
            description = "A draft model, by name or path, to guess instead of the context.")
    private String draft = "";

    @Option(names = "--show", description = "Show the answers too.")
    private boolean show;

    /** @param document empty: none */
    private record Prompt(String kind, String name, String system, String document, String question) {}

    private static final String QUESTION_SYSTEM = "Answer the question with a short quote from the text.";

    private static final List<String> FREE = List.of(
            "Write a short story about a robot that learns to paint.",
            "Explain how a bicycle stays upright.",
            "Give me five ideas for a rainy afternoon with children.",
            "What are the advantages and disadvantages of living in a big city?",
            "Write a polite letter to a neighbour about a loud dog.",
            "Describe the sea in winter.");

    @Override
    public Integer call() throws Exception {
        if (rounds < 1 || tokens < 2) {
            throw CommandException.usage(
                    "--rounds, --tokens: " + rounds + ", " + tokens + " (expected: 1 and 2 or more)");
        }
        Weights.pullMissing(model);
        List<Prompt> prompts = prompts().stream()
                .filter(p -> only.isEmpty() || p.kind.equals(only))
                .toList();
        var kernels = threads > 0 ? KernelSelector.select(threads) : KernelSelector.select();
        var catalogue = new ModelCatalogue(ModelCache.ofEnvironment());
        Path gguf = catalogue.find(model).file();
        Path guesses = draft.isEmpty() ? null : catalogue.find(draft).file();
        Precision exactness = precision.equals("f32") ? Precision.F32 : Precision.FAST;
        try (var store = new MemoryContextStore(STORE_BYTES);
                var plain = bench(gguf, null, kernels, exactness, store, Speculation.OFF);
                var guessing = bench(
                        gguf,
                        guesses,
                        kernels,
                        exactness,
                        store,
                        guesses == null ? Speculation.LOOKUP : Speculation.DRAFT)) {
            System.out.println("| kind | prompt | answer, tokens | plain, tokens/s | guessing, tokens/s | ratio | "
                    + "accepted of guessed |");
            System.out.println("|---|---|---|---|---|---|---|");
            for (String kind : List.of("quote", "question", "free")) {
                List<Double> ratios = new ArrayList<>();
                for (Prompt prompt : prompts) {
                    if (prompt.kind.equals(kind)) {
                        ratios.add(compare(prompt, plain, guessing));
                    }
                }
                ratios.sort(null);
                if (!ratios.isEmpty()) {
                    System.out.printf(
                            "%s: median ratio %.2f, lowest %.2f%n",
                            kind, ratios.get(ratios.size() / 2), ratios.getFirst());
                }
            }
        } finally {
            kernels.pool().close();
        }
        return 0;
    }

    private static ServingBench bench(
            Path gguf,
            Path draft,
            Kernels kernels,
            Precision precision,
            MemoryContextStore store,
            Speculation speculation) {
        return new ServingBench(gguf, draft, kernels, precision, store, EngineSettings.DEFAULTS.with(speculation));
    }

    /** Median speeds over rounds in turn, after one of each that does not count. */
    private double compare(Prompt prompt, ServingBench plain, ServingBench guessing) throws InterruptedException {
        TokenStream stream = plain.prompt(prompt.system, prompt.document, prompt.question);
        double[] off = new double[rounds];
        double[] on = new double[rounds];
        long[] before = guessing.guesses();
        ServingBench.Answer answer = null;
        for (int round = -1; round < rounds; round++) {
            answer = plain.answer(stream, tokens);
            plain.settle();
            ServingBench.Answer guessed = guessing.answer(stream, tokens);
            if (!Arrays.equals(answer.ids(), guessed.ids())) {
                throw CommandException.failed(
                        prompt.name + ": the answers differ (expected: guesses change nothing)", null);
            }
            if (round >= 0) {
                off[round] = answer.tokensPerSecond();
                on[round] = guessed.tokensPerSecond();
            }
        }
        long[] after = guessing.guesses();
        double ratio = median(on) / median(off);
        System.out.printf(
                "| %s | %s | %d | %.1f | %.1f | %.2f | %d of %d |%n",
                prompt.kind,
                prompt.name,
                answer.ids().length,
                median(off),
                median(on),
                ratio,
                (after[1] - before[1]) / (rounds + 1),
                (after[0] - before[0]) / (rounds + 1));
        if (show) {
            System.out.println(answer.text().strip().replaceAll("\\s+", " "));
        }
        return ratio;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted.length % 2 == 1
                ? sorted[sorted.length / 2]
                : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
    }

    private static List<Prompt> prompts() throws java.io.IOException {
        var samples = Samples.find();
        String report = java.nio.file.Files.readString(samples.file("report.txt"));
        List<Prompt> prompts = new ArrayList<>();
        for (String page : report.split("(?m)^# ")) {
            if (!page.isBlank()) {
                String title = page.lines().findFirst().orElseThrow();
                prompts.add(new Prompt(
                        "quote", title, "", page.strip(), "Repeat the text about \"" + title + "\" word for word."));
            }
        }
        for (GroundTruth truth : samples.questions()) {
            if (truth.file().equals("report.pdf")) {
                prompts.add(new Prompt("question", truth.id(), QUESTION_SYSTEM, report, truth.question()));
            }
        }
        for (String free : FREE) {
            prompts.add(new Prompt("free", free, "", "", free));
        }
        return prompts;
    }
}
