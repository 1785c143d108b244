package longreach.standalone.needle;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import longreach.lm.engine.ContextUse;
import longreach.lm.engine.EngineSettings;
import longreach.lm.engine.LongSettings;
import longreach.lm.model.Precision;
import longreach.lm.select.BlockSelector;
import longreach.store.api.ContextStore;
import longreach.store.codec.StoreSecret;
import longreach.store.config.StoreProperties;
import longreach.store.memory.MemoryContextStore;
import longreach.store.redis.EmbeddedRedis;
import longreach.store.redis.RedisContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Recall of planted facts. Each haystack is read once in each way that prefills differently, and then asked for all of its
 * facts in each way of seeing it: what is asked later is restored, as it would be for another user.
 */
public final class NeedleBench {
    private static final String ALL = "List every sentence of the text that tells a number of seven digits.";
    private static final String ALL_OPENING = "The sentences are:\n";
    // Of a fact in an answer.
    private static final int TOKENS_EACH = 24;

    // Room for the template, the question and the answer.
    private static final int ROOM = 160;

    /**
     * @param lengths tokens of haystack, question and answer together
     * @param depths facts in one haystack
     * @param needles facts of each length in all, a multiple of depths or rounded up to one
     * @param together facts that one answer is to name, of each length once; 0: this is not asked
     * @param earlier figures of other runs, for the table and the plot
     * @param store directory of a Redis; null: memory
     * @param json written after every haystack; null: not
     * @param plot null: none
     */
    public record Setting(
            Path haystack,
            List<Integer> lengths,
            int depths,
            int needles,
            List<String> modes,
            List<String> selectors,
            List<Integer> blocks,
            boolean paraphrased,
            int together,
            List<Path> earlier,
            long seed,
            Path store,
            long storeBytes,
            Path json,
            Path plot,
            boolean show) {
        /** @throws IllegalArgumentException naming the option */
        public Setting {
            if (depths < 1 || depths > Needle.MOST || needles < 1) {
                throw new IllegalArgumentException("--depths, --needles: " + depths + ", " + needles
                        + " (expected: 1 to " + Needle.MOST + ", 1 or more)");
            }
            if (together < 0 || together > Needle.MOST) {
                throw new IllegalArgumentException("--together: " + together + " (expected: 0 to " + Needle.MOST + ")");
            }
            for (String mode : modes) {
                if (!List.of("exact", "truncate", "window", "long", "focus").contains(mode)) {
                    throw new IllegalArgumentException(
                            "--mode: " + mode + " (expected: exact, truncate, window, long or focus)");
                }
            }
            selectors.forEach(BlockSelector.Kind::of);
        }
    }

    /** A way of seeing a haystack. @param truncated only its end is given at all */
    private record View(String name, boolean truncated, ContextUse use) {}

    private final Setting setting;
    private final PrintStream out;
    private final PrintStream log;
    private final Map<String, Recall> recalls = new LinkedHashMap<>();
    private final List<ObjectNode> reads = new ArrayList<>();
    private final List<ObjectNode> together = new ArrayList<>();
    private final JsonMapper mapper = JsonMapper.builder().build();

    /** @param out receives the table @param log receives progress */
    public NeedleBench(Setting setting, PrintStream out, PrintStream log) {
        this.setting = setting;
        this.out = out;
        this.log = log;
    }

    /** @param threads 0: one for each core */
    public void run(Path model, int threads, Precision precision) throws IOException, InterruptedException {
        for (Path file : setting.earlier) {
            for (JsonNode node : mapper.readTree(Files.readString(file)).path("recall")) {
                Recall recall = Recall.read(node);
                recalls.put(recall.length + recall.mode + recall.paraphrased, recall);
            }
        }
        Kernels kernels = threads > 0 ? KernelSelector.select(threads) : KernelSelector.select();
        try (EmbeddedRedis redis =
                        setting.store == null ? null : EmbeddedRedis.start(setting.store, setting.storeBytes);
                ContextStore store = store(redis);
                var reader = new Reader(
                        model,
                        kernels,
                        precision,
                        store,
                        EngineSettings.DEFAULTS.with(holdingNothing(LongSettings.DEFAULTS)),
                        log)) {
            var prose = Haystack.read(setting.haystack, reader::tokensOf);
            log.println("haystack: " + prose.totalTokens() + " tokens");
            for (int length : setting.lengths) {
                int haystacks = Math.ceilDiv(setting.needles, setting.depths);
                for (int h = 0; h < haystacks; h++) {
                    measure(reader, prose, length, h);
                }
                if (setting.together > 0) {
                    measureTogether(reader, prose, length);
                    write();
                }
            }
        } finally {
            kernels.pool().close();
        }
        table();
    }

