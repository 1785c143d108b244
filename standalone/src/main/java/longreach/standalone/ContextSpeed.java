package longreach.standalone;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import longreach.lm.engine.ContextBench;
import longreach.lm.engine.GenerateRequest.CacheMode;
import longreach.lm.engine.ModelCatalogue;
import longreach.lm.model.Precision;
import longreach.standalone.pull.ModelCatalog;
import longreach.store.api.ChunkKey;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.redis.EmbeddedRedis;
import longreach.store.redis.PlainGets;
import longreach.store.redis.RedisContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;

/** Cold prefill beside restoring from Redis, and restoring beside what Redis can give at all. */
@Command(
        name = "context",
        description = "What a stored context saves: cold prefill beside restore, restore beside plain GETs of the same"
                + " bytes, and what publishing costs a prefill.",
        footer = {
            "",
            "Each context is computed once and published to a Redis of its own, then asked about again with other"
                + " questions. Lengths beyond what the model was trained for are measured with a small random model of"
                + " two layers, marked synthetic. Times are medians; plain GETs are pipelined over one socket and"
                + " forgotten as they are read."
        })
final class ContextSpeed implements Callable<Integer> {
    private static final long KV_BYTES = 4L << 30;
    private static final long REDIS_BYTES = 6L << 30;
    // Contexts up to here are computed often enough to see what publishing costs.
    private static final int OVERHEAD_TOKENS = 2048;

    @Option(
            names = "--model",
            paramLabel = "NAME|PATH",
            description = "Language model, or a GGUF file (default: ${DEFAULT-VALUE}).")
    private String model = "smollm2-135m";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(names = "--precision", paramLabel = "f32|fast", description = "Default: ${DEFAULT-VALUE}.")
    private String precision = "fast";

