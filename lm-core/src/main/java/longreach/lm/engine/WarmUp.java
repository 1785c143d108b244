package longreach.lm.engine;

import java.time.Duration;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.kv.KvReservation;
import longreach.lm.model.Batch;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.Kernels;

/**
 * Has the JVM compile what a model's steps run before anyone waits for them: short prompts, one sequence that decodes and
 * several that decode together, over made-up tokens and pages of its own, until they no longer get faster.
 */
public final class WarmUp {
    // Prompts of 6, 13 and 20 tokens: whole register tiles, and parts of both sizes of them.
    private static final int PROMPT = 21;
    private static final int DECODED = 6;
    private static final int TOGETHER = 3;
    // As many rounds in turn must be no faster than those before them by more than a tenth.
    private static final int WINDOW = 6;

    /**
     * @param rounds of one prompt and its decoding
     * @param stable whether the last rounds were as fast as those before them, so that more would change little
     * @param firstMilliseconds what the first round took
     * @param lastMilliseconds what the fastest of the last rounds took
     */
    public record Outcome(int rounds, boolean stable, long milliseconds, double firstMilliseconds, double lastMilliseconds) {}

    private final LanguageModel model;
    private final Kernels kernels;
    private final KvPool pool;
    private final Batch batch;
    private long deadline;

    private WarmUp(LanguageModel model, Kernels kernels, KvPool pool) {
        this.model = model;
        this.kernels = kernels;
        this.pool = pool;
        batch = new Batch(model.card(), Math.max(PROMPT, TOGETHER), TOGETHER);
    }

    /** @param limit no step begins after it but the first */
    static Outcome run(LanguageModel model, Kernels kernels, Precision precision, Duration limit) {
        var shape = model.kvShape();
        long pages = shape.blockBytes(kernels, precision.kvType());
        try (var pool =
                new KvPool(kernels, shape, precision.codec(), 4 * TOGETHER * (pages + shape.recurrentBytes()))) {
            return new WarmUp(model, kernels, pool).rounds(limit.toNanos());
        }
    }

    private Outcome rounds(long limit) {
        long began = System.nanoTime();
        deadline = began + limit;
        double first = 0;
        double before = Double.MAX_VALUE;
        double best = Double.MAX_VALUE;
        int rounds = 0;
        boolean stable = false;
        while (!stable && (rounds == 0 || !isOver())) {
            double took = round();
            if (rounds > 0 && isOver()) {
                // Cut short perhaps: no measure of anything.
                break;
            }
            first = rounds == 0 ? took : first;
            best = Math.min(best, took);
            rounds++;
            if (rounds % WINDOW == 0) {
                stable = best > 0.9 * before;
                before = best;
                best = stable ? best : Double.MAX_VALUE;
            }
        }
        double last = Math.min(Math.min(best, before), first);
        return new Outcome(rounds, stable, (System.nanoTime() - began) / 1_000_000, first, last);
    }

    private boolean isOver() {
        return System.nanoTime() - deadline >= 0;
    }

    /** Milliseconds of the prompts and tokens of {@link #TOGETHER} sequences, or of those that time was left for. */
    private double round() {
        long began = System.nanoTime();
        KvCache[] caches = new KvCache[TOGETHER];
        TokenStream[] prompts = new TokenStream[TOGETHER];
        try {
            for (int i = 0; i < TOGETHER; i++) {
                if (i > 0 && isOver()) {
                    return (System.nanoTime() - began) / 1e6;
                }
                // The shortest first: until it is compiled, every token takes long.
                int[] ids = new int[PROMPT * (i + 1) / TOGETHER - 1];
                for (int k = 0; k < ids.length; k++) {
                    ids[k] = (k * 7919 + i) % model.card().vocabulary();
                }
                prompts[i] = TokenStream.ofText(ids);
                KvReservation room = pool.reserve(PROMPT + DECODED, PROMPT, 0);
                if (room == null) {
                    throw new IllegalStateException("warm-up: no room for sequence " + i + " (expected: its own pool)");
                }
                caches[i] = new KvCache(pool, model.rotation(), room, false);
                batch.clear();
                add(caches[i], prompts[i], ids);
                model.forward(batch);
            }
            for (int step = 0; step < DECODED && !isOver(); step++) {
                int next = kernels.argmax(batch.logits(), 0, model.card().vocabulary());
                batch.clear();
                for (int i = 0; i < (step % 2 == 0 ? 1 : TOGETHER); i++) {
                    add(caches[i], prompts[i], next);
                }
                model.forward(batch);
            }
        } finally {
            for (KvCache cache : caches) {
                if (cache != null) {
                    cache.close();
                }
            }
        }
        return (System.nanoTime() - began) / 1e6;
    }

    private void add(KvCache cache, TokenStream prompt, int... ids) {
        batch.begin(cache, prompt);
        for (int id : ids) {
            batch.addToken(id);
        }
        batch.end(1);
    }
}
