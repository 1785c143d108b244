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
    // Rounds that do not count, while the JVM compiles.
    private static final int WARM = 3;

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
            double[] best = best(bench);
            System.out.printf("| 1 | %.1f | |%n", best[0]);
            System.out.printf("| %d | %.1f | %.2f |%n", streams, best[1], best[1] / best[0]);
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

    /** Tokens per second of one stream, and of all of them: each the best of rounds in turn. */
    private double[] best(ServingBench bench) throws InterruptedException {
        double[] best = new double[2];
        for (int round = -WARM; round < rounds; round++) {
            for (int i = 0; i < 2; i++) {
                double speed = bench.together(i == 0 ? 1 : streams, tokens).tokensPerSecond();
                best[i] = round < 0 ? 0 : Math.max(best[i], speed);
            }
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
