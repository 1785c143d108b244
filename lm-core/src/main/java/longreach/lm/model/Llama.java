package longreach.lm.model;

import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.Map;
import longreach.lm.kv.KeyRotation;
import longreach.lm.kv.KvShape;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.ModelFiles;

/**
 * Llama and SmolLM2: pre-norm blocks of grouped-query attention with rotary positions and a SiLU-gated feed-forward.
 *
 * <p>Touvron et al., "LLaMA: Open and Efficient Foundation Language Models" (arXiv 2302.13971); reference:
 * transformers 5.18.0, {@code models/llama}. Departures: the GGUF form permutes the rows of Q and K within each head, so
 * its rotary pairs are adjacent; soft tokens enter in place of embedding rows, and those of a bidirectional run see the
 * whole run.
 *
 * <p>T: rows of the step, D: width, F: feed-forward width, Hq and Hkv: query and kv heads, h: head dimension.
 */
public final class Llama implements LanguageModel, LayeredPass {
    /** From GGUF's names to those of transformers. */
    private static final Map<String, String> TRANSFORMERS_NAMES = Map.ofEntries(
            Map.entry("token_embd", "embed_tokens"),
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("ffn_norm", "post_attention_layernorm"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"),
            Map.entry("output_norm", "norm"));

    /**
     * Hyper-parameters, from the checkpoint.
     *
     * @param ropeBands scaling of the frequencies by wave length, or null
     * @param adjacentPairs rotary pairs are (2i, 2i + 1), as GGUF has them; else (i, i + headDim / 2)
     */
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
            RopeBands ropeBands,
            float normEpsilon,
            boolean adjacentPairs) {
        public Config {
            if (layers < 1
                    || layers > CheckpointWeights.MAX_LAYERS
                    || width < 1
                    || feedForward < 1
                    || vocabulary < 1
                    || context < 1) {
                throw new IllegalArgumentException("llama: layers " + layers + ", width " + width + ", feed-forward "
                        + feedForward + ", vocabulary " + vocabulary + ", context " + context
                        + " (expected: each at least 1, at most " + CheckpointWeights.MAX_LAYERS + " layers)");
            }
            if (kvHeads < 1 || heads % kvHeads != 0 || headDim < 2 || headDim % 2 != 0) {
                throw new IllegalArgumentException("llama: heads " + heads + ", kv heads " + kvHeads
                        + ", head dimension " + headDim + " (expected: heads a multiple of kv heads, even dimension)");
            }
        }

        static Config of(ModelFiles files, int vocabulary) {
            return switch (files) {
                case GgufFile file -> of(file.metadata(), vocabulary);
                case ModelDirectory directory -> of(directory.config(), vocabulary);
            };
        }

        private static Config of(GgufMetadata meta, int vocabulary) {
            int heads = meta.integer("llama.attention.head_count");
            int width = meta.integer("llama.embedding_length");
            int headDim = meta.integer("llama.attention.key_length", width / Math.max(1, heads));
            int rotated = meta.integer("llama.rope.dimension_count", headDim);
            if (rotated != headDim) {
                throw meta.problem("llama.rope.dimension_count", rotated, headDim + ", the whole head");
            }
            String scaling = meta.findString("llama.rope.scaling.type").orElse("none");
            if (!scaling.equals("none")) {
                throw meta.problem("llama.rope.scaling.type", scaling, "none");
            }
            return new Config(
                    meta.integer("llama.block_count"),
                    width,
                    meta.integer("llama.feed_forward_length"),
                    heads,
                    meta.integer("llama.attention.head_count_kv", heads),
                    headDim,
                    vocabulary,
                    meta.integer("llama.context_length"),
                    meta.number("llama.rope.freq_base", 10_000),
                    null,
                    (float) meta.number("llama.attention.layer_norm_rms_epsilon"),
                    true);
        }

        // What is missing has the default of transformers' LlamaConfig.
        private static Config of(JsonConfig config, int vocabulary) {
            config.expect("hidden_act", "silu");
            if (config.flag("attention_bias", false) || config.flag("mlp_bias", false)) {
                throw config.problem("attention_bias, mlp_bias", true, "false");
            }
            int heads = config.integer("num_attention_heads");
            int width = config.integer("hidden_size");
            RopeSettings rope = RopeSettings.withBands(config, 10_000);
            return new Config(
                    config.integer("num_hidden_layers"),
                    width,
                    config.integer("intermediate_size"),
                    heads,
                    config.integer("num_key_value_heads", heads),
                    config.integer("head_dim", width / Math.max(1, heads)),
                    vocabulary,
                    config.integer("max_position_embeddings", 2048),
                    rope.theta(),
                    rope.bands(),
                    (float) config.number("rms_norm_eps", 1e-6),
                    false);
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

    /**
     * @param output the head; the embedding itself when they are tied
     * @param ropeDivisors of the rotary frequencies, [headDim / 2], as GGUF files of Llama 3.1 have them; null: none
     */
    public record Weights(Matrix embedding, Block[] blocks, float[] outputNorm, Matrix output, float[] ropeDivisors) {
        static Weights of(CheckpointWeights load, Config c) {
            int q = c.heads * c.headDim;
            int kv = c.kvHeads * c.headDim;
            Block[] blocks = new Block[c.layers];
            for (int i = 0; i < blocks.length; i++) {
                String at = "blk." + i + ".";
                blocks[i] = new Block(
                        load.vector(at + "attn_norm", c.width),
                        load.matrix(at + "attn_q", q, c.width),
                        load.matrix(at + "attn_k", kv, c.width),
                        load.matrix(at + "attn_v", kv, c.width),
                        load.matrix(at + "attn_output", c.width, q),
                        load.vector(at + "ffn_norm", c.width),
                        load.matrix(at + "ffn_gate", c.feedForward, c.width),
                        load.matrix(at + "ffn_up", c.feedForward, c.width),
                        load.matrix(at + "ffn_down", c.width, c.feedForward));
            }
            Matrix embedding = load.matrix("token_embd", c.vocabulary, c.width);
            return new Weights(
                    embedding,
                    blocks,
                    load.vector("output_norm", c.width),
                    load.has("output") ? load.matrix("output", c.vocabulary, c.width) : embedding,
                    c.adjacentPairs && load.has("rope_freqs") ? load.vector("rope_freqs", c.headDim / 2) : null);
        }
    }

    private final ModelCard card;
    private final Config config;
    private final Weights w;
    private final Kernels kernels;
    private final StepProducts products;
    private final Precision precision;
    private final Arena arena;
    private final KvShape kvShape;
    private final AttentionShape causal;
    private final RunAttention attention;
    private final RopeTable rope;

    // The step under way, its next layer, and how many of its rows are still computed.
    private Batch batch;
    private int layer;
    private int rows;
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
     * @param arena owns the weights; closed with this model. Null: they are another's
     */
    public Llama(ModelCard card, Config config, Weights weights, Kernels kernels, Precision precision, Arena arena) {
        this.card = card;
        this.config = config;
        this.w = weights;
        this.kernels = kernels;
        products = new StepProducts(kernels, precision);
        this.precision = precision;
        this.arena = arena;
        causal = config.attention();
        attention = RunAttention.of(kernels, causal);
        kvShape = new KvShape(Collections.nCopies(config.layers, causal));
        rope = new RopeTable(config.headDim, frequencies(config, weights.ropeDivisors), config.adjacentPairs);
    }

    /** @throws longreach.tensor.weights.WeightsException when the files are not a whole Llama checkpoint */
    public static Llama of(String name, byte[] digest, ModelFiles files, Kernels kernels, Precision precision) {
        Arena arena = Arena.ofShared();
        try {
            var load = new CheckpointWeights(files, TRANSFORMERS_NAMES, kernels, arena);
            Config config = Config.of(files, load.rows("token_embd"));
            Weights weights = Weights.of(load, config);
            var card = new ModelCard(
                    name, "llama", digest, config.context, config.vocabulary, config.width, 0, load.parameters());
            return new Llama(card, config, weights, kernels, precision, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private static float[] frequencies(Config config, float[] divisors) {
        float[] frequencies = RopeTable.frequencies(config.headDim, config.ropeTheta, 1);
        for (int i = 0; i < frequencies.length; i++) {
            if (divisors != null) {
                if (!(divisors[i] > 0 && divisors[i] < Float.POSITIVE_INFINITY)) {
                    throw new IllegalArgumentException(
                            "rope_freqs.weight[" + i + "]: " + divisors[i] + " (expected: positive)");
                }
                frequencies[i] /= divisors[i];
            }
            if (config.ropeBands != null) {
                frequencies[i] = config.ropeBands.scaled(frequencies[i]);
            }
        }
        return frequencies;
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
        return (layer, keys, offset, tokens, start) ->
                rope.rotate(kernels, keys, offset, tokens, config.kvHeads, start);
    }

    @Override
    public LayeredPass pass() {
        return new Llama(card, config, w, kernels, precision, null);
    }

    @Override
    public void forward(Batch step) {
        begin(step);
        while (!next()) {}
    }

    @Override
    public void begin(Batch step) {
        batch = step;
        layer = 0;
        rows = batch.tokens();
        ensureScratch(rows);
        products.begin(batch);
        for (int e = 0; e < batch.entries(); e++) {
            batch.entry(e).cache.prepare(batch.entry(e).end());
        }
        batch.embed(w.embedding, 1, x);
    }

    @Override
    public boolean next() {
        Block b = w.blocks[layer];
        project(layer, b, batch, rows);
        if (layer < config.layers - 1) {
            attention.attend(layer, batch, q, attended);
        } else {
            // From here on only the rows whose logits are asked for.
            attention.attendForLogits(layer, batch, q, attended);
            batch.keepLogitRows(x, config.width);
            products.keepLogitRows();
            rows = products.rows();
        }
        if (rows > 0) {
            products.multiply(b.attentionOut, attended, projected);
            kernels.add(x, 0, projected, 0, rows * config.width);
            feedForward(b, rows);
        }
        if (++layer < config.layers) {
            return false;
        }
        for (int e = 0; e < batch.entries(); e++) {
            batch.entry(e).cache.advance(batch.entry(e).end());
        }
        logits(batch);
        return true;
    }

    /** q[T, Hq h] rotated; k and v[T, Hkv h] into the caches. */
    private void project(int layer, Block b, Batch batch, int t) {
        kernels.rmsNorm(x, 0, b.attentionNorm, config.normEpsilon, t, config.width, normed, 0);
        products.multiply(normed, b.q, q, b.k, k, b.v, v);
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            rope.rotate(kernels, q, entry.row * causal.queryWidth(), entry.tokens, config.heads, entry.start);
            int kvRow = entry.row * causal.kvWidth();
            entry.cache.append(layer, entry.start, entry.tokens, k, kvRow, v, kvRow);
        }
    }

    /** x += Wdown (silu(Wgate norm(x)) * (Wup norm(x))), for the first {@code t} rows. */
    private void feedForward(Block b, int t) {
        kernels.rmsNorm(x, 0, b.feedForwardNorm, config.normEpsilon, t, config.width, normed, 0);
        products.multiply(normed, b.gate, gate, b.up, up);
        kernels.siluMul(gate, 0, up, 0, t * config.feedForward);
        products.multiply(b.down, gate, projected);
        kernels.add(x, 0, projected, 0, t * config.width);
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
        if (arena != null) {
            arena.close();
        }
    }
}
