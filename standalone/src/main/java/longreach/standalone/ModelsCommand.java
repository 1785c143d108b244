package longreach.standalone;

import java.util.concurrent.Callable;
import longreach.standalone.pull.Model;
import longreach.standalone.pull.ModelCatalog;
import longreach.standalone.pull.WeightsDownload;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The models that can be had, and which of them are here. */
@Command(name = "models", description = "List the models that can be pulled, and which are here already.")
final class ModelsCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print one JSON object instead of a table.")
    private boolean json;

    @Override
    public Integer call() {
        var cache = ModelCache.ofEnvironment();
        if (json) {
            print(cache);
            return 0;
        }
        System.out.printf(
                "%-20s %-8s %9s  %-14s %8s  %-10s  %s%n", "name", "", "MB", "family", "context", "licence", "");
        for (Model model : ModelCatalog.MODELS) {
            System.out.printf(
                    "%-20s %-8s %9.1f  %-14s %8s  %-10s  %s%n",
                    model.name(),
                    state(cache, model),
                    model.bytes() / 1e6,
                    model.family(),
                    model.context() == 0 ? "" : model.context(),
                    model.licence(),
                    model.description());
        }
        System.out.println("cache: " + cache.root());
        return 0;
    }

    private static String state(ModelCache cache, Model model) {
        if (WeightsDownload.isPresent(cache, model)) {
            return "here";
        }
        return WeightsDownload.partialBytes(cache, model) > 0 ? "partial" : "-";
    }

    private static void print(ModelCache cache) {
        var out = GeminiClient.JSON.createObjectNode();
        out.put("cache", cache.root().toString());
        var models = out.putArray("models");
        for (Model model : ModelCatalog.MODELS) {
            boolean here = WeightsDownload.isPresent(cache, model);
            var node = models.addObject()
                    .put("name", model.name())
                    .put("family", model.family())
                    .put("description", model.description())
                    .put("licence", model.licence())
                    .put("bytes", model.bytes())
                    .put("here", here)
                    .put("partialBytes", here ? 0 : WeightsDownload.partialBytes(cache, model));
            if (model.context() > 0) {
                node.put("context", model.context());
            }
        }
        System.out.println(GeminiClient.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(out));
    }
}