    // Every chosen block then comes from the store, as for a context that was read long ago.
    private static LongSettings holdingNothing(LongSettings s) {
        return new LongSettings(
                s.enabled(),
                s.initialTokens(),
                s.windowTokens(),
                s.localTokens(),
                s.blocks(),
                s.blockTokens(),
                s.selector(),
                s.maxTokens(),
                0);
    }

    private ContextStore store(EmbeddedRedis redis) throws IOException {
        if (redis == null) {
            return new MemoryContextStore(setting.storeBytes);
        }
        return new RedisContextStore(
                StoreProperties.of(Map.of("redis", redis.uri().toString(), "lookup-timeout", "60s")),
                StoreSecret.loadOrCreate(setting.store.resolve("needle.secret")),
                new SimpleMeterRegistry());
    }

    private List<View> views(int length, int context) {
        List<View> views = new ArrayList<>();
        for (String mode : setting.modes) {
            switch (mode) {
                case "exact" -> {
                    if (length <= context) {
                        views.add(new View("exact", false, ContextUse.of(ContextUse.Mode.EXACT, -1)));
                    }
                }
                case "truncate" -> {
                    if (length > context) {
                        views.add(new View("truncate", true, ContextUse.of(ContextUse.Mode.EXACT, -1)));
                    }
                }
                case "window" -> views.add(new View("window", false, use(ContextUse.Mode.LONG, "none", 0)));
                default -> {
                    var as = mode.equals("long") ? ContextUse.Mode.LONG : ContextUse.Mode.FOCUS;
                    if (as == ContextUse.Mode.LONG || length <= context) {
                        for (String selector : setting.selectors) {
                            for (int blocks : setting.blocks) {
                                views.add(new View(
                                        mode + " " + selector + " " + blocks, false, use(as, selector, blocks)));
                            }
                        }
                    }
                }
            }
        }
        return views;
    }

    private static ContextUse use(ContextUse.Mode mode, String selector, int blocks) {
        return new ContextUse(mode, -1, BlockSelector.Kind.of(selector), OptionalInt.of(blocks), OptionalInt.empty());
    }

    private static ContextUse at(ContextUse use, int question) {
        return new ContextUse(use.mode(), question, use.selector(), use.blocks(), use.localTokens());
    }

    private void measure(Reader reader, Haystack prose, int length, int haystack)
            throws IOException, InterruptedException {
        var random = new Random(31 * (31 * setting.seed + length) + haystack);
        List<Needle> needles = Needle.some(setting.depths, random);
        int needleTokens =
                needles.stream().mapToInt(n -> reader.tokensOf(n.fact() + "\n")).sum();
        int offset = random.nextInt(prose.totalTokens());
        List<String> lines = prose.with(length - ROOM, offset, needles, needleTokens);
        List<String> tail = tail(reader, lines);
        boolean truncatedRead = false;
        var readAs = new java.util.HashSet<ContextUse.Mode>();
        for (View view : views(length, reader.context())) {
            List<String> text = view.truncated ? tail : lines;
            boolean fresh = view.truncated ? !truncatedRead : readAs.add(view.use.mode());
            if (fresh) {
                truncatedRead |= view.truncated;
                read(reader, length, haystack, view, text, needles.getFirst());
            }
            for (int depth = 0; depth < needles.size(); depth++) {
                Needle needle = needles.get(depth);
                ask(reader, length, view, text, needle, needle.question(), depth, false);
                if (setting.paraphrased) {
                    ask(reader, length, view, text, needle, needle.paraphrase(), depth, true);
                }
            }
            write();
        }
        log.println(summary(length));
    }

