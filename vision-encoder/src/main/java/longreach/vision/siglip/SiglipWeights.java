package longreach.vision.siglip;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import longreach.tensor.weights.WeightsException;

/**
 * A checkpoint's tensors, prepared for some kernels. Immutable; matrices live as long as the arena given to load.
 *
 * @param positions f32[patches, width]
 * @param softNorm with its 1 added
 * @param projection [rows = the text model's width, cols = width]
 */
record SiglipWeights(
        Linear patches, float[] positions, List<Layer> layers, Norm outputNorm, float[] softNorm, Matrix projection) {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** From the names in GGUF files to those of transformers. */
    private static final Map<String, String> TRANSFORMERS_NAMES = Map.ofEntries(
            Map.entry("v.patch_embd", "embeddings.patch_embedding"),
            Map.entry("v.position_embd", "embeddings.position_embedding"),
            Map.entry("v.post_ln", "post_layernorm"),
            Map.entry("ln1", "layer_norm1"),
            Map.entry("ln2", "layer_norm2"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_out", "self_attn.out_proj"),
            Map.entry("ffn_up", "mlp.fc1"),
            Map.entry("ffn_down", "mlp.fc2"));

    // Where the tower lies in what transformers saves, as newer and older versions write it.
    private static final String[] ROOTS = {
        "vision_tower.", "vision_tower.vision_model.", "model.vision_tower.", "model.vision_tower.vision_model."
    };

    /** y = W x + b. */
    record Linear(Matrix weight, float[] bias) {}

    record Norm(float[] weight, float[] bias) {}

    record Layer(Norm norm1, Linear q, Linear k, Linear v, Linear out, Norm norm2, Linear up, Linear down) {}

    /** Width of the text model that the soft tokens are for. */
    int textWidth() {
        return projection.rows();
    }

    /** @throws WeightsException naming the file and the tensor that is missing or of another shape */
    static SiglipWeights load(ModelFiles files, SiglipConfig config, Kernels kernels, Arena arena) {
        return new Loader(files, config, kernels, arena).load();
    }

    /** Whether a tensor is of a tower or a projector, by the names of either format. */
    static boolean isOfEyes(String name) {
        return name.startsWith("v.")
                || name.startsWith("mm.")
                || name.contains("vision_tower.")
                || name.contains("multi_modal_projector.");
    }

    static WeightsException problem(ModelFiles files, String message) {
        return new WeightsException(files.path() + ": " + message);
    }

    private static final class Loader {
        private final ModelFiles files;
        private final SiglipConfig config;
        private final Kernels kernels;
        private final Arena arena;
        private final String root;

        Loader(ModelFiles files, SiglipConfig config, Kernels kernels, Arena arena) {
            this.files = files;
            this.config = config;
            this.kernels = kernels;
            this.arena = arena;
            root = switch (files) {
                case GgufFile gguf -> "";
                case ModelDirectory directory -> root(directory);
            };
        }

        private static String root(ModelDirectory directory) {
            for (String root : ROOTS) {
                if (directory.find(root + "embeddings.patch_embedding.weight").isPresent()) {
                    return root;
                }
            }
            throw problem(
                    directory,
                    "vision_tower.embeddings.patch_embedding.weight: missing (expected: a tensor, of a model that"
                            + " sees)");
        }

        /** The name of a tensor in the files; {@code part} is GGUF's name without what follows the last dot. */
        private String name(String part) {
            if (files instanceof GgufFile) {
                return part;
            }
            String[] block = part.split("\\.", 4);
            return block[1].equals("blk")
                    ? root + "encoder.layers." + block[2] + "." + TRANSFORMERS_NAMES.get(block[3])
                    : root + TRANSFORMERS_NAMES.get(part);
        }

        private String projector(String gguf, String transformers) {
            return files instanceof GgufFile
                    ? gguf
                    : (root.startsWith("model.") ? "model." : "") + "multi_modal_projector." + transformers;
        }

        SiglipWeights load() {
            int d = config.width();
            List<Layer> layers = new ArrayList<>();
            for (int i = 0; i < config.layers(); i++) {
                String at = "v.blk." + i + ".";
                layers.add(new Layer(
                        norm(at + "ln1"),
                        linear(at + "attn_q", d, d),
                        linear(at + "attn_k", d, d),
                        linear(at + "attn_v", d, d),
                        linear(at + "attn_out", d, d),
                        norm(at + "ln2"),
                        linear(at + "ffn_up", config.feedForward(), d),
                        linear(at + "ffn_down", d, config.feedForward())));
            }
            return new SiglipWeights(
                    patchEmbedding(),
                    floats(name("v.position_embd") + ".weight", config.patches(), d),
                    List.copyOf(layers),
                    norm("v.post_ln"),
                    softNorm(),
                    projection());
        }

        /** A convolution whose stride is its size is a product with each patch's values, [width, 3 * patch * patch]. */
        private Linear patchEmbedding() {
            int d = config.width();
            int p = config.patchSize();
            Tensor conv = files.tensor(name("v.patch_embd") + ".weight", d, 3, p, p);
            Tensor flat = new Tensor(conv.name(), conv.type(), new long[] {d, config.patchValues()}, conv.data());
            return new Linear(kernels.prepare(flat, arena), floats(name("v.patch_embd") + ".bias", d));
        }

        private Linear linear(String part, int rows, int cols) {
            return new Linear(
                    kernels.prepare(files.tensor(name(part) + ".weight", rows, cols), arena),
                    floats(name(part) + ".bias", rows));
        }

        private Norm norm(String part) {
            return new Norm(
                    floats(name(part) + ".weight", config.width()), floats(name(part) + ".bias", config.width()));
        }

        /** GGUF has 1 + w, safetensors have w. */
        private float[] softNorm() {
            float[] weight = floats(projector("mm.soft_emb_norm.weight", "mm_soft_emb_norm.weight"), config.width());
            if (files instanceof ModelDirectory) {
                for (int i = 0; i < weight.length; i++) {
                    weight[i] += 1;
                }
            }
            return weight;
        }

        /** Stored as the right factor of a product, [width, text width]; kernels take the left factor. */
        private Matrix projection() {
            String name = projector("mm.input_projection.weight", "mm_input_projection_weight");
            Tensor stored = files.tensor(name);
            int d = config.width();
            if (stored.shape().length != 2
                    || stored.shape()[0] != d
                    || stored.shape()[1] < 1
                    || stored.shape()[1] > Integer.MAX_VALUE / 4 / d) {
                throw problem(files, stored + " (expected: [" + d + ", the text model's width])");
            }
            int text = (int) stored.shape()[1];
            if (files instanceof GgufFile gguf && gguf.metadata().integer("clip.vision.projection_dim", text) != text) {
                throw gguf.metadata()
                        .problem(
                                "clip.vision.projection_dim",
                                gguf.metadata().integer("clip.vision.projection_dim"),
                                text + ", as " + name + " has columns");
            }
            float[] values = floats(name, d, text);
            try (Arena scratch = Arena.ofShared()) {
                MemorySegment turned = scratch.allocate(4L * values.length, 64);
                for (int i = 0; i < d; i++) {
                    for (int o = 0; o < text; o++) {
                        turned.setAtIndex(FLOAT, (long) o * d + i, values[i * text + o]);
                    }
                }
                return kernels.prepare(new Tensor(name, TensorType.F32, new long[] {text, d}, turned), arena);
            }
        }

        private float[] floats(String name, long... shape) {
            Tensor stored = files.tensor(name, shape);
            float[] values = new float[Math.toIntExact(stored.elements())];
            Dequantiser.elements(stored.type(), stored.data(), 0, values.length, values, 0);
            return values;
        }
    }
}
