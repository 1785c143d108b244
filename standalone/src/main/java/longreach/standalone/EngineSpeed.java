package longreach.standalone;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.Callable;
import longreach.lm.engine.EngineBench;
import longreach.lm.model.Precision;
import longreach.standalone.pull.ModelCatalog;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Prefill and decode tokens per second of the bare engine, beside another engine on the same file if asked. */
@Command(name = "engine", description = "Prefill and decode tokens per second, of the engine alone.")
final class EngineSpeed implements Callable<Integer> {
    private static final int ROUNDS = 3;

    @Option(names = "--model", paramLabel = "NAME", description = "Language model (default: ${DEFAULT-VALUE}).")
    private String model = "smollm2-135m";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(names = "--prefill", paramLabel = "N", description = "Tokens of the prompt (default: ${DEFAULT-VALUE}).")
    private int prefill = 512;

    @Option(names = "--decode", paramLabel = "N", description = "Tokens decoded after it (default: ${DEFAULT-VALUE}).")
    private int decode = 128;

    @Option(names = "--precision", paramLabel = "f32|fast", description = "Default: ${DEFAULT-VALUE}.")
    private String precision = "fast";

    @Option(names = "--against", paramLabel = "llama.cpp", description = "Measure this engine too, before and after.")
    private String against = "";

    @Option(
            names = "--python",
            paramLabel = "PYTHON",
            description = "A Python that has llama-cpp-python (default: ${DEFAULT-VALUE}).")
    private String python = "python3";

    @Override
    public Integer call() {
        if (!against.isEmpty() && !against.equals("llama.cpp")) {
            throw CommandException.usage("--against: " + against + " (expected: llama.cpp)");
        }
        if (prefill < 1 || decode < 1) {
            throw CommandException.usage("--prefill, --decode: " + prefill + ", " + decode + " (expected: 1 or more)");
        }
        Weights.pull(model);
        Path gguf = ModelCache.ofEnvironment()
                .require(
                        model,
                        ModelCatalog.find(model)
                                .orElseThrow()
                                .files()
                                .getFirst()
                                .name());
        int used = threads > 0 ? threads : KernelSelector.defaultThreads();
        runOther(gguf, used);
        var kernels = KernelSelector.select(used);
        try (var bench = new EngineBench(gguf, kernels, precision.equals("f32") ? Precision.F32 : Precision.FAST)) {
            System.out.println("longreach, " + precision + ", " + bench.speed(prefill, decode, ROUNDS));
        } finally {
            kernels.pool().close();
        }
        runOther(gguf, used);
        return 0;
    }

    // Once before and once after: on a machine that others use too, the two show how much its speed wandered.
    private void runOther(Path gguf, int used) {
        if (against.isEmpty()) {
            return;
        }
        try {
            Path script = Files.createTempFile("llama-bench", ".py");
            try (InputStream in = EngineSpeed.class.getResourceAsStream("llama_bench.py")) {
                Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
                int code = new ProcessBuilder(List.of(
                                python,
                                script.toString(),
                                gguf.toString(),
                                Integer.toString(used),
                                Integer.toString(prefill),
                                Integer.toString(decode),
                                Integer.toString(ROUNDS)))
                        .inheritIO()
                        .start()
                        .waitFor();
                if (code != 0) {
                    throw CommandException.missing("--python " + python
                            + ": could not run llama.cpp (expected: a Python with llama-cpp-python installed)");
                }
            } finally {
                Files.delete(script);
            }
        } catch (IOException e) {
            throw CommandException.missing("--python " + python + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted", e);
        }
    }
}
