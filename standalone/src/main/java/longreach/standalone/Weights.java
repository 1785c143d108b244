package longreach.standalone;

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

    /** What a server with this language model, empty for none, needs and does not have is fetched. */
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
        pull(name, null, null);
    }

    /**
     * @param tokenFile holds the hub's token; null: HF_TOKEN does, or nobody
     * @param revision of the hub; null: what is there, else the catalogue's
     */
    static void pull(String name, Path tokenFile, String revision) {
        Model model = ModelCatalog.find(name)
                .orElseThrow(() -> CommandException.usage("no model '" + name + "' (expected: one of "
                        + String.join(
                                ", ",
                                ModelCatalog.MODELS.stream().map(Model::name).toList())
                        + ")"));
        fetch(model, tokenFile, revision);
    }

    private static void fetch(Model model) {
        fetch(model, null, null);
    }

    private static void fetch(Model model, Path tokenFile, String revision) {
        var cache = ModelCache.ofEnvironment();
        String local = System.getenv().getOrDefault("LONGREACH_WEIGHTS", "");
        Path directory = local.isBlank() ? null : Path.of(local);
        try {
            var asked = new WeightsDownload(cache, directory, tokenFile, (stage, done, total) -> {});
            Model resolved = asked.resolve(model, revision);
            try (var progress = new Progress(model.name(), resolved.bytes(), "MB", 1 << 20)) {
                var download = new WeightsDownload(
                        cache, directory, tokenFile, (stage, done, total) -> progress.at(done, stage));
                boolean fetched = download.pull(resolved);
                progress.done(
                        fetched ? "fetched into " + cache.directory(model.name()) : "here, and its digests are right");
            }
        } catch (PullException e) {
            throw CommandException.missing(e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted", e);
        }
    }
}
