package longreach.lm.model;

import java.lang.foreign.Arena;
import java.util.Collections;
import longreach.lm.kv.KeyRotation;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvShape;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;

/**
 * Llama and SmolLM2: pre-norm blocks of grouped-query attention with rotary positions and a SiLU-gated feed-forward.
 *
 * <p>Touvron et al., "LLaMA: Open and Efficient Foundation Language Models" (arXiv 2302.13971); reference:
 * transformers 5.18.0, {@code models/llama}. Departures: the GGUF form permutes the rows of Q and K within each head, so
 * rotary pairs are adjacent here; soft tokens enter in place of embedding rows, and those of a bidirectional run see the
 * whole run.
 *
 * <p>T: rows of the step, D: width, F: feed-forward width, Hq and Hkv: query and kv heads, h: head dimension.
 */
public final class Llama implements LanguageModel {
    /** Hyper-parameters, from the checkpoint. */
    public record Config(
            int layers,
            int width,
            int feedForward,
            int heads,
            int kvHeads,
            int headDim,
            int vocabulary,
            int context,
            double ropeTheta,
            float normEpsilon) {
        public Config {
            if (layers < 1 || width < 1 || feedForward < 1 || vocabulary < 1 || context < 1) {
                throw new IllegalArgumentException("llama: layers " + layers + ", width " + width + ", feed-forward "
                        + feedForward + ", vocabulary " + vocabulary + ", context " + context
                        + " (expected: each at least 1)");
            }
            if (kvHeads < 1 || heads % kvHeads != 0 || headDim < 2 || headDim % 2 != 0) {
                throw new IllegalArgumentException("llama: heads " + heads + ", kv heads " + kvHeads
                        + ", head dimension " + headDim + " (expected: heads a multiple of kv heads, even dimension)");
            }
        }

        static Config of(GgufFile file) {
            GgufMetadata meta = file.metadata();
            int heads = meta.integer("llama.attention.head_count");
            int width = meta.integer("llama.embedding_length");
            int headDim = meta.integer("llama.attention.key_length", width / Math.max(1, heads));
            int rotated = meta.integer("llama.rope.dimension_count", headDim);
            if (rotated != headDim) {
                throw new IllegalArgumentException(
                        "llama.rope.dimension_count: " + rotated + " (expected: " + headDim + ", the whole head)");
            }
            if (meta.has("llama.rope.scaling.type")
                    && !meta.string("llama.rope.scaling.type").equals("none")) {
                throw new IllegalArgumentException(
                        "llama.rope.scaling.type: " + meta.string("llama.rope.scaling.type") + " (expected: none)");
            }
            return new Config(
                    meta.integer("llama.block_count"),
                    width,
                    meta.integer("llama.feed_forward_length"),
                    heads,
                    meta.integer("llama.attention.head_count_kv", heads),
                    headDim,
                    Math.toIntExact(file.tensor("token_embd.weight").shape()[0]),
                    meta.integer("llama.context_length"),
                    meta.number("llama.rope.freq_base", 10_000),
                    (float) meta.number("llama.attention.layer_norm_rms_epsilon"));
        }

        AttentionShape attention() {
            return AttentionShape.causal(heads, kvHeads, headDim);
        }
    }

    /** One block's weights. Matrices are [rows = out, cols = in]. */
    public record Block(
            float[] attentionNorm,
            Matrix q,
            Matrix k,
            Matrix v,
            Matrix attentionOut,
            float[] feedForwardNorm,
            Matrix gate,
            Matrix up,
            Matrix down) {}

    /** @param output the head; the embedding itself when they are tied */
    public record Weights(Matrix embedding, Block[] blocks, float[] outputNorm, Matrix output) {
        static Weights of(GgufFile file, Config c, Kernels kernels, Arena arena) {
            var load = new GgufWeights(file, kernels, arena);
            int q = c.heads * c.headDim;
            int kv = c.kvHeads * c.headDim;
            Block[] blocks = new Block[c.layers];
            for (int i = 0; i < blocks.length; i++) {
                String at = "blk." + i + ".";
                blocks[i] = new Block(
                        load.vector(at + "attn_norm.weight", c.width),
                        load.matrix(at + "attn_q.weight", q, c.width),
                        load.matrix(at + "attn_k.weight", kv, c.width),
                        load.matrix(at + "attn_v.weight", kv, c.width),
                        load.matrix(at + "attn_output.weight", c.width, q),
                        load.vector(at + "ffn_norm.weight", c.width),
                        load.matrix(at + "ffn_gate.weight", c.feedForward, c.width),
                        load.matrix(at + "ffn_up.weight", c.feedForward, c.width),
                        load.matrix(at + "ffn_down.weight", c.width, c.feedForward));
            }
            Matrix embedding = load.matrix("token_embd.weight", c.vocabulary, c.width);
            return new Weights(
                    embedding,
                    blocks,
                    load.vector("output_norm.weight", c.width),
                    load.has("output.weight") ? load.matrix("output.weight", c.vocabulary, c.width) : embedding);
        }
    }

