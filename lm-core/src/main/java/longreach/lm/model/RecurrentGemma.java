package longreach.lm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import longreach.lm.kv.KeyRotation;
import longreach.lm.kv.KvShape;
import longreach.lm.kv.LayerState;
import longreach.lm.kv.RecurrentState;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/**
 * RecurrentGemma, the Griffin architecture: residual blocks whose temporal mixing is, in turn, a gated linear recurrence
 * behind a short convolution, or attention over a sliding window. What a sequence remembers has a fixed size.
 *
 * <p>De et al., "Griffin: Mixing Gated Linear Recurrences with Local Attention for Efficient Language Models" (arXiv
 * 2402.19427); Botev et al., "RecurrentGemma" (arXiv 2404.07839); reference: transformers 5, {@code
 * models/recurrent_gemma}. Departures: the convolution's last inputs are carried from one step to the next, where
 * the reference begins every call of several tokens with zeros, so that a prompt may be cut anywhere.
 *
 * <p>T: rows of the step, D: width, R: recurrent width, F: feed-forward width, Hq and Hkv: query and kv heads, h: head
 * dimension, b = R / Hq: width of a gate's block.
 */
public final class RecurrentGemma implements LanguageModel, LayeredPass {
    // The recurrence has no trained length of its own; positions in f32 are exact far beyond.
    private static final int CONTEXT = 1 << 20;
    // c of the paper's equation 6.
    private static final double DECAY = -8;
    // More than any family has; a count beyond it is a broken file.
    private static final int MAX_LAYERS = 1024;

    /**
     * Hyper-parameters, from the checkpoint.
     *
     * @param recurrent for each layer, whether its temporal mixing is the recurrence; else it is attention
     * @param convWidth tokens that the convolution reads, itself included
     * @param rotated elements of each head that rotary positions turn
     * @param logitsCap logits become cap * tanh(logits / cap)
     */
    public record Config(
            List<Boolean> recurrent,
            int width,
            int recurrentWidth,
            int feedForward,
            int heads,
            int kvHeads,
            int headDim,
            int window,
            int convWidth,
            int vocabulary,
            double ropeTheta,
            int rotated,
            float logitsCap,
            float normEpsilon) {
        public Config {
            recurrent = List.copyOf(recurrent);
            if (recurrent.isEmpty() || width < 1 || feedForward < 1 || vocabulary < 1 || window < 1 || convWidth < 1) {
                throw new IllegalArgumentException("recurrent gemma: layers " + recurrent.size() + ", width " + width
                        + ", feed-forward " + feedForward + ", vocabulary " + vocabulary + ", window " + window
                        + ", convolution " + convWidth + " (expected: each at least 1)");
            }
            if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0 || headDim < 2) {
                throw new IllegalArgumentException("recurrent gemma: heads " + heads + ", kv heads " + kvHeads
                        + ", head dimension " + headDim + " (expected: heads a multiple of kv heads, dimension >= 2)");
            }
            if (recurrentWidth < 1 || recurrentWidth % heads != 0) {
                throw new IllegalArgumentException("recurrent gemma: recurrent width " + recurrentWidth
                        + " (expected: a multiple of the " + heads + " heads)");
            }
            if (rotated < 0 || rotated > headDim || rotated % 2 != 0 || !(logitsCap > 0)) {
                throw new IllegalArgumentException("recurrent gemma: rotated " + rotated + ", logits cap " + logitsCap
                        + " (expected: an even part of " + headDim + ", positive)");
            }
        }

