package longreach.standalone;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import longreach.lm.engine.ModelCatalogue;
import longreach.lm.model.Precision;
import longreach.standalone.needle.NeedleBench;
import longreach.store.api.Codec;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** How many facts are found in long prose, whatever their place. */
@Command(
        name = "needle",
        description = "Plant facts in long prose and ask for them: exactly, cut off, under a window, in long mode with "
                + "each selector, and in focus mode.")
final class NeedleCommand implements Callable<Integer> {
    @Option(
            names = "--haystack",
            required = true,
            paramLabel = "FILE",
            description = "Prose, a sentence or verse a line. On Debian: apt-get install bible-kjv bible-kjv-text; "
                    + "bible -f gen1:1-rev22:21 | sed 's/^[^ ]* //' > FILE")
    private Path haystack;

    @Option(names = "--lengths", split = ",", description = "Tokens, such as 2k,8k,32k (default: ${DEFAULT-VALUE}).")
    private List<String> lengths = List.of("2k", "8k", "32k");

    @Option(names = "--depths", description = "Facts in a haystack, at equal distances (default: ${DEFAULT-VALUE}).")
    private int depths = 10;

    @Option(names = "--needles", description = "Facts of each length in all (default: ${DEFAULT-VALUE}).")
    private int needles = 10;

    @Option(
            names = "--mode",
            split = ",",
            description = "Of exact, truncate, window, long, focus (default: all of them).")
    private List<String> modes = List.of("exact", "truncate", "window", "long", "focus");

    @Option(
            names = "--selector",
            split = ",",
            description = "For long and focus, of lexical, embedding, fused (default: ${DEFAULT-VALUE}).")
    private List<String> selectors = List.of("fused");

    @Option(names = "--blocks", split = ",", description = "Chosen blocks (default: ${DEFAULT-VALUE}).")
    private List<Integer> blocks = List.of(4);

    @Option(names = "--paraphrased", description = "Ask in other words than the facts' too.")
    private boolean paraphrased;

    @Option(
            names = "--together",
            paramLabel = "N",
            description =
                    "Also plant so many facts and ask for all of them at once; 0: no (default: ${DEFAULT-VALUE}).")
    private int together;

    @Option(
            names = "--with",
            split = ",",
            paramLabel = "FILE",
            description = "Figures that earlier runs wrote with --json, for the table and the plot.")
    private List<Path> earlier = List.of();

    @Option(names = "--model", paramLabel = "NAME|PATH", description = "Language model (default: ${DEFAULT-VALUE}).")
    private String model = "smollm2-135m";

    @Option(names = "--precision", paramLabel = "f32|fast", description = "Default: ${DEFAULT-VALUE}.")
    private String precision = "fast";

    @Option(
            names = "--codec",
            paramLabel = "f16|q8|q4",
            description = "What keys and values are stored as (default: ${DEFAULT-VALUE}).")
    private String codec = "f16";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(names = "--seed", description = "Of keys, facts and places in the prose (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Option(
            names = "--store",
            paramLabel = "DIR",
            description = "Keep contexts in a Redis on this directory, so that a later run restores them; "
                    + "default: in this process' memory.")
    private Path store;

    @Option(
            names = "--store-memory",
            paramLabel = "GB",
            description = "Bound of the store (default: ${DEFAULT-VALUE}).")
    private int storeGigabytes = 4;

    @Option(names = "--json", paramLabel = "FILE", description = "Write all figures as JSON, after every haystack.")
    private Path json;

    @Option(names = "--plot", paramLabel = "FILE", description = "Write recall over length and depth as SVG.")
    private Path plot;

    @Option(names = "--show", description = "Show wrong answers.")
    private boolean show;

    @Override
    public Integer call() throws Exception {
        if (!Files.isReadable(haystack)) {
            throw CommandException.usage("--haystack " + haystack + ": not there (expected: a text file)");
        }
        Weights.pullMissing(model);
        var setting = new NeedleBench.Setting(
                haystack,
                lengths.stream().map(NeedleCommand::tokens).toList(),
                depths,
                needles,
                modes,
                selectors,
                blocks,
                paraphrased,
                together,
                earlier,
                seed,
                store,
                (long) storeGigabytes << 30,
                json,
                plot,
                show);
        Path file = new ModelCatalogue(ModelCache.ofEnvironment()).find(model).file();
        Precision exactness = exactness();
        try {
            new NeedleBench(setting, System.out, System.err).run(file, threads, exactness);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage());
        }
        return 0;
    }

    private Precision exactness() {
        if (!List.of("f32", "fast").contains(precision)) {
            throw CommandException.usage("--precision: " + precision + " (expected: f32 or fast)");
        }
        if (!List.of("f16", "q8", "q4").contains(codec)) {
            throw CommandException.usage("--codec: " + codec + " (expected: f16, q8 or q4)");
        }
        return precision.equals("f32") ? Precision.F32 : Precision.fast(Codec.valueOf(codec.toUpperCase(Locale.ROOT)));
    }

    /** "8k" is 8192. */
    private static int tokens(String text) {
        try {
            boolean thousands = text.endsWith("k") || text.endsWith("K");
            boolean millions = text.endsWith("m") || text.endsWith("M");
            int number = Integer.parseInt(thousands || millions ? text.substring(0, text.length() - 1) : text);
            int tokens = Math.multiplyExact(number, thousands ? 1 << 10 : millions ? 1 << 20 : 1);
            if (tokens >= 512) {
                return tokens;
            }
        } catch (ArithmeticException | NumberFormatException e) {
            throw CommandException.usage("--lengths: " + text + " (expected: tokens, such as 2k, 8192 or 1m)");
        }
        throw CommandException.usage("--lengths: " + text + " (expected: 512 or more)");
    }
}
