package longreach.lm.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.kv.KvReservation;
import longreach.lm.kv.KvShape;
import longreach.lm.model.Batch;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Logprobs;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;

/** Measures the bare engine on one checkpoint: no service, no store. */
public final class EngineBench implements AutoCloseable {
    private static final int STEP = 512;

    /**
     * @param prefillTokens of one prompt
     * @param decodeTokens after it
     */
    public record Speed(
            String kernels,
            int threads,
            int prefillTokens,
            double prefillPerSecond,
            int decodeTokens,
            double decodePerSecond) {
        @Override
        public String toString() {
            return "%s, %d threads: prefill of %d at %.1f tokens/s, decode of %d at %.1f tokens/s"
                    .formatted(kernels, threads, prefillTokens, prefillPerSecond, decodeTokens, decodePerSecond);
        }
    }

    private final Kernels kernels;
    private final Precision precision;
    private final ModelLoader.Checkpoint checkpoint;
    private final LanguageModel model;
    private final KvPool pool;
    private Batch batch;

    public EngineBench(Path gguf, Kernels kernels, Precision precision) {
        this.kernels = kernels;
        this.precision = precision;
        checkpoint = ModelLoader.open("bench", gguf, kernels, precision);
        model = checkpoint.model();
        KvShape shape = model.kvShape();
        long pages = shape.blockBytes(kernels, precision.kvType())
                * KvPool.blocksFor(model.card().context());
        pool = new KvPool(kernels, shape, precision.codec(), pages + shape.recurrentBytes());
        batch = new Batch(model.card(), STEP, 1);
    }

    /** What a server does before it is ready: warms the kernels up, and lets them choose their way. */
    public void warmUp() {
        ModelLoader.warmUp(checkpoint, kernels, precision);
    }

    public ModelTokenizer tokenizer() {
        return checkpoint.tokenizer();
    }

    private KvCache cache(int positions) {
        KvReservation reservation =
                positions > model.card().context() ? null : pool.reserve(positions, Math.min(positions, STEP), 0);
        if (reservation == null) {
            throw new IllegalArgumentException("tokens: " + positions + " (expected: at most "
                    + model.card().context() + ")");
        }
        return new KvCache(pool, model.rotation(), reservation, false);
    }

    /** Prefills as the engine does and decodes greedily; the best of {@code rounds} after one that is not counted. */
    public Speed speed(int prefillTokens, int decodeTokens, int rounds) {
        int[] ids = ids(prefillTokens);
        double prefill = 0;
        double decode = 0;
        for (int round = 0; round <= rounds; round++) {
            try (KvCache cache = cache(prefillTokens + decodeTokens)) {
                var prompt = TokenStream.ofText(ids);
                long began = System.nanoTime();
                forward(cache, prompt, ids, 1);
                int next = argmax();
                long prefilled = System.nanoTime();
                for (int i = 0; i < decodeTokens; i++) {
                    forward(cache, prompt, new int[] {next}, 1);
                    next = argmax();
                }
                long decoded = System.nanoTime();
                if (round > 0) {
                    prefill = Math.max(prefill, prefillTokens * 1e9 / (prefilled - began));
                    decode = Math.max(decode, decodeTokens * 1e9 / (decoded - prefilled));
                }
            }
        }
        return new Speed(kernels.name(), kernels.pool().threads(), prefillTokens, prefill, decodeTokens, decode);
    }