    @Option(
            names = "--tokens",
            split = ",",
            paramLabel = "N",
            description = "Lengths of contexts, comma-separated; k: 1024 (default: 1k,8k,32k,128k).")
    private List<String> tokens = List.of("1k", "8k", "32k", "128k");

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "Questions on each stored context, and fetches of it (default: ${DEFAULT-VALUE}).")
    private int rounds = 5;

    @Option(
            names = "--pairs",
            paramLabel = "N",
            description = "Prefills with and without publishing, in turn, of the shortest context"
                    + " (default: ${DEFAULT-VALUE}).")
    private int pairs = 5;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Settings of the store without their prefix, such as read-connections=4.")
    private Map<String, String> settings = Map.of();

    @Option(names = "--json", description = "Print one JSON object instead of tables.")
    private boolean json;

    /**
     * What was measured of one length. Seconds and bytes per second.
     *
     * @param restore from the look-up until the last chunk is in pages
     * @param fetch received and verified alone
     */
    private record Row(
            String model,
            int tokens,
            long bytes,
            double cold,
            double again,
            double restore,
            double fetch,
            double plain) {}

    @Override
    public Integer call() {
        if (rounds < 1 || pairs < 0) {
            throw CommandException.usage(
                    "--rounds, --pairs: " + rounds + ", " + pairs + " (expected: at least 1 and 0)");
        }
        if (!precision.equals("f32") && !precision.equals("fast")) {
            throw CommandException.usage("--precision: " + precision + " (expected: f32 or fast)");
        }
        List<Integer> lengths = tokens.stream().map(ContextSpeed::length).toList();
        Path file = file();
        Path directory = null;
        Kernels kernels = threads > 0 ? KernelSelector.select(threads) : KernelSelector.select();
        try {
            directory = Files.createTempDirectory("longreach-bench");
            try (var redis = EmbeddedRedis.start(directory, REDIS_BYTES);
                    var store =
                            new RedisContextStore(properties(redis), StoreSecret.random(), new SimpleMeterRegistry())) {
                measure(file, lengths, kernels, redis, store);
            }
        } catch (IOException e) {
            throw CommandException.failed(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted", e);
        } catch (Exception e) {
            throw CommandException.failed(e.toString(), e);
        } finally {
            kernels.pool().close();
            delete(directory);
        }
        return 0;
    }

    private StoreProperties properties(EmbeddedRedis redis) {
        var all = new HashMap<>(Map.of("redis", redis.uri().toString(), "stall-timeout", "10s"));
        all.put("lookup-timeout", "2m");
        all.putAll(settings);
        return StoreProperties.of(all);
    }

    private static int length(String text) {
        if (!text.matches("[1-9][0-9]{0,6}k?")) {
            throw CommandException.usage("--tokens: " + text + " (expected: a number such as 1000 or 8k)");
        }
        return text.endsWith("k")
                ? 1024 * Integer.parseInt(text.substring(0, text.length() - 1))
                : Integer.parseInt(text);
    }

    private Path file() {
        if (ModelCatalog.find(model).isPresent()) {
            Weights.pull(model);
        } else if (!Files.exists(Path.of(model))) {
            throw CommandException.usage("--model: " + model + " (expected: a model's name or a GGUF file)");
        }
        return new ModelCatalogue(ModelCache.ofEnvironment()).find(model).file();
    }

    private void measure(
            Path file, List<Integer> lengths, Kernels kernels, EmbeddedRedis redis, RedisContextStore store)
            throws Exception {
        Precision exactness = precision.equals("f32") ? Precision.F32 : Precision.FAST;
        List<Row> rows = new ArrayList<>();
        double[] without = new double[pairs];
        double[] with = new double[pairs];
        int shortest = 0;
        List<Integer> beyond = new ArrayList<>();
        try (var bench = ContextBench.of(file, kernels, exactness, store, KV_BYTES);
                var progress = new Progress("measuring", lengths.size(), "", 1)) {
            List<Integer> within = new ArrayList<>();
            for (int length : lengths) {
                // A context as long as the model's takes a question in its place.
                int least = Math.min(length, bench.mostTokens());
                (length <= bench.card().context() ? within : beyond)
                        .add(length <= bench.card().context() ? least : length);
            }
            // What the JVM compiles in the first seconds would count as the first context's.
            bench.ask(512, 1000, 0, CacheMode.READ_WRITE);
            bench.published();
            bench.ask(512, 1000, 1, CacheMode.READ_WRITE);
            for (int length : within) {
                progress.at(rows.size(), length + " tokens");
                rows.add(row(bench, file.getFileName().toString(), length, redis));
            }
            shortest = within.isEmpty()
                    ? 0
                    : within.stream().min(Comparator.naturalOrder()).get();
            if (shortest > 0 && shortest <= OVERHEAD_TOKENS) {
                for (int pair = 0; pair < pairs; pair++) {
                    progress.at(rows.size(), "with and without publishing");
                    // Now the one first, now the other.
                    for (int turn = 0; turn < 2; turn++) {
                        boolean publishes = (pair + turn) % 2 == 1;
                        var mode = publishes ? CacheMode.READ_WRITE : CacheMode.BYPASS;
                        (publishes ? with : without)[pair] = seconds(bench.ask(shortest, 2000 + pair, 0, mode));
                        bench.published();
                    }
                    bench.erase();
                }
            }
        }
        for (int length : beyond) {
            try (var bench = ContextBench.synthetic(length, kernels, exactness, store, KV_BYTES)) {
                rows.add(row(bench, "synthetic", length, redis));
            }
        }
        print(rows, shortest <= OVERHEAD_TOKENS ? shortest : 0, without, with);
    }

    private Row row(ContextBench bench, String name, int length, EmbeddedRedis redis) throws Exception {
        double cold = seconds(bench.ask(length, length, 0, CacheMode.READ_WRITE));
        bench.published();
        double[] again = new double[rounds];
        double[] restore = new double[rounds];
        double[] fetch = new double[rounds];
        double[] plain = new double[rounds];
        long bytes = 0;
        try (var gets = new PlainGets(redis.uri())) {
            // In turn, so that a machine whose speed wanders does it to all three. The first answer from the store is
            // not one of
            // those that count: its classes are new to the JVM.
            for (int round = -1; round < rounds; round++) {
                var asked = bench.ask(length, length, 1 + Math.max(0, round), CacheMode.READ_ONLY);
                var receipt = asked.outcome().receipt();
                if (receipt.tokensRestored() != length) {
                    throw new IOException("restored: " + receipt.tokensRestored() + " tokens, " + receipt.missReason()
                            + " (expected: " + length + ")");
                }
                List<ChunkKey> keys = asked.outcome().promptChunks();
                keys = keys.subList(0, receipt.chunksRestored() - (length % 256 == 0 ? 0 : 1));
                long began = System.nanoTime();
                long fetched = bench.fetch(keys);
                double verified = fetched / (1e-9 * (System.nanoTime() - began));
                began = System.nanoTime();
                long read = gets.fetch(bench.tenant(), keys);
                double forgotten = read / (1e-9 * (System.nanoTime() - began));
                if (round >= 0) {
                    bytes = receipt.bytesRestored();
                    again[round] = seconds(asked);
                    restore[round] = bytes / (1e-6 * receipt.restoreMicros());
                    fetch[round] = verified;
                    plain[round] = forgotten;
                }
            }
        }
        bench.erase();
        return new Row(name, length, bytes, cold, median(again), median(restore), median(fetch), median(plain));
    }

    private static double seconds(ContextBench.Asked asked) {
        return 1e-9 * asked.firstTokenNanos();
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private void print(List<Row> rows, int shortest, double[] without, double[] with) {
        boolean overhead = shortest > 0 && pairs > 0;
        double cost = overhead ? median(with) / median(without) - 1 : 0;
        if (json) {
            var out = GeminiClient.JSON.createObjectNode();
            ArrayNode all = out.putArray("contexts");
            for (Row row : rows) {
                all.addObject()
                        .put("model", row.model)
                        .put("tokens", row.tokens)
                        .put("bytes", row.bytes)
                        .put("coldSeconds", row.cold)
                        .put("againSeconds", row.again)
                        .put("timesFaster", row.cold / row.again)
                        .put("restoreBytesPerSecond", row.restore)
                        .put("fetchBytesPerSecond", row.fetch)
                        .put("plainGetBytesPerSecond", row.plain)
                        .put("restoreShareOfPlainGet", row.restore / row.plain);
            }
            if (overhead) {
                var node = out.putObject("publishing").put("tokens", shortest).put("overhead", cost);
                Arrays.stream(without).forEach(node.putArray("withoutSeconds")::add);
                Arrays.stream(with).forEach(node.putArray("withSeconds")::add);
            }
            System.out.println(
                    GeminiClient.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(out));
            return;
        }
        System.out.println("| model | tokens | MB | first question, s | second, s | times | restore, GB/s"
                + " | fetched and verified, GB/s | plain GET, GB/s | restore of plain GET |");
        System.out.println("|---|---|---|---|---|---|---|---|---|---|");
        for (Row row : rows) {
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %d | %.1f | %.2f | %.3f | %.0f | %.2f | %.2f | %.2f | %.0f %% |%n",
                    row.model,
                    row.tokens,
                    row.bytes / 1e6,
                    row.cold,
                    row.again,
                    row.cold / row.again,
                    row.restore / 1e9,
                    row.fetch / 1e9,
                    row.plain / 1e9,
                    100 * row.restore / row.plain);
        }
        if (overhead) {
            System.out.printf(
                    Locale.ROOT,
                    "%npublishing, %d tokens, %d pairs: %.3f s without, %.3f s with, %+.1f %%%n",
                    shortest,
                    pairs,
                    median(without),
                    median(with),
                    100 * cost);
        }
    }

    private static void delete(Path directory) {
        if (directory == null) {
            return;
        }
        try (var files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(path -> path.toFile().delete());
        } catch (IOException e) {
            System.err.println("longreach: " + directory + " was not deleted: " + e.getMessage());
        }
    }
}