    private final ModelCard card;
    private final Config config;
    private final Weights w;
    private final Kernels kernels;
    private final StepProducts products;
    private final Arena arena;
    private final KvShape kvShape;
    private final AttentionShape causal;
    private final AttentionShape bidirectional;
    private final RopeTable rope;

    // Activations of one step; they grow to the largest step and stay.
    private float[] x = new float[0];
    private float[] normed;
    private float[] q;
    private float[] k;
    private float[] v;
    private float[] attended;
    private float[] gate;
    private float[] up;
    private float[] projected;

    /**
     * @param arena owns the weights; closed with this model
     */
    public Llama(ModelCard card, Config config, Weights weights, Kernels kernels, Precision precision, Arena arena) {
        this.card = card;
        this.config = config;
        this.w = weights;
        this.kernels = kernels;
        products = new StepProducts(kernels, precision);
        this.arena = arena;
        causal = config.attention();
        bidirectional = new AttentionShape(
                causal.queryHeads(), causal.kvHeads(), causal.headDim(), causal.scale(), 0, 0, false);
        kvShape = new KvShape(Collections.nCopies(config.layers, causal));
        rope = new RopeTable(config.context, config.headDim, config.ropeTheta);
    }

    /** @throws longreach.tensor.weights.WeightsException when the file is not a whole Llama checkpoint */
    public static Llama of(String name, byte[] digest, GgufFile file, Kernels kernels, Precision precision) {
        Config config = Config.of(file);
        Arena arena = Arena.ofShared();
        Weights weights = Weights.of(file, config, kernels, arena);
        long parameters = file.tensors().stream().mapToLong(t -> t.elements()).sum();
        var card = new ModelCard(name, "llama", digest, config.context, config.vocabulary, config.width, 0, parameters);
        return new Llama(card, config, weights, kernels, precision, arena);
    }

    @Override
    public ModelCard card() {
        return card;
    }

    @Override
    public KvShape kvShape() {
        return kvShape;
    }

    @Override
    public KeyRotation rotation() {
        return (layer, keys, offset, tokens, start) -> kernels.rope(
                keys, offset, tokens, config.kvHeads, config.headDim, true, rope.cos, rope.sin, rope.offset(start));
    }

    @Override
    public void forward(Batch batch) {
        int t = batch.tokens();
        ensureScratch(t);
        products.begin(batch);
        for (int e = 0; e < batch.entries(); e++) {
            batch.entry(e).cache.prepare(batch.entry(e).end());
        }
        embed(batch);
        for (int layer = 0; layer < config.layers - 1; layer++) {
            Block b = w.blocks[layer];
            attention(layer, b, batch, t);
            feedForward(b, t);
        }
        lastBlock(batch, t);
        for (int e = 0; e < batch.entries(); e++) {
            batch.entry(e).cache.advance(batch.entry(e).end());
        }
        logits(batch);
    }

    /** x[T, D] = rows of the embedding, or soft tokens as they came. */
    private void embed(Batch batch) {
        for (int row = 0; row < batch.tokens(); row++) {
            if (batch.ids[row] == TokenStream.SOFT) {
                System.arraycopy(batch.soft(), row * config.width, x, row * config.width, config.width);
            } else {
                w.embedding.row(batch.ids[row], x, row * config.width);
            }
        }
    }

    /** x += Wo attention(norm(x)). */
    private void attention(int layer, Block b, Batch batch, int t) {
        project(layer, b, batch, t);
        for (int e = 0; e < batch.entries(); e++) {
            attend(layer, batch.entry(e), 0);
        }
        products.multiply(b.attentionOut, attended, projected);
        kernels.add(x, 0, projected, 0, t * config.width);
    }