    /**
     * Tokens per second, all together, of several sequences that are decoded greedily in the same steps; the best of
     * {@code rounds} after one that is not counted.
     *
     * @param depth tokens of each sequence's prompt; the prompts differ in their first token
     */
    public double streams(int streams, int depth, int decodeTokens, int rounds) {
        int[] ids = ids(depth);
        double best = 0;
        for (int round = 0; round <= rounds; round++) {
            List<KvCache> caches = new ArrayList<>();
            try {
                int[] next = new int[streams];
                TokenStream[] prompts = new TokenStream[streams];
                for (int s = 0; s < streams; s++) {
                    ids[0] = 1000 + s;
                    prompts[s] = TokenStream.ofText(ids);
                    caches.add(cache(depth + decodeTokens));
                    forward(caches.getLast(), prompts[s], ids, 1);
                    next[s] = argmax();
                }
                wantLogits(streams);
                long began = System.nanoTime();
                for (int i = 0; i < decodeTokens; i++) {
                    batch.clear();
                    for (int s = 0; s < streams; s++) {
                        batch.begin(caches.get(s), prompts[s]);
                        batch.addToken(next[s]);
                        batch.end(1);
                    }
                    model.forward(batch);
                    for (int s = 0; s < streams; s++) {
                        next[s] = kernels.argmax(
                                batch.logits(),
                                batch.logitsOffset(s),
                                model.card().vocabulary());
                    }
                }
                if (round > 0) {
                    best = Math.max(best, (double) streams * decodeTokens * 1e9 / (System.nanoTime() - began));
                }
            } finally {
                caches.forEach(KvCache::close);
            }
        }
        return best;
    }

