package longreach.lm.model;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
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
 * Gemma 3, the text model: blocks with a norm before and after both halves, normed queries and keys, five layers of
 * sliding attention to one over the whole context, and a GELU-gated feed-forward.
 *
 * <p>Gemma Team, "Gemma 3 Technical Report" (arXiv 2503.19786); reference: transformers 5.18.0, {@code models/gemma3}.
 * Departures: the embedding's factor sqrt(D) is not rounded, as in llama.cpp and as in the reference in f32. Soft tokens
 * enter in place of embedding rows without that factor, and those of one image see each other both ways.
 *
 * <p>T: rows of the step, D: width, F: feed-forward width, Hq and Hkv: query and kv heads, h: head dimension. Hq h need not
 * be D.
 */
public final class Gemma3 implements LanguageModel, LayeredPass {
    /** From GGUF's names to those of transformers. */
    private static final Map<String, String> TRANSFORMERS_NAMES = Map.ofEntries(
            Map.entry("token_embd", "embed_tokens"),
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_q_norm", "self_attn.q_norm"),
            Map.entry("attn_k_norm", "self_attn.k_norm"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("post_attention_norm", "post_attention_layernorm"),
            Map.entry("ffn_norm", "pre_feedforward_layernorm"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"),
            Map.entry("post_ffw_norm", "post_feedforward_layernorm"),
            Map.entry("output_norm", "norm"));

    /** Blocks of the 27B model, whose attention has another scale, which GGUF files do not mention. */
    private static final int LAYERS_OF_27B = 62;

    /**
     * Hyper-parameters, from the checkpoint.
     *
     * @param window of the sliding layers, in positions
     * @param sliding which layers those are
     * @param localTheta of the sliding layers' rotary positions
     * @param globalTheta of the other layers'
     * @param globalScale the other layers' positions are divided by it
     * @param scale of q.k
     * @param takesImages whether soft tokens of images mean something to this checkpoint
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
            int window,
            List<Boolean> sliding,
            double localTheta,
            double globalTheta,
            float globalScale,
            float scale,
            float normEpsilon,
            boolean takesImages) {
        public Config {
            sliding = List.copyOf(sliding);
            if (layers < 1
                    || layers > CheckpointWeights.MAX_LAYERS
                    || width < 1
                    || feedForward < 1
                    || vocabulary < 1
                    || context < 1
                    || window < 1) {
                throw new IllegalArgumentException("gemma3: layers " + layers + ", width " + width + ", feed-forward "
                        + feedForward + ", vocabulary " + vocabulary + ", context " + context + ", window " + window
                        + " (expected: each at least 1, at most " + CheckpointWeights.MAX_LAYERS + " layers)");
            }
            if (kvHeads < 1 || heads % kvHeads != 0 || headDim < 2 || headDim % 2 != 0) {
                throw new IllegalArgumentException("gemma3: heads " + heads + ", kv heads " + kvHeads
                        + ", head dimension " + headDim + " (expected: heads a multiple of kv heads, even dimension)");
            }
            if (sliding.size() != layers || !(scale > 0) || !(globalScale >= 1)) {
                throw new IllegalArgumentException("gemma3: " + sliding.size() + " layer types, scale " + scale
                        + ", rope scale " + globalScale + " (expected: " + layers
                        + " types, a positive scale, a rope scale of at least 1)");
            }
        }

        static Config of(ModelFiles files, int vocabulary) {
            return switch (files) {
                case GgufFile file -> of(file.metadata(), vocabulary);
                case ModelDirectory directory -> of(directory.config(), vocabulary);
            };
        }

        private static Config of(GgufMetadata meta, int vocabulary) {
            int layers = meta.integer("gemma3.block_count");
            int heads = meta.integer("gemma3.attention.head_count");
            int width = meta.integer("gemma3.embedding_length");
            int headDim = meta.integer("gemma3.attention.key_length");
            int perHead = layers == LAYERS_OF_27B ? width / Math.max(1, heads) : headDim;
            String scaling = meta.findString("gemma3.rope.scaling.type").orElse("none");
            if (!scaling.equals("none") && !scaling.equals("linear")) {
                throw meta.problem("gemma3.rope.scaling.type", scaling, "none or linear");
            }
            return new Config(
                    layers,
                    width,
                    meta.integer("gemma3.feed_forward_length"),
                    heads,
                    meta.integer("gemma3.attention.head_count_kv"),
                    headDim,
                    vocabulary,
                    meta.integer("gemma3.context_length"),
                    meta.integer("gemma3.attention.sliding_window"),
                    LayerPattern.of(meta, "gemma3.attention.sliding_window_pattern", layers, 6),
                    meta.number("gemma3.rope.freq_base_swa", 10_000),
                    meta.number("gemma3.rope.freq_base", 1_000_000),
                    scaling.equals("linear") ? (float) meta.number("gemma3.rope.scaling.factor") : 1,
                    (float) (1 / Math.sqrt(perHead)),
                    (float) meta.number("gemma3.attention.layer_norm_rms_epsilon"),
                    true);
        }

        // What is missing has the default of transformers' Gemma3TextConfig: the larger checkpoints write little else.
        private static Config of(JsonConfig whole, int vocabulary) {
            JsonConfig config = whole.findObject("text_config").orElse(whole);
            config.expect("hidden_activation", "gelu_pytorch_tanh");
            if (config.flag("attention_bias", false) || config.flag("use_bidirectional_attention", false)) {
                throw config.problem("attention_bias, use_bidirectional_attention", true, "false");
            }
            if (config.number("attn_logit_softcapping", 0) != 0 || config.number("final_logit_softcapping", 0) != 0) {
                throw config.problem("attn_logit_softcapping, final_logit_softcapping", "set", "none");
            }
            int layers = config.integer("num_hidden_layers", 26);
            RopeSettings local;
            RopeSettings global;
            if (config.findObject("rope_parameters").isPresent()) {
                JsonConfig rope = config.object("rope_parameters");
                local = RopeSettings.of(rope, "sliding_attention", 10_000);
                global = RopeSettings.of(rope, "full_attention", 1_000_000);
            } else {
                local = new RopeSettings(config.number("rope_local_base_freq", 10_000), 1);
                global = RopeSettings.of(config, 1_000_000);
            }
            if (local.scale() != 1) {
                throw config.problem("rope_parameters.sliding_attention", "scaled", "no scaling");
            }
            return new Config(
                    layers,
                    config.integer("hidden_size", 2304),
                    config.integer("intermediate_size", 9216),
                    config.integer("num_attention_heads", 8),
                    config.integer("num_key_value_heads", 4),
                    config.integer("head_dim", 256),
                    vocabulary,
                    config.integer("max_position_embeddings", 131_072),
                    config.integer("sliding_window", 4096),
                    LayerPattern.of(config, layers, 6),
                    local.theta(),
                    global.theta(),
                    global.scale(),
                    (float) (1 / Math.sqrt(config.number("query_pre_attn_scalar", 256))),
                    (float) config.number("rms_norm_eps", 1e-6),
                    config != whole);
        }

        AttentionShape attention(int layer) {
            return new AttentionShape(heads, kvHeads, headDim, scale, 0, sliding.get(layer) ? window : 0, true);
        }
    }

    /** One block's weights. Matrices are [rows = out, cols = in]; norms have their 1 added. */
    public record Block(
            float[] attentionNorm,
            Matrix q,
            Matrix k,
            Matrix v,
            float[] queryNorm,
            float[] keyNorm,
            Matrix attentionOut,
            float[] postAttentionNorm,
            float[] feedForwardNorm,
            Matrix gate,
            Matrix up,
            Matrix down,
            float[] postFeedForwardNorm) {}

    /** @param output the head; the embedding itself when they are tied */
    public record Weights(Matrix embedding, List<Block> blocks, float[] outputNorm, Matrix output) {
        static Weights of(CheckpointWeights load, Config c) {
            int q = c.heads * c.headDim;
            int kv = c.kvHeads * c.headDim;
            List<Block> blocks = new ArrayList<>();
            for (int i = 0; i < c.layers; i++) {
                String at = "blk." + i + ".";
                blocks.add(new Block(
                        load.normPlusOne(at + "attn_norm", c.width),
                        load.matrix(at + "attn_q", q, c.width),
                        load.matrix(at + "attn_k", kv, c.width),
                        load.matrix(at + "attn_v", kv, c.width),
                        load.normPlusOne(at + "attn_q_norm", c.headDim),
                        load.normPlusOne(at + "attn_k_norm", c.headDim),
                        load.matrix(at + "attn_output", c.width, q),
                        load.normPlusOne(at + "post_attention_norm", c.width),
                        load.normPlusOne(at + "ffn_norm", c.width),
                        load.matrix(at + "ffn_gate", c.feedForward, c.width),
                        load.matrix(at + "ffn_up", c.feedForward, c.width),
                        load.matrix(at + "ffn_down", c.width, c.feedForward),
                        load.normPlusOne(at + "post_ffw_norm", c.width)));
            }
            Matrix embedding = load.matrix("token_embd", c.vocabulary, c.width);
            return new Weights(
                    embedding,
                    blocks,
                    load.normPlusOne("output_norm", c.width),
                    load.has("output") ? load.matrix("output", c.vocabulary, c.width) : embedding);
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
    private final RunAttention[] attentions;
    private final RopeTable localRope;
    private final RopeTable globalRope;
    private final int queryWidth;
    private final int kvWidth;

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
    public Gemma3(ModelCard card, Config config, Weights weights, Kernels kernels, Precision precision, Arena arena) {
        this.card = card;
        this.config = config;
        this.w = weights;
        this.kernels = kernels;
        products = new StepProducts(kernels, precision);
        this.precision = precision;
        this.arena = arena;
        List<AttentionShape> shapes = new ArrayList<>();
        attentions = new RunAttention[config.layers];
        for (int layer = 0; layer < config.layers; layer++) {
            shapes.add(config.attention(layer));
            attentions[layer] = RunAttention.of(kernels, config.attention(layer));
        }
        kvShape = new KvShape(shapes);
        queryWidth = config.heads * config.headDim;
        kvWidth = config.kvHeads * config.headDim;
        localRope = new RopeTable(config.headDim, config.localTheta, 1, false);
        globalRope = new RopeTable(config.headDim, config.globalTheta, config.globalScale, false);
    }

    /** @throws longreach.tensor.weights.WeightsException when the files are not a whole Gemma 3 checkpoint */
    public static Gemma3 of(String name, byte[] digest, ModelFiles files, Kernels kernels, Precision precision) {
        Arena arena = Arena.ofShared();
        try {
            var load = new CheckpointWeights(files, TRANSFORMERS_NAMES, kernels, arena);
            Config config = Config.of(files, load.rows("token_embd"));
            Weights weights = Weights.of(load, config);
            var card = new ModelCard(
                    name,
                    "gemma3",
                    digest,
                    config.context,
                    config.vocabulary,
                    config.width,
                    config.takesImages ? config.width : 0,
                    load.parameters());
            return new Gemma3(card, config, weights, kernels, precision, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
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
                rope(layer).rotate(kernels, keys, offset, tokens, config.kvHeads, start);
    }

    private RopeTable rope(int layer) {
        return config.sliding.get(layer) ? localRope : globalRope;
    }

    @Override
    public LayeredPass pass() {
        return new Gemma3(card, config, w, kernels, precision, null);
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
        batch.embed(w.embedding, (float) Math.sqrt(config.width), x);
    }

    @Override
    public boolean next() {
        Block b = w.blocks.get(layer);
        project(layer, b, batch, rows);
        if (layer < config.layers - 1) {
            attentions[layer].attend(layer, batch, q, attended);
        } else {
            // From here on only the rows whose logits are asked for.
            attentions[layer].attendForLogits(layer, batch, q, attended);
            batch.keepLogitRows(x, config.width);
            products.keepLogitRows();
            rows = products.rows();
        }
        if (rows > 0) {
            products.multiply(b.attentionOut, attended, projected);
            addNormed(b.postAttentionNorm, rows);
            feedForward(b, rows);
            addNormed(b.postFeedForwardNorm, rows);
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

    /** q[T, Hq h] normed per head and rotated; k[T, Hkv h], normed too, and v into the caches. */
    private void project(int layer, Block b, Batch batch, int t) {
        kernels.rmsNorm(x, 0, b.attentionNorm, config.normEpsilon, t, config.width, normed, 0);
        products.multiply(normed, b.q, q, b.k, k, b.v, v);
        kernels.rmsNorm(q, 0, b.queryNorm, config.normEpsilon, t * config.heads, config.headDim, q, 0);
        kernels.rmsNorm(k, 0, b.keyNorm, config.normEpsilon, t * config.kvHeads, config.headDim, k, 0);
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            rope(layer).rotate(kernels, q, entry.row * queryWidth, entry.tokens, config.heads, entry.start);
            int kvRow = entry.row * kvWidth;
            entry.cache.append(layer, entry.start, entry.tokens, k, kvRow, v, kvRow);
        }
    }

    /** projected = Wdown (gelu(Wgate norm(x)) * (Wup norm(x))). */
    private void feedForward(Block b, int rows) {
        kernels.rmsNorm(x, 0, b.feedForwardNorm, config.normEpsilon, rows, config.width, normed, 0);
        products.multiply(normed, b.gate, gate, b.up, up);
        kernels.geluTanhMul(gate, 0, up, 0, rows * config.feedForward);
        products.multiply(b.down, gate, projected);
    }

    /** x += norm(projected). */
    private void addNormed(float[] norm, int rows) {
        kernels.rmsNorm(projected, 0, norm, config.normEpsilon, rows, config.width, projected, 0);
        kernels.add(x, 0, projected, 0, rows * config.width);
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
        q = new float[t * queryWidth];
        attended = new float[t * queryWidth];
        k = new float[t * kvWidth];
        v = new float[t * kvWidth];
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