    /** One answer that names all of many facts, as Gemini 1.5 was asked (Gemini Team 2024, section 5.2.1.2). */
    private void measureTogether(Reader reader, Haystack prose, int length) throws InterruptedException {
        var random = new Random(31 * (31 * setting.seed + length) - 1);
        List<Needle> needles = Needle.some(setting.together, random);
        int needleTokens =
                needles.stream().mapToInt(n -> reader.tokensOf(n.fact() + "\n")).sum();
        if (needleTokens > length - ROOM) {
            log.printf("%s: %d facts do not fit%n", Recall.label(length), needles.size());
            return;
        }
        List<String> lines = prose.with(length - ROOM, random.nextInt(prose.totalTokens()), needles, needleTokens);
        var readAs = new java.util.HashSet<ContextUse.Mode>();
        for (View view : views(length, reader.context())) {
            if (view.truncated) {
                continue;
            }
            if (readAs.add(view.use.mode())) {
                read(reader, length, -1, view, lines, needles.getFirst());
            }
            Reader.Prompt prompt = reader.prompt(lines, ALL, ALL_OPENING);
            int room = Math.max(1, Math.min(needles.size() * TOKENS_EACH, reader.context() / 4));
            Reader.Answer answer = reader.ask(prompt, at(view.use, prompt.questionStart()), room);
            long found = needles.stream()
                    .filter(n -> answer.text().contains(n.key()))
                    .count();
            long shown = needles.stream()
                    .filter(n -> inSight(reader, answer, prompt, n))
                    .count();
            ObjectNode node = mapper.createObjectNode();
            node.put("length", length);
            node.put("mode", view.name);
            node.put("found", found);
            node.put("inSight", shown);
            node.put("planted", needles.size());
            node.put("seconds", answer.seconds());
            together.add(node);
            log.printf(
                    "%s, %s: %d of %d named in one answer, %d in sight of it%n",
                    Recall.label(length), view.name, found, needles.size(), shown);
        }
    }

    /** As much of the end as the model's trained length takes. */
    private static List<String> tail(Reader reader, List<String> lines) {
        int room = reader.context() - ROOM;
        int first = lines.size();
        while (first > 0 && room - reader.tokensOf(lines.get(first - 1) + "\n") >= 0) {
            room -= reader.tokensOf(lines.get(--first) + "\n");
        }
        return lines.subList(first, lines.size());
    }

    private void read(Reader reader, int length, int haystack, View view, List<String> text, Needle any)
            throws InterruptedException {
        Reader.Prompt prompt = reader.prompt(text, any.question(), any.opening());
        Reader.Answer answer = reader.ingest(prompt, ContextUse.of(view.use.mode(), -1));
        var receipt = answer.outcome().receipt();
        double seconds = receipt.prefillMicros() / 1e6;
        ObjectNode node = mapper.createObjectNode();
        node.put("length", length);
        node.put("haystack", haystack);
        node.put("mode", view.truncated ? "truncate" : view.use.mode().label());
        node.put("tokens", answer.outcome().promptTokens());
        node.put("tokensComputed", receipt.tokensComputed());
        node.put("prefillSeconds", seconds);
        node.put("peakMemoryBytes", peakMemory());
        reads.add(node);
        log.printf(
                "%s, haystack %d, %s: read %d tokens in %.1f s, %.0f tokens/s, %d restored, peak memory %d MB%n",
                Recall.label(length),
                haystack,
                node.get("mode").asString(),
                answer.outcome().promptTokens(),
                answer.seconds(),
                receipt.tokensComputed() / Math.max(1e-9, seconds),
                receipt.tokensRestored(),
                peakMemory() >> 20);
    }