        static Config of(JsonConfig json) {
            int layers = json.integer("num_hidden_layers");
            int width = json.integer("hidden_size");
            int heads = json.integer("num_attention_heads");
            if (layers < 1 || layers > MAX_LAYERS || width < 1 || heads < 1 || width % heads != 0) {
                throw json.problem(
                        "num_hidden_layers, hidden_size, num_attention_heads",
                        layers + ", " + width + ", " + heads,
                        "1 to " + MAX_LAYERS + " layers, a width that is a multiple of the heads");
            }
            List<String> pattern = json.strings(json.has("block_types") ? "block_types" : "_block_types");
            if (pattern.isEmpty()) {
                throw json.problem("block_types", "none", "at least one");
            }
            List<Boolean> recurrent = new ArrayList<>();
            for (int i = 0; i < layers; i++) {
                String type = pattern.get(i % pattern.size());
                if (!type.equals("recurrent") && !type.equals("attention")) {
                    throw json.problem("block_types", type, "recurrent or attention");
                }
                recurrent.add(type.equals("recurrent"));
            }
            String activation = json.string("hidden_activation", "gelu_pytorch_tanh");
            if (!activation.equals("gelu_pytorch_tanh")) {
                throw json.problem("hidden_activation", activation, "gelu_pytorch_tanh");
            }
            if (json.flag("attention_bias", false)) {
                throw json.problem("attention_bias", true, "false");
            }
            JsonConfig rope = json.findObject("rope_parameters").orElse(json);
            int headDim = json.integer("head_dim", width / heads);
            return new Config(
                    recurrent,
                    width,
                    json.integer("lru_width", width),
                    json.integer("intermediate_size") / 2,
                    heads,
                    json.integer("num_key_value_heads", heads),
                    headDim,
                    json.integer("attention_window_size"),
                    json.integer("conv1d_width", 4),
                    json.integer("vocab_size"),
                    rope.number("rope_theta", 10_000),
                    (int) (headDim * rope.number("partial_rotary_factor", 0.5)),
                    (float) json.number("logits_soft_cap", 30),
                    (float) json.number("rms_norm_eps", 1e-6));
        }

        int layers() {
            return recurrent.size();
        }

