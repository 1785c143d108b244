package longreach.standalone;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import longreach.lm.engine.ModelCatalogue;
import longreach.lm.model.Precision;
import longreach.standalone.pull.ModelCatalog;
import longreach.standalone.speed.LlamaBenchBinary;
import longreach.standalone.speed.LlamaPython;
import longreach.standalone.speed.OtherPrograms;
import longreach.standalone.speed.OwnSide;
import longreach.standalone.speed.Side;
import longreach.standalone.speed.SpeedCase;
import longreach.standalone.speed.SpeedTable;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.MachineLimits;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Prefill and decode of the bare engine in tokens per second, beside llama.cpp on the same file if asked. */
@Command(
        name = "engine",
        description = "Prefill and decode speed and peak memory of the engine alone, beside llama.cpp if asked.",
        footer = {
            "",
            "The sides take turns, round after round; the table has medians and ranges. llama.cpp comes from"
                    + " llama-cpp-python (--python) or is a llama-bench binary (--llama-bench); with"
                    + " --flash-attention both it is measured with and without, and the better of the two counts"
                    + " in each row."
        })
final class EngineSpeed implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "NAME|PATH",
            description = "Language model, or a GGUF file (default: ${DEFAULT-VALUE}).")
    private String model = "smollm2-135m";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(
            names = "--prefill",
            split = ",",
            paramLabel = "N",
            description = "Tokens of prompts, comma-separated; 0: none (default: 512,4096).")
    private List<Integer> prefill = List.of(512, 4096);

    @Option(
            names = "--depth",
            split = ",",
            paramLabel = "N|max",
            description = "Tokens in the context before decoding, comma-separated; max: as many as the model takes;"
                    + " none: do not decode (default: 0,4096,max).")
    private List<String> depth = List.of("0", "4096", "max");

    @Option(names = "--decode", paramLabel = "N", description = "Tokens decoded a round (default: ${DEFAULT-VALUE}).")
    private int decode = 32;

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds that count (default: ${DEFAULT-VALUE}).")
    private int rounds = 5;

    @Option(
            names = "--warm",
            paramLabel = "N",
            description = "Rounds of the first prompt and decoding that do not count, while the JVM compiles"
                    + " (default: ${DEFAULT-VALUE}).")
    private int warm = 3;

    @Option(names = "--precision", paramLabel = "f32|fast", description = "Default: ${DEFAULT-VALUE}.")
    private String precision = "fast";

    @Option(names = "--against", paramLabel = "llama.cpp", description = "Measure this engine too, in turn.")
    private String against = "";

    @Option(
            names = "--python",
            paramLabel = "PYTHON",
            description = "A Python that has llama-cpp-python (default: ${DEFAULT-VALUE}).")
    private String python = "python3";

    @Option(names = "--llama-bench", paramLabel = "PATH", description = "A llama-bench binary, instead of --python.")
    private Path llamaBench;

    @Option(
            names = "--flash-attention",
            paramLabel = "on|off|both",
            description = "Of llama.cpp (default: ${DEFAULT-VALUE}).")
    private String flashAttention = "both";

    @Option(names = "--json", description = "Print one JSON object, every round too, instead of a table.")
    private boolean json;

    @Override
    public Integer call() {
        check();
        Path file = file();
        int used = threads > 0 ? threads : KernelSelector.defaultThreads();
        int spare = (rounds + warm) * decode;
        var sides = new ArrayList<Side>();
        try (var own = new OwnSide(file, used, precision.equals("f32") ? Precision.F32 : Precision.FAST, spare)) {
            sides.add(own);
            List<SpeedCase> cases = cases(own.context(), spare);
            if (!against.isEmpty()) {
                addOthers(sides, file, used, contextFor(cases, spare));
            }
            var others = new OtherPrograms();
            var table = measure(sides, cases);
            print(table, file, own, others.share());
        } catch (IOException e) {
            throw CommandException.failed(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted", e);
        } finally {
            closeOthers(sides);
        }
        return 0;
    }

    private void check() {
        if (!against.isEmpty() && !against.equals("llama.cpp")) {
            throw CommandException.usage("--against: " + against + " (expected: llama.cpp)");
        }
        if (!precision.equals("f32") && !precision.equals("fast")) {
            throw CommandException.usage("--precision: " + precision + " (expected: f32 or fast)");
        }
        if (!List.of("on", "off", "both").contains(flashAttention)) {
            throw CommandException.usage("--flash-attention: " + flashAttention + " (expected: on, off or both)");
        }
        if (decode < 1 || rounds < 1 || warm < 0) {
            throw CommandException.usage("--decode, --rounds, --warm: " + decode + ", " + rounds + ", " + warm
                    + " (expected: at least 1, 1 and 0)");
        }
        if (llamaBench != null && !Files.isExecutable(llamaBench)) {
            throw CommandException.usage("--llama-bench: " + llamaBench + " (expected: a program)");
        }
    }

    private Path file() {
        if (ModelCatalog.find(model).isPresent()) {
            Weights.pull(model);
        } else if (!Files.exists(Path.of(model))) {
            throw CommandException.usage("--model: " + model + " (expected: a model's name or a GGUF file)");
        }
        return new ModelCatalogue(ModelCache.ofEnvironment()).find(model).file();
    }

    private List<SpeedCase> cases(int context, int spare) {
        var cases = new LinkedHashSet<SpeedCase>();
        for (int tokens : prefill) {
            if (tokens < 0 || tokens > context) {
                throw CommandException.usage("--prefill: " + tokens + " (expected: 0 to " + context + ")");
            }
            if (tokens > 0) {
                cases.add(new SpeedCase.Prefill(tokens));
            }
        }
        int deepest = context - spare;
        for (String tokens : depth) {
            switch (tokens) {
                case "none" -> {}
                case "max" -> cases.add(new SpeedCase.Decode(deepest));
                default -> {
                    int at = tokens.matches("[0-9]{1,9}") ? Integer.parseInt(tokens) : -1;
                    if (at < 0 || at > deepest) {
                        throw CommandException.usage(
                                "--depth: " + tokens + " (expected: 0 to " + deepest + ", max, or none)");
                    }
                    cases.add(new SpeedCase.Decode(at));
                }
            }
        }
        if (cases.isEmpty()) {
            throw CommandException.usage("--prefill, --depth: nothing to measure (expected: one at least)");
        }
        return List.copyOf(cases);
    }

    private static int contextFor(List<SpeedCase> cases, int spare) {
        return cases.stream()
                .mapToInt(what -> switch (what) {
                    case SpeedCase.Prefill prompt -> prompt.tokens();
                    case SpeedCase.Decode at -> Math.max(1, at.depth()) + spare;
                })
                .max()
                .orElseThrow();
    }

    private void addOthers(List<Side> sides, Path file, int used, int context) {
        for (boolean flash : new boolean[] {true, false}) {
            if (flashAttention.equals(flash ? "off" : "on")) {
                continue;
            }
            if (llamaBench != null) {
                sides.add(new LlamaBenchBinary(llamaBench, file, used, flash));
                continue;
            }
            try {
                sides.add(new LlamaPython(python, file, used, context, flash));
            } catch (IOException e) {
                throw CommandException.missing("--python " + python + ": " + e.getMessage()
                        + " (expected: a Python with llama-cpp-python installed)");
            }
        }
    }

    // Case by case, because a side keeps the context that a depth needs; within a case the sides take turns.
    private SpeedTable measure(List<Side> sides, List<SpeedCase> cases) throws IOException, InterruptedException {
        var table = new SpeedTable(sides);
        try (var progress = new Progress("measuring", (long) cases.size() * rounds * sides.size() + warm, "", 1)) {
            long done = 0;
            for (int round = 0; round < warm; round++) {
                progress.at(done++, "warming up");
                for (Side side : sides) {
                    side.measure(new SpeedCase.Prefill(Math.min(512, largestPrompt(cases))), decode);
                    side.measure(new SpeedCase.Decode(0), decode);
                }
            }
            for (SpeedCase what : cases) {
                for (int round = 0; round < rounds; round++) {
                    for (Side side : sides) {
                        progress.at(done++, what + ", " + side.name());
                        table.add(what, side, side.measure(what, decode));
                    }
                }
            }
        }
        return table;
    }

    private static int largestPrompt(List<SpeedCase> cases) {
        return contextFor(cases, 1);
    }

    private void print(SpeedTable table, Path file, OwnSide own, OptionalDouble others) throws IOException {
        MachineLimits limits = own.limits();
        long fileBytes = size(file);
        // A decoded token reads the weights once; a prompt's token multiplies and adds with each of them once.
        double decodeLimit = limits.readBytesPerSecond() / fileBytes;
        double prefillLimit = limits.flopsPerSecond() / (2.0 * own.parameters());
        if (json) {
            var out = GeminiClient.JSON.createObjectNode();
            out.put("model", file.getFileName().toString())
                    .put("family", own.family())
                    .put("parameters", own.parameters())
                    .put("fileBytes", fileBytes)
                    .put("threads", limits.threads())
                    .put("rounds", rounds)
                    .put("decodeTokens", decode);
            out.putObject("machine")
                    .put("readBytesPerSecond", limits.readBytesPerSecond())
                    .put("f32FlopsPerSecond", limits.flopsPerSecond())
                    .put("decodeTokensPerSecondByReads", decodeLimit)
                    .put("prefillTokensPerSecondByF32", prefillLimit);
            others.ifPresent(share -> out.put("otherProgramsShare", share));
            out.setAll(table.json());
            System.out.println(
                    GeminiClient.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(out));
            return;
        }
        System.out.printf(
                Locale.ROOT,
                "%s: %s, %.0f million parameters in %.0f MB, %d threads, %d rounds%n",
                file.getFileName(),
                own.family(),
                own.parameters() / 1e6,
                fileBytes / 1e6,
                limits.threads(),
                rounds);
        System.out.printf(
                Locale.ROOT,
                "machine: memory reads %.1f GB/s, so at most %.0f tokens/s decoded; f32 multiply-adds %.1f GFLOP/s, so"
                        + " about %.0f tokens/s of prompt%n",
                limits.readBytesPerSecond() / 1e9,
                decodeLimit,
                limits.flopsPerSecond() / 1e9,
                prefillLimit);
        if (others.isPresent()) {
            System.out.printf(
                    Locale.ROOT,
                    "other programs took %.0f %% of the processors' time meanwhile%n",
                    100 * others.getAsDouble());
        }
        System.out.print(table.text());
    }

    private static long size(Path file) throws IOException {
        try (var files = Files.walk(file)) {
            return files.filter(path -> path.toString().matches(".*\\.(gguf|safetensors)"))
                    .mapToLong(path -> path.toFile().length())
                    .sum();
        }
    }

    private static void closeOthers(List<Side> sides) {
        for (Side side : sides) {
            if (!(side instanceof OwnSide)) {
                try {
                    side.close();
                } catch (IOException e) {
                    System.err.println("longreach: " + side.name() + " was not closed: " + e);
                }
            }
        }
    }
}