    private int[] ids(int count) {
        int[] ids = new int[count];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = 1000 + (i * 7919) % (model.card().vocabulary() - 1000);
        }
        return ids;
    }

    public ModelCard card() {
        return model.card();
    }

    /** The id that measurements have at a position: ordinary tokens, all different for a while. */
    public int measuredToken(int position) {
        int vocabulary = model.card().vocabulary();
        int lowest = Math.min(1000, vocabulary / 2);
        return lowest + (int) (position * 7919L % (vocabulary - lowest));
    }

    /** @throws IllegalArgumentException when the context has no room for them */
    public Timed timed(int promptTokens, int decodeTokens) {
        return new Timed(promptTokens, decodeTokens);
    }

    /** A sequence of {@link #measuredToken}s whose evaluation is timed. */
    public final class Timed implements AutoCloseable {
        private final KvCache cache;
        private final TokenStream prompt;
        private final int[] ids;

        private Timed(int promptTokens, int decodeTokens) {
            cache = cache(promptTokens + decodeTokens);
            ids = new int[promptTokens];
            Arrays.setAll(ids, EngineBench.this::measuredToken);
            prompt = TokenStream.ofText(ids);
        }

        /** Evaluates the prompt as the engine does, logits of its last token; the seconds. */
        public double prefill() {
            return evaluate(ids);
        }

        /** Evaluates tokens one by one, logits and the best token of each; the seconds. */
        public double decode(int tokens) {
            double seconds = 0;
            for (int i = 0; i < tokens; i++) {
                seconds += evaluate(new int[] {measuredToken(cache.length())});
            }
            return seconds;
        }

        private double evaluate(int[] tokens) {
            long began = System.nanoTime();
            forward(cache, prompt, tokens, 1);
            argmax();
            return (System.nanoTime() - began) / 1e9;
        }

        @Override
        public void close() {
            cache.close();
        }
    }

    /** Logits after each of the ids, [ids, vocabulary]. */
    public float[][] logits(int... ids) {
        float[][] rows = new float[ids.length][];
        try (KvCache cache = cache(ids.length)) {
            var prompt = TokenStream.ofText(ids);
            for (int from = 0; from < ids.length; from += STEP) {
                int[] part = Arrays.copyOfRange(ids, from, Math.min(ids.length, from + STEP));
                forward(cache, prompt, part, part.length);
                for (int i = 0; i < part.length; i++) {
                    int at = batch.logitsOffset(i);
                    rows[from + i] = Arrays.copyOfRange(
                            batch.logits(), at, at + model.card().vocabulary());
                }
            }
        }
        return rows;
    }

    /** The ids that greedy decoding adds, ends of answers included. */
    public int[] greedy(int[] ids, int count) {
        int[] chosen = new int[count];
        try (KvCache cache = cache(ids.length + count)) {
            var prompt = TokenStream.ofText(ids);
            forward(cache, prompt, ids, 1);
            for (int i = 0; i < count; i++) {
                chosen[i] = argmax();
                if (i + 1 < count) {
                    forward(cache, prompt, new int[] {chosen[i]}, 1);
                }
            }
        }
        return chosen;
    }

    /** Negative log-likelihood of each id but the first, given those before it. */
    public double[] negativeLogLikelihoods(int... ids) {
        double[] nll = new double[ids.length - 1];
        try (KvCache cache = cache(ids.length)) {
            var prompt = TokenStream.ofText(ids);
            for (int from = 0; from < nll.length; from += STEP) {
                int[] part = Arrays.copyOfRange(ids, from, Math.min(nll.length, from + STEP));
                forward(cache, prompt, part, part.length);
                for (int i = 0; i < part.length; i++) {
                    int at = batch.logitsOffset(i);
                    double sum =
                            Logprobs.logSumExp(batch.logits(), at, model.card().vocabulary());
                    nll[from + i] = sum - batch.logits()[at + ids[from + i + 1]];
                }
            }
        }
        return nll;
    }

    /** exp of the mean negative log-likelihood over the text's tokens, in windows of at most the context. */
    public double perplexity(String text) {
        int[] ids = checkpoint.tokenizer().encode(text);
        int window = Math.min(ids.length, model.card().context());
        double total = 0;
        int count = 0;
        for (int from = 0; from + 1 < ids.length; from += window) {
            for (double nll :
                    negativeLogLikelihoods(Arrays.copyOfRange(ids, from, Math.min(ids.length, from + window)))) {
                total += nll;
                count++;
            }
        }
        return Math.exp(total / count);
    }

    // All rows of a large vocabulary take hundreds of megabytes, which measuring speed need not have.
    private void wantLogits(int rows) {
        if (batch.logits().length < (long) rows * model.card().vocabulary()) {
            batch = new Batch(model.card(), STEP, rows);
        }
    }

    private void forward(KvCache cache, TokenStream prompt, int[] ids, int logits) {
        wantLogits(logits);
        for (int from = 0; from < ids.length; from += STEP) {
            int to = Math.min(ids.length, from + STEP);
            batch.clear();
            batch.begin(cache, prompt);
            for (int i = from; i < to; i++) {
                batch.addToken(ids[i]);
            }
            batch.end(to == ids.length ? logits : 0);
            model.forward(batch);
        }
    }

    private int argmax() {
        return kernels.argmax(batch.logits(), 0, model.card().vocabulary());
    }

    @Override
    public void close() {
        pool.close();
        checkpoint.close();
    }

    /** Arguments: GGUF file, threads, prefill tokens, decode tokens, most streams at once (1: none beside the first). */
    public static void main(String[] args) {
        int threads = args.length > 1 ? Integer.parseInt(args[1]) : KernelSelector.defaultThreads();
        int prefill = args.length > 2 ? Integer.parseInt(args[2]) : 512;
        int decode = args.length > 3 ? Integer.parseInt(args[3]) : 128;
        int streams = args.length > 4 ? Integer.parseInt(args[4]) : 1;
        Kernels kernels = KernelSelector.select(threads);
        for (Precision precision : new Precision[] {Precision.FAST, Precision.F32}) {
            try (var bench = new EngineBench(Path.of(args[0]), kernels, precision)) {
                bench.warmUp();
                System.out.println(precision + " " + bench.speed(prefill, decode, 3));
                for (int n = 2; n <= streams; n *= 2) {
                    double all = bench.streams(n, Math.min(prefill, 64), decode, 2);
                    System.out.printf("%s %d streams: %.1f tokens/s together%n", precision, n, all);
                }
            }
        }
        kernels.pool().close();
    }
}
