package longreach.standalone;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import longreach.standalone.pull.Model;
import longreach.standalone.pull.ModelCatalog;
import longreach.standalone.pull.PullException;
import longreach.standalone.pull.WeightsDownload;
import longreach.tensor.weights.ModelCache;

/** Model weights as the commands see them: fetched with a progress bar, or known to be there. */
final class Weights {
    /** What reading recordings needs, whichever language model answers. */
    private static final List<String> ENCODERS = List.of("whisper-tiny.en", "silero-vad");

    private Weights() {}

    /** What a server with this language model needs and does not have is fetched. */
    static void pullMissing(String languageModel) {
        var cache = ModelCache.ofEnvironment();
        // A model that the catalogue does not know may still have been put into the cache by hand.
        ModelCatalog.find(languageModel)
                .filter(model -> !WeightsDownload.isPresent(cache, model))
                .ifPresent(Weights::fetch);
        for (String name : ENCODERS) {
            Model model = ModelCatalog.find(name).orElseThrow();
            if (!WeightsDownload.isPresent(cache, model)) {
                fetch(model);
            }
        }
    }

    /** Fetches a model by name, or verifies that it is there and right. */
    static void pull(String name) {
        fetch(ModelCatalog.find(name)
                .orElseThrow(() -> CommandException.usage("no model '" + name + "' (expected: one of "
                        + String.join(
                                ", ",
                                ModelCatalog.MODELS.stream().map(Model::name).toList())
                        + ")")));
    }

    private static void fetch(Model model) {
        var cache = ModelCache.ofEnvironment();
        String local = System.getenv().getOrDefault("LONGREACH_WEIGHTS", "");
        try (var progress = new Progress(model.name(), model.bytes(), "MB", 1 << 20)) {
            var download = new WeightsDownload(
                    cache,
                    local.isBlank() ? null : Path.of(local),
                    (stage, done, total) ->
                            progress.at(total == 0 ? 0 : Math.round((double) done / total * model.bytes()), stage));
            boolean fetched = download.pull(model);
            progress.done(fetched ? "fetched into " + cache.directory(model.name()) : "here, and its SHA-256 is right");
        } catch (PullException e) {
            throw CommandException.missing(e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted", e);
        }
    }

    static void print(PrintStream out) {
        var cache = ModelCache.ofEnvironment();
        out.printf("%-18s %-8s %8s  %-10s  %s%n", "name", "", "MB", "licence", "");
        for (var model : ModelCatalog.MODELS) {
            out.printf(
                    "%-18s %-8s %8.1f  %-10s  %s%n",
                    model.name(),
                    WeightsDownload.isPresent(cache, model) ? "here" : "-",
                    model.bytes() / 1e6,
                    model.licence(),
                    model.description());
        }
        out.println("cache: " + cache.root());
    }
}
