package longreach.standalone;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import longreach.lm.engine.EngineSettings;
import longreach.lm.engine.ModelCatalogue;
import longreach.lm.engine.ServingBench;
import longreach.lm.model.Precision;
import longreach.lm.speculate.Speculation;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The scheduler at work: many streams at once, and a stream beside a long prompt. */
@Command(
        name = "serving",
        description = "Decode speed of several streams together, and a stream's gaps beside a long prompt.")
final class ServingSpeed implements Callable<Integer> {
    @Option(names = "--model", paramLabel = "NAME", description = "Language model (default: ${DEFAULT-VALUE}).")
    private String model = "smollm2-135m";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(names = "--precision", paramLabel = "f32|fast", description = "Default: ${DEFAULT-VALUE}.")
    private String precision = "fast";

    @Option(names = "--streams", paramLabel = "N", description = "Streams at once (default: ${DEFAULT-VALUE}).")
    private int streams = 8;

    @Option(
            names = "--prompt",
            paramLabel = "N",
            description = "Tokens of the long prompt (default: ${DEFAULT-VALUE}).")
    private int prompt = 2048;

    @Option(names = "--tokens", paramLabel = "N", description = "Tokens of each answer (default: ${DEFAULT-VALUE}).")
    private int tokens = 96;

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds that count (default: ${DEFAULT-VALUE}).")
    private int rounds = 3;

    @Override
    public Integer call() throws InterruptedException {
        if (streams < 2 || streams > EngineSettings.DEFAULTS.maxRunning() || tokens < 12 || rounds < 1 || prompt < 1) {
            throw CommandException.usage("--streams, --tokens, --rounds, --prompt: " + streams + ", " + tokens + ", "
                    + rounds + ", " + prompt + " (expected: 2 to " + EngineSettings.DEFAULTS.maxRunning()
                    + ", at least 12, 1 and 1)");
        }
        Weights.pullMissing(model);
        var kernels = threads > 0 ? KernelSelector.select(threads) : KernelSelector.select();
        Path gguf = new ModelCatalogue(ModelCache.ofEnvironment()).find(model).file();
        // Prompts that mean nothing repeat themselves: without guesses, or they would be measured instead.
        var settings = EngineSettings.DEFAULTS.with(Speculation.OFF);
        Precision exactness = precision.equals("f32") ? Precision.F32 : Precision.FAST;
        try (var bench = new ServingBench(gguf, null, kernels, exactness, null, settings)) {
            System.out.println("| streams | tokens/s, all together | times one stream |");
            System.out.println("|---|---|---|");
            double one = best(bench, 1);
            System.out.printf("| 1 | %.1f | |%n", one);
            double all = best(bench, streams);
            System.out.printf("| %d | %.1f | %.2f |%n", streams, all, all / one);
            ServingBench.Gaps[] gaps = bench.gapsBeside(prompt, tokens);
            System.out.println();
            System.out.println("| a stream's gaps, ms | median | 90 % | longest | longest in usual gaps |");
            System.out.println("|---|---|---|---|---|");
            double usual = gaps[0].millis(0.5);
            print("alone", gaps[0], usual);
            print("beside a prompt of " + prompt, gaps[1], usual);
        } finally {
            kernels.pool().close();
        }
        return 0;
    }

    private double best(ServingBench bench, int count) throws InterruptedException {
        double best = 0;
        bench.together(count, tokens);
        for (int round = 0; round < rounds; round++) {
            best = Math.max(best, bench.together(count, tokens).tokensPerSecond());
        }
        return best;
    }

    private static void print(String what, ServingBench.Gaps gaps, double usual) {
        if (gaps.sorted().length == 0) {
            System.out.println("| " + what + " | none | | | |");
            return;
        }
        System.out.printf(
                "| %s | %.1f | %.1f | %.1f | %.2f |%n",
                what, gaps.millis(0.5), gaps.millis(0.9), gaps.millis(1), gaps.millis(1) / usual);
    }
}