        AttentionShape attention() {
            return new AttentionShape(heads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), 0, window, true);
        }

        KvShape shape() {
            var attention = new LayerState.Sliding(attention());
            var recurrence = new LayerState.Recurrent(recurrentWidth, convWidth - 1);
            return new KvShape(recurrent.stream()
                    .map(r -> r ? (LayerState) recurrence : attention)
                    .toList());
        }
    }

    /** y = W x + b; W is [rows = out, cols = in]. */
    public record Linear(Matrix weight, float[] bias) {}

    /** What mixes a layer's tokens. */
    public sealed interface Temporal {}

    /**
     * @param conv [convWidth, R], the last row weighs the token itself
     * @param inputGate for each head [b out, b in]; its biases are [R]
     * @param decay -8 softplus(Lambda), [R]
     */
    public record Recurrence(
            Linear x,
            Linear y,
            Linear out,
            float[] conv,
            float[] convBias,
            Matrix[] inputGate,
            float[] inputGateBias,
            Matrix[] recurrenceGate,
            float[] recurrenceGateBias,
            float[] decay)
            implements Temporal {}

    public record Attention(Matrix q, Matrix k, Matrix v, Linear out) implements Temporal {}

    /** Norms hold 1 + w. */
    public record Block(
            float[] temporalNorm, Temporal temporal, float[] channelNorm, Linear gate, Linear up, Linear down) {}

    /** The embedding is the head, too. */
    public record Weights(Matrix embedding, Block[] blocks, float[] finalNorm) {}

    /** Takes tensors by transformers' names. */
    private record Loader(ModelDirectory files, Config c, Kernels kernels, Arena arena) {
        Weights weights() {
            Block[] blocks = new Block[c.layers()];
            for (int i = 0; i < blocks.length; i++) {
                String at = "model.layers." + i + ".";
                blocks[i] = new Block(
                        norm(at + "temporal_pre_norm.weight"),
                        c.recurrent.get(i) ? recurrence(at + "temporal_block.") : attention(at + "temporal_block."),
                        norm(at + "channel_pre_norm.weight"),
                        linear(at + "mlp_block.gate_proj", c.feedForward, c.width),
                        linear(at + "mlp_block.up_proj", c.feedForward, c.width),
                        linear(at + "mlp_block.down_proj", c.width, c.feedForward));
            }
            return new Weights(
                    matrix("model.embed_tokens.weight", c.vocabulary, c.width),
                    blocks,
                    norm("model.final_norm.weight"));
        }

        private Recurrence recurrence(String at) {
            int r = c.recurrentWidth;
            int block = r / c.heads;
            float[] stored = vector(at + "conv_1d.weight", r, 1, c.convWidth);
            float[] conv = new float[stored.length];
            for (int channel = 0; channel < r; channel++) {
                for (int j = 0; j < c.convWidth; j++) {
                    conv[j * r + channel] = stored[channel * c.convWidth + j];
                }
            }
            float[] decay = vector(at + "rg_lru.recurrent_param", r);
            for (int i = 0; i < r; i++) {
                decay[i] = (float) (DECAY * softplus(decay[i]));
            }
            return new Recurrence(
                    linear(at + "linear_x", r, c.width),
                    linear(at + "linear_y", r, c.width),
                    linear(at + "linear_out", c.width, r),
                    conv,
                    vector(at + "conv_1d.bias", r),
                    gate(at + "rg_lru.input_gate_weight", block),
                    vector(at + "rg_lru.input_gate_bias", c.heads, block),
                    gate(at + "rg_lru.recurrent_gate_weight", block),
                    vector(at + "rg_lru.recurrent_gate_bias", c.heads, block),
                    decay);
        }

        private Attention attention(String at) {
            int q = c.heads * c.headDim;
            int kv = c.kvHeads * c.headDim;
            return new Attention(
                    matrix(at + "q_proj.weight", q, c.width),
                    matrix(at + "k_proj.weight", kv, c.width),
                    matrix(at + "v_proj.weight", kv, c.width),
                    linear(at + "o_proj", c.width, q));
        }

        private Linear linear(String name, int rows, int cols) {
            return new Linear(matrix(name + ".weight", rows, cols), vector(name + ".bias", rows));
        }

        private Matrix matrix(String name, int rows, int cols) {
            return kernels.prepare(files.tensor(name, rows, cols), arena);
        }

        private float[] vector(String name, long... shape) {
            Tensor tensor = files.tensor(name, shape);
            float[] elements = new float[Math.toIntExact(tensor.elements())];
            Dequantiser.elements(tensor.type(), tensor.data(), 0, elements.length, elements, 0);
            return elements;
        }

        private float[] norm(String name) {
            float[] w = vector(name, c.width);
            for (int i = 0; i < w.length; i++) {
                w[i] += 1;
            }
            return w;
        }

        /** Blocks are stored [heads, in, out]. */
        private Matrix[] gate(String name, int block) {
            float[] stored = vector(name, c.heads, block, block);
            Matrix[] heads = new Matrix[c.heads];
            for (int head = 0; head < c.heads; head++) {
                float[] transposed = new float[block * block];
                for (int in = 0; in < block; in++) {
                    for (int out = 0; out < block; out++) {
                        transposed[out * block + in] = stored[(head * block + in) * block + out];
                    }
                }
                MemorySegment data = arena.allocate(4L * transposed.length, 64);
                MemorySegment.copy(
                        transposed,
                        0,
                        data,
                        ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN),
                        0,
                        transposed.length);
                heads[head] = kernels.prepare(new Tensor(name, TensorType.F32, new long[] {block, block}, data), arena);
            }
            return heads;
        }

        private static double softplus(double x) {
            return x > 30 ? x : Math.log1p(Math.exp(x));
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
    private final AttentionShape attention;
    private final RopeTable rope;
    // sqrt(D) as bfloat16 has it, whatever the weights' type.
    private final float embeddingScale;

    // The step under way, its next layer, and how many of its rows are still computed.
    private Batch batch;
    private int layer;
    private int rows;
    // Activations of one step; they grow to the largest step and stay.
    private float[] x = new float[0];
    private float[] normed;
    private float[] projected;
    // Attention.
    private float[] q;
    private float[] k;
    private float[] v;
    private float[] attended;
    // Recurrence.
    private float[] input;
    private float[] branch;
    private float[] mixed;
    private float[] inputGate;
    private float[] recurrenceGate;
    private float[] headIn;
    private float[] headOut;
    // Feed-forward.
    private float[] gate;
    private float[] up;

    /**
     * @param arena owns the weights; closed with this model. Null: they are another's
     */
    public RecurrentGemma(
            ModelCard card, Config config, Weights weights, Kernels kernels, Precision precision, Arena arena) {
        this.card = card;
        this.config = config;
        this.w = weights;
        this.kernels = kernels;
        this.products = new StepProducts(kernels, precision);
        this.precision = precision;
        this.arena = arena;
        kvShape = config.shape();
        attention = config.attention();
        rope = RopeTable.partial(config.headDim, config.rotated, config.ropeTheta);
        embeddingScale = bfloat16((float) Math.sqrt(config.width));
    }

    /** @throws longreach.tensor.weights.WeightsException when the directory is not a whole checkpoint of this family */
    public static RecurrentGemma of(
            String name, byte[] digest, ModelDirectory files, Kernels kernels, Precision precision) {
        Config config = Config.of(files.config());
        Arena arena = Arena.ofShared();
        try {
            Weights weights = new Loader(files, config, kernels, arena).weights();
            long parameters =
                    files.tensors().stream().mapToLong(Tensor::elements).sum();
            var card = new ModelCard(
                    name, "recurrent_gemma", digest, CONTEXT, config.vocabulary, config.width, 0, parameters);
            return new RecurrentGemma(card, config, weights, kernels, precision, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** Rounds to nearest, ties to even. */
    private static float bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat((bits + 0x7fff + (bits >>> 16 & 1)) & 0xffff0000);
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
        return new RecurrentGemma(card, config, w, kernels, precision, null);
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
        batch.embed(w.embedding, embeddingScale, x);
    }

    @Override
    public boolean next() {
        Block block = w.blocks[layer];
        // r = x + temporal(norm(x))
        kernels.rmsNorm(x, 0, block.temporalNorm, config.normEpsilon, rows, config.width, normed, 0);
        switch (block.temporal) {
            case Recurrence recurrence -> recur(layer, recurrence, batch, rows);
            case Attention weights -> attend(layer, weights, batch);
        }
        kernels.add(x, 0, projected, 0, rows * config.width);
        // Past the last layer's mixing only the rows count whose logits are asked for.
        if (layer == config.layers() - 1) {
            batch.keepLogitRows(x, config.width);
            products.keepLogitRows();
            rows = batch.logitRows();
        }
        feedForward(block, rows);
        if (++layer < config.layers()) {
            return false;
        }
        for (int e = 0; e < batch.entries(); e++) {
            batch.entry(e).cache.advance(batch.entry(e).end());
        }
        logits(batch, rows);
        return true;
    }

    /** projected = Wout (rglru(conv(Wx n + bx)) * gelu(Wy n + by)) + bout. */
    private void recur(int layer, Recurrence r, Batch batch, int t) {
        int width = config.recurrentWidth;
        linear(r.y, normed, t, branch);
        linear(r.x, normed, t, input);
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            RecurrentState state = entry.cache.recurrent(layer);
            for (int from = entry.start; from < entry.end(); ) {
                int to = entry.cache.nextMark(from, entry.end());
                int at = (entry.row + from - entry.start) * width;
                kernels.causalConv(input, at, to - from, width, r.conv, r.convBias, state.conv(), mixed, at);
                if (to < entry.end()) {
                    state.convReached(to);
                }
                from = to;
            }
        }
        gates(r.inputGate, r.inputGateBias, t, inputGate);
        gates(r.recurrenceGate, r.recurrenceGateBias, t, recurrenceGate);
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            RecurrentState state = entry.cache.recurrent(layer);
            for (int from = entry.start; from < entry.end(); ) {
                int to = entry.cache.nextMark(from, entry.end());
                int at = (entry.row + from - entry.start) * width;
                kernels.rgLru(
                        mixed, inputGate, recurrenceGate, at, to - from, width, r.decay, from == 0, state.hidden());
                if (to < entry.end()) {
                    state.hiddenReached(to);
                }
                from = to;
            }
        }
        kernels.geluTanhMul(branch, 0, mixed, 0, t * width);
        linear(r.out, branch, t, projected);
    }

    /** out[T, R] = mixed times a block-diagonal matrix, one block for each head. */
    private void gates(Matrix[] heads, float[] bias, int t, float[] out) {
        int block = config.recurrentWidth / heads.length;
        for (int head = 0; head < heads.length; head++) {
            for (int row = 0; row < t; row++) {
                System.arraycopy(mixed, row * config.recurrentWidth + head * block, headIn, row * block, block);
            }
            products.multiply(heads[head], headIn, headOut);
            for (int row = 0; row < t; row++) {
                System.arraycopy(headOut, row * block, out, row * config.recurrentWidth + head * block, block);
            }
        }
        kernels.addBias(out, 0, bias, t, config.recurrentWidth);
    }

    /** projected = Wo attention(n) + bo. */
    private void attend(int layer, Attention a, Batch batch) {
        products.multiply(a.q, normed, q);
        products.multiply(a.k, normed, k);
        products.multiply(a.v, normed, v);
        for (int e = 0; e < batch.entries(); e++) {
            Batch.Entry entry = batch.entry(e);
            int queryRow = entry.row * attention.queryWidth();
            int kvRow = entry.row * attention.kvWidth();
            rope.rotate(kernels, q, queryRow, entry.tokens, config.heads, entry.start);
            entry.cache.append(layer, entry.start, entry.tokens, k, kvRow, v, kvRow);
            RunAttention.attend(
                    kernels, attention, entry, q, queryRow, entry.tokens, layer, entry.start, entry.end(), attended);
        }
        linear(a.out, attended, batch.tokens(), projected);
    }

    /** x += Wdown (gelu(Wgate norm(x) + bgate) * (Wup norm(x) + bup)) + bdown, for the first {@code t} rows. */
    private void feedForward(Block block, int t) {
        kernels.rmsNorm(x, 0, block.channelNorm, config.normEpsilon, t, config.width, normed, 0);
        linear(block.gate, normed, t, gate);
        linear(block.up, normed, t, up);
        kernels.geluTanhMul(gate, 0, up, 0, t * config.feedForward);
        linear(block.down, gate, t, projected);
        kernels.add(x, 0, projected, 0, t * config.width);
    }

    private void linear(Linear l, float[] from, int t, float[] to) {
        products.multiply(l.weight, from, to);
        kernels.addBias(to, 0, l.bias, t, l.bias.length);
    }

    /** logits[rows, vocabulary] = cap tanh(E norm(x) / cap). */
    private void logits(Batch batch, int rows) {
        kernels.rmsNorm(x, 0, w.finalNorm, config.normEpsilon, rows, config.width, normed, 0);
        products.multiply(w.embedding, normed, batch.logits);
        // Row by row: a row's last bits must not depend on how many there are.
        for (int row = 0; row < rows; row++) {
            kernels.softcap(batch.logits, row * config.vocabulary, config.vocabulary, config.logitsCap);
        }
    }

    private void ensureScratch(int t) {
        if (x.length >= t * config.width) {
            return;
        }
        int block = config.recurrentWidth / config.heads;
        x = new float[t * config.width];
        normed = new float[t * config.width];
        projected = new float[t * config.width];
        q = new float[t * attention.queryWidth()];
        attended = new float[t * attention.queryWidth()];
        k = new float[t * attention.kvWidth()];
        v = new float[t * attention.kvWidth()];
        input = new float[t * config.recurrentWidth];
        branch = new float[t * config.recurrentWidth];
        mixed = new float[t * config.recurrentWidth];
        inputGate = new float[t * config.recurrentWidth];
        recurrenceGate = new float[t * config.recurrentWidth];
        headIn = new float[t * block];
        headOut = new float[t * block];
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
