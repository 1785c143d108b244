package longreach.standalone;

import java.util.Locale;
import java.util.concurrent.Callable;
import longreach.lm.engine.ConstraintBench;
import longreach.lm.engine.ModelCatalogue;
import longreach.lm.model.Precision;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What it costs to keep answers to a schema. */
@Command(name = "form", description = "Cost of keeping answers to a JSON schema, for each token of an answer.")
final class FormSpeed implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "NAME|PATH",
            description = "Language model, or a GGUF file (default: ${DEFAULT-VALUE}).")
    private String model = "smollm2-135m";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(names = "--show", description = "Print the answers too.")
    private boolean show;

    @Override
    public Integer call() {
        var kernels = threads == 0 ? KernelSelector.select() : KernelSelector.select(threads);
        try (var pool = kernels.pool()) {
            var entry = new ModelCatalogue(ModelCache.ofEnvironment()).find(model);
            System.out.printf(Locale.ROOT, "%s, %s, %d threads%n", entry.name(), kernels.name(), pool.threads());
            var result = ConstraintBench.run(
                    entry.file(), kernels, Precision.FAST, "Describe a famous book about the sea as JSON.\n");
            System.out.printf(Locale.ROOT, "token tree and first grammar: %.0f ms%n", result.treeMillis());
            System.out.println(
                    "form              tokens  prepare ms  mask µs/token new  known  token µs  share new  known");
            for (var cost : result.costs()) {
                System.out.printf(
                        Locale.ROOT,
                        "%-17s %6d %11.1f %18.1f %6.1f %9.0f %9.2f%% %5.2f%%%n",
                        cost.form(),
                        cost.tokens(),
                        cost.prepareMillis(),
                        cost.firstMicros(),
                        cost.laterMicros(),
                        cost.tokenMicros(),
                        100 * cost.firstShare(),
                        100 * cost.laterShare());
                if (show) {
                    System.out.println("  " + cost.text());
                }
            }
        }
        return 0;
    }
}
