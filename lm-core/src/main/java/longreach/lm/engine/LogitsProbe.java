package longreach.lm.engine;

import java.nio.file.Path;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.model.Batch;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.tokenizer.Tokenizer;
import longreach.tensor.weights.ModelFiles;

/** Logits of a bare model in f32, for those who compare a family or a conversion with a reference. For one thread. */
public final class LogitsProbe implements AutoCloseable {
    private static final Precision PRECISION = Precision.F32;
    private static final int STEP = 512;
    // 256 MiB of logits.
    private static final int MOST_LOGITS = 64 << 20;

    /** Takes the logits after one position; they may not be kept. */
    @FunctionalInterface
    public interface Rows {
        /** @param logits holds the row at [offset, offset + vocabulary) */
        void row(int position, float[] logits, int offset);
    }

    private final Kernels kernels;
    private final ModelFiles files;
    private final LanguageModel model;

    /**
     * @param path a GGUF file, or a directory of safetensors
     * @throws longreach.tensor.weights.WeightsException when it is no whole model of a known family
     */
    public LogitsProbe(Path path, Kernels kernels) {
        this.kernels = kernels;
        files = ModelFiles.open(path);
        try {
            model = ModelLoader.model("probe", files, kernels, PRECISION);
        } catch (RuntimeException | Error e) {
            files.close();
            throw e;
        }
    }

    public ModelCard card() {
        return model.card();
    }

    /** Ids of a text, after the token that the checkpoint wants texts to begin with. */
    public int[] encode(String text) {
        return new ModelTokenizer(Tokenizer.of(files)).encodeText(text);
    }

    /**
     * @param chunk tokens of a step; 0: as many as is usual
     * @param all whether the logits after every position are wanted, not only after the last
     * @throws IllegalArgumentException when there are no ids, too many, one that is no token, or a step too large
     */
    public void run(int[] ids, int chunk, boolean all, Rows rows) {
        int vocabulary = card().vocabulary();
        if (ids.length < 1 || ids.length > card().context()) {
            throw new IllegalArgumentException("tokens: " + ids.length + " (expected: 1 to " + card().context() + ")");
        }
        for (int id : ids) {
            if (id < 0 || id >= vocabulary) {
                throw new IllegalArgumentException("token: " + id + " (expected: 0 to " + (vocabulary - 1) + ")");
            }
        }
        int most = all ? Math.max(1, MOST_LOGITS / vocabulary) : Integer.MAX_VALUE;
        if (chunk < 0 || chunk > most) {
            throw new IllegalArgumentException("chunk: " + chunk + " (expected: 1 to " + most + ")");
        }
        int step = Math.min(ids.length, chunk > 0 ? chunk : Math.min(STEP, most));
        var type = PRECISION.kvType();
        long bytes = model.kvShape().blockBytes(kernels, type) * KvPool.blocksFor(ids.length)
                + model.kvShape().recurrentBytes();
        var prompt = TokenStream.ofText(ids);
        var batch = new Batch(card(), step, all ? step : 1);
        try (var pool = new KvPool(kernels, model.kvShape(), type, bytes);
                var cache = new KvCache(pool, model.rotation(), pool.reserve(ids.length, step, 0), false)) {
            for (int from = 0; from < ids.length; from += step) {
                int to = Math.min(ids.length, from + step);
                batch.clear();
                batch.begin(cache, prompt);
                for (int i = from; i < to; i++) {
                    batch.addToken(ids[i]);
                }
                int wanted = all ? to - from : to == ids.length ? 1 : 0;
                batch.end(wanted);
                model.forward(batch);
                for (int i = 0; i < wanted; i++) {
                    rows.row(to - wanted + i, batch.logits(), batch.logitsOffset(i));
                }
            }
        }
    }

    @Override
    public void close() {
        model.close();
        files.close();
    }
}