    private void ask(
            Reader reader,
            int length,
            View view,
            List<String> text,
            Needle needle,
            String question,
            int depth,
            boolean paraphrased) {
        Reader.Prompt prompt = reader.prompt(text, question, needle.opening());
        Reader.Answer answer = reader.ask(prompt, at(view.use, prompt.questionStart()));
        boolean found = answer.text().contains(needle.key());
        recalls.computeIfAbsent(length + view.name + paraphrased, key -> new Recall(length, view.name, paraphrased))
                .add((depth + 0.5) / setting.depths, found, inSight(reader, answer, prompt, needle), answer.seconds());
        if (setting.show && !found) {
            log.printf(
                    "%s, %s: %s [%s] %s (expected: %s)%n",
                    Recall.label(length),
                    view.name,
                    question,
                    answer.outcome().seen().blocks(),
                    answer.text().strip().replaceAll("\\s+", " "),
                    needle.key());
        }
    }

    /** Whether the fact's key lay in a block that was chosen, or in what every question sees. */
    private static boolean inSight(Reader reader, Reader.Answer answer, Reader.Prompt prompt, Needle needle) {
        var seen = answer.outcome().seen();
        int question = prompt.questionStart();
        if (seen.mode() == ContextUse.Mode.EXACT
                || seen.promptTokens() == prompt.tokens().length()) {
            return holds(reader, prompt, needle, 0, question);
        }
        var defaults = LongSettings.DEFAULTS;
        return holds(reader, prompt, needle, 0, defaults.initialTokens())
                || holds(reader, prompt, needle, question - defaults.localTokens(), question)
                || seen.blocks().stream().anyMatch(b -> holds(reader, prompt, needle, b.start(), b.end()));
    }

    private static boolean holds(Reader reader, Reader.Prompt prompt, Needle needle, int from, int to) {
        return reader.text(prompt.tokens(), Math.max(0, from), to).contains(needle.fact());
    }

    private static long peakMemory() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
                }
            }
        } catch (IOException e) {
            return 0; // another system than Linux has no such account
        }
        return 0;
    }

    private String summary(int length) {
        var text = new StringBuilder(Recall.label(length)).append(": ");
        for (Recall r : recalls.values()) {
            if (r.length == length) {
                text.append(r.mode)
                        .append(r.paraphrased ? "'" : "")
                        .append(' ')
                        .append(r.found())
                        .append('/')
                        .append(r.asked())
                        .append("  ");
            }
        }
        return text.toString();
    }

    private void table() {
        if (!together.isEmpty()) {
            out.println("| tokens | seen | planted | in sight | named in one answer |");
            out.println("|---|---|---|---|---|");
            for (ObjectNode node : together) {
                out.printf(
                        "| %s | %s | %d | %d | %d |%n",
                        Recall.label(node.get("length").asInt()),
                        node.get("mode").asString(),
                        node.get("planted").asInt(),
                        node.get("inSight").asInt(),
                        node.get("found").asInt());
            }
        }
        out.println("| tokens | seen | questions | in sight | found | recall, 95 % | s each |");
        out.println("|---|---|---|---|---|---|---|");
        for (Recall r : recalls.values()) {
            Interval interval = r.interval();
            out.printf(
                    "| %s | %s | %s | %d | %d of %d | %.2f, %.2f to %.2f | %.2f |%n",
                    Recall.label(r.length),
                    r.mode,
                    r.paraphrased ? "paraphrased" : "in the fact's words",
                    r.shown(),
                    r.found(),
                    r.asked(),
                    (double) r.found() / r.asked(),
                    interval.low(),
                    interval.high(),
                    r.secondsEach());
        }
    }

    private void write() throws IOException {
        if (setting.json != null) {
            ObjectNode root = mapper.createObjectNode();
            root.put("seed", setting.seed);
            root.put("depths", setting.depths);
            var recall = root.putArray("recall");
            for (Recall r : recalls.values()) {
                r.write(recall.addObject());
            }
            root.putArray("together").addAll(together);
            root.putArray("reads").addAll(reads);
            Files.writeString(
                    setting.json, mapper.writerWithDefaultPrettyPrinter().writeValueAsString(root));
        }
        if (setting.plot != null) {
            Files.writeString(setting.plot, RecallPlot.svg(List.copyOf(recalls.values())));
        }
    }
}
