package longreach.standalone;

import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.LogitsProbe;
import longreach.lm.engine.ModelCatalogue;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelCache;
import longreach.tensor.weights.WeightsException;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/**
 * Logits in f32. As text, a line for each position: the position, a tab, and the logits separated by spaces. As JSON: {@code
 * {"model", "family", "tokens", "positions", "logits"}}, the last with one array for each position. Floats are written so
 * that reading them gives the same bits.
 */
@Command(
        name = "logits",
        description = "Print a model's logits in f32, to check a family or a conversion against a reference.")
final class LogitsCommand implements Callable<Integer> {
    private static final class Input {
        @Option(names = "--tokens", paramLabel = "IDS", description = "Token ids, separated by commas.")
        private String tokens;

        @Option(
                names = "--text",
                paramLabel = "TEXT",
                description =
                        "Text for the model's own tokenizer; the token that texts begin with, if any, is put first.")
        private String text;
    }

    @Option(
            names = "--model",
            paramLabel = "PATH",
            required = true,
            description = "A GGUF file, a directory of safetensors, or a model's name.")
    private String model;

    @ArgGroup(multiplicity = "1")
    private Input input;

    @Option(
            names = "--chunk",
            paramLabel = "N",
            description = "Compute N tokens at a time (default: up to 512). The logits must not depend on it.")
    private int chunk;

    @Option(
            names = "--at",
            paramLabel = "all|last",
            description = "Logits after every token or after the last one (default: ${DEFAULT-VALUE}).")
    private String at = "last";

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Override
    public Integer call() {
        if (!at.equals("all") && !at.equals("last")) {
            throw CommandException.usage("--at: " + at + " (expected: all or last)");
        }
        if (chunk < 0 || threads < 0) {
            throw CommandException.usage("--chunk, --threads: " + chunk + ", " + threads + " (expected: 0 or more)");
        }
        Kernels kernels = KernelSelector.select(threads > 0 ? threads : KernelSelector.defaultThreads());
        try (var probe = new LogitsProbe(path(), kernels)) {
            int[] ids = input.tokens != null ? ids(input.tokens) : probe.encode(input.text);
            var out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);
            print(probe, ids, out);
            out.flush();
            return 0;
        } catch (WeightsException e) {
            throw CommandException.failed(e.getMessage());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage());
        } finally {
            kernels.pool().close();
        }
    }

    private Path path() {
        try {
            return new ModelCatalogue(ModelCache.ofEnvironment()).find(model).file();
        } catch (EngineException e) {
            throw CommandException.usage("--model: " + e.getMessage());
        }
    }

    private static int[] ids(String text) {
        try {
            return Arrays.stream(text.split(",", -1))
                    .mapToInt(id -> Integer.parseInt(id.strip()))
                    .toArray();
        } catch (NumberFormatException e) {
            throw CommandException.usage("--tokens: " + text + " (expected: token ids such as 1,2,3)");
        }
    }

    private void print(LogitsProbe probe, int[] ids, PrintStream out) {
        boolean all = at.equals("all");
        int vocabulary = probe.card().vocabulary();
        if (json) {
            String positions = all
                    ? IntStream.range(0, ids.length).mapToObj(Integer::toString).collect(Collectors.joining(","))
                    : Integer.toString(ids.length - 1);
            String tokens = Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(","));
            out.printf(
                    "{\"model\":%s,\"family\":\"%s\",\"tokens\":[%s],\"positions\":[%s],\"logits\":[",
                    JsonMapper.shared().writeValueAsString(model), probe.card().family(), tokens, positions);
        }
        boolean[] first = {true};
        probe.run(ids, chunk, all, (position, logits, offset) -> {
            if (json) {
                out.print(first[0] ? "[" : ",[");
            } else {
                out.print(position + "\t");
            }
            first[0] = false;
            for (int i = 0; i < vocabulary; i++) {
                out.print(i == 0 ? "" : json ? "," : " ");
                // A logit that is not finite has no JSON; null shows it.
                float logit = logits[offset + i];
                out.print(json && !Float.isFinite(logit) ? "null" : Float.toString(logit));
            }
            out.print(json ? "]" : "\n");
        });
        if (json) {
            out.print("]}\n");
        }
    }
}