    /** q[T, Hq h] rotated; k and v[T, Hkv h] into the caches. */
    private void project(int layer, Block b, Batch batch, int t) {
        kernels.rmsNorm(x, 0, b.attentionNorm, config.normEpsilon, t, config.width, normed, 0);
        products.multiply(b.q, normed, q);
        products.multiply(b.k, normed, k);
        products.multiply(b.v, normed, v);
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            kernels.rope(
                    q,
                    entry.row * causal.queryWidth(),
                    entry.tokens,
                    config.heads,
                    config.headDim,
                    true,
                    rope.cos,
                    rope.sin,
                    rope.offset(entry.start));
            int kvRow = entry.row * causal.kvWidth();
            entry.cache.append(layer, entry.start, entry.tokens, k, kvRow, v, kvRow);
        }
    }

    /** attended[T, Hq h] of one sequence, from its row {@code from} on: causal, but a bidirectional run sees all of itself. */
    private void attend(int layer, Batch.Entry entry, int from) {
        TokenStream prompt = entry.prompt;
        int end = entry.end();
        for (int p = entry.start + from; p < end; ) {
            int spanEnd = end;
            AttentionShape shape = causal;
            if (p < prompt.length()) {
                int run = prompt.runAt(p);
                if (prompt.isBidirectional(run)) {
                    shape = bidirectional;
                    spanEnd = prompt.end(run);
                } else {
                    while (++run < prompt.runs().size() && prompt.start(run) < end && !prompt.isBidirectional(run)) {}
                    spanEnd = run < prompt.runs().size() ? Math.min(end, prompt.start(run)) : end;
                }
            }
            if (spanEnd > end) {
                throw new IllegalStateException("bidirectional run up to " + spanEnd + " (expected: within the step, "
                        + "which ends at " + end + ")");
            }
            int at = (entry.row + p - entry.start) * causal.queryWidth();
            KvCache cache = entry.cache;
            kernels.attention(shape, q, at, spanEnd - p, cache.pages(layer), p, spanEnd, attended, at);
            p = spanEnd;
        }
    }

    /** x += Wdown (silu(Wgate norm(x)) * (Wup norm(x))), for the first {@code t} rows. */
    private void feedForward(Block b, int t) {
        kernels.rmsNorm(x, 0, b.feedForwardNorm, config.normEpsilon, t, config.width, normed, 0);
        products.multiply(b.gate, normed, gate);
        products.multiply(b.up, normed, up);
        kernels.siluMul(gate, 0, up, 0, t * config.feedForward);
        products.multiply(b.down, gate, projected);
        kernels.add(x, 0, projected, 0, t * config.width);
    }

    /**
     * The last block past its keys and values serves only the rows whose logits are asked for; they are moved together,
     * so that x[0, logitRows) holds them afterwards.
     */
    private void lastBlock(Batch batch, int t) {
        int layer = config.layers - 1;
        Block b = w.blocks[layer];
        project(layer, b, batch, t);
        int kept = 0;
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            if (entry.logitRows == 0) {
                continue;
            }
            int from = entry.tokens - entry.logitRows;
            int first = entry.prompt.resumableAt(entry.start + from) - entry.start;
            attend(layer, entry, first);
            int row = entry.row + from;
            System.arraycopy(
                    attended,
                    row * causal.queryWidth(),
                    attended,
                    kept * causal.queryWidth(),
                    entry.logitRows * causal.queryWidth());
            System.arraycopy(x, row * config.width, x, kept * config.width, entry.logitRows * config.width);
            kept += entry.logitRows;
        }
        if (kept > 0) {
            products.keepLogitRows();
            products.multiply(b.attentionOut, attended, projected);
            kernels.add(x, 0, projected, 0, kept * config.width);
            feedForward(b, kept);
        }
    }

    /** logits[rows, vocabulary] = Wout norm(x). */
    private void logits(Batch batch) {
        int rows = batch.logitRows();
        if (rows > 0) {
            kernels.rmsNorm(x, 0, w.outputNorm, config.normEpsilon, rows, config.width, normed, 0);
            products.multiply(w.output, normed, batch.logits);
        }
    }

    private void ensureScratch(int t) {
        if (x.length >= t * config.width) {
            return;
        }
        x = new float[t * config.width];
        normed = new float[t * config.width];
        projected = new float[t * config.width];
        q = new float[t * causal.queryWidth()];
        attended = new float[t * causal.queryWidth()];
        k = new float[t * causal.kvWidth()];
        v = new float[t * causal.kvWidth()];
        gate = new float[t * config.feedForward];
        up = new float[t * config.feedForward];
    }

    @Override
    public void close() {
        arena.close();
    }
}
