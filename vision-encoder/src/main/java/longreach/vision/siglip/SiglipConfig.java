package longreach.vision.siglip;

import java.util.Arrays;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.ModelFiles;

/**
 * Hyper-parameters of a SigLIP tower and its projector, from the checkpoint: {@code config.json} and, where it is there,
 * {@code preprocessor_config.json}, or the metadata of a GGUF file of architecture {@code clip}. What a file may leave out
 * has the default of transformers' {@code SiglipVisionConfig} and {@code Gemma3Config}.
 *
 * @param imageSize pixels of a side of what the tower sees
 * @param patchSize pixels of a side of a patch
 * @param tokenSide soft tokens of a side: an image is {@code tokenSide * tokenSide} of them
 * @param mean of the channels in order red, green, blue, in units of a full channel
 * @param deviation by which the distance from the mean is divided
 */
public record SiglipConfig(
        int layers,
        int width,
        int feedForward,
        int heads,
        int imageSize,
        int patchSize,
        int tokenSide,
        float normEpsilon,
        float[] mean,
        float[] deviation) {
    // Far beyond what there is; a size past it is a broken file.
    private static final int MAX_LAYERS = 256;
    private static final int MAX_WIDTH = 16_384;
    private static final int MAX_FEED_FORWARD = 65_536;
    private static final int MAX_IMAGE = 4096;
    private static final int MAX_PATCHES = 16_384;

    public SiglipConfig {
        check("layers", layers, 1, MAX_LAYERS);
        check("width", width, 1, MAX_WIDTH);
        check("feed-forward width", feedForward, 1, MAX_FEED_FORWARD);
        check("heads", heads, 1, width);
        check("image size", imageSize, 1, MAX_IMAGE);
        check("patch size", patchSize, 1, imageSize);
        int side = imageSize / patchSize;
        check("patches", (long) side * side, 1, MAX_PATCHES);
        check("soft tokens of a side", tokenSide, 1, side);
        if (width % heads != 0 || imageSize % patchSize != 0 || side % tokenSide != 0) {
            throw new IllegalArgumentException(
                    "siglip: width " + width + ", heads " + heads + ", image size " + imageSize
                            + ", patch size " + patchSize + ", soft tokens of a side " + tokenSide
                            + " (expected: whole heads, whole patches and whole tokens)");
        }
        if (!(normEpsilon > 0)) {
            throw new IllegalArgumentException("siglip: norm epsilon " + normEpsilon + " (expected: more than 0)");
        }
        mean = mean.clone();
        deviation = deviation.clone();
        boolean usable = mean.length == 3 && deviation.length == 3;
        for (int c = 0; usable && c < 3; c++) {
            usable = Float.isFinite(mean[c]) && deviation[c] > 0 && Float.isFinite(deviation[c]);
        }
        if (!usable) {
            throw new IllegalArgumentException("siglip: image mean " + Arrays.toString(mean) + ", deviation "
                    + Arrays.toString(deviation) + " (expected: three finite numbers each, deviations above 0)");
        }
    }

    /** Patches of a side. */
    int patchSide() {
        return imageSize / patchSize;
    }

    int patches() {
        return patchSide() * patchSide();
    }

    /** Values of a patch. */
    int patchValues() {
        return 3 * patchSize * patchSize;
    }

    /** Values of an image, f32[3, imageSize, imageSize]. */
    int imageValues() {
        return 3 * imageSize * imageSize;
    }

    /** @throws longreach.tensor.weights.WeightsException when a value is missing, of another type or cannot be served */
    static SiglipConfig of(ModelFiles files) {
        try {
            return switch (files) {
                case GgufFile file -> of(file.metadata());
                case ModelDirectory directory -> of(directory);
            };
        } catch (IllegalArgumentException e) {
            throw SiglipWeights.problem(files, e.getMessage());
        }
    }

    private static SiglipConfig of(ModelDirectory directory) {
        JsonConfig whole = directory.config();
        if (whole.findObject("vision_config").isEmpty()) {
            throw whole.problem("vision_config", "missing", "that of a model with a vision tower");
        }
        JsonConfig vision = whole.object("vision_config");
        vision.expect("model_type", "siglip_vision_model");
        vision.expect("hidden_act", "gelu_pytorch_tanh");
        if (vision.integer("num_channels", 3) != 3) {
            throw vision.problem("num_channels", vision.integer("num_channels"), "3");
        }
        int tokens = whole.integer("mm_tokens_per_image", 256);
        int side = (int) Math.round(Math.sqrt(Math.max(tokens, 0)));
        if (side < 1 || side * side != tokens) {
            throw whole.problem("mm_tokens_per_image", tokens, "a square");
        }
        JsonConfig preprocessor = directory.json("preprocessor_config.json").orElse(null);
        return new SiglipConfig(
                vision.integer("num_hidden_layers", 12),
                vision.integer("hidden_size", 768),
                vision.integer("intermediate_size", 3072),
                vision.integer("num_attention_heads", 12),
                vision.integer("image_size", 224),
                vision.integer("patch_size", 16),
                side,
                (float) vision.number("layer_norm_eps", 1e-6),
                halves(preprocessor, "image_mean"),
                halves(preprocessor, "image_std"));
    }

    private static float[] halves(JsonConfig preprocessor, String key) {
        if (preprocessor == null || !preprocessor.has(key)) {
            return new float[] {0.5f, 0.5f, 0.5f};
        }
        double[] numbers = preprocessor.numbers(key);
        float[] floats = new float[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            floats[i] = (float) numbers[i];
        }
        return floats;
    }

    private static SiglipConfig of(GgufMetadata meta) {
        expect(meta, "general.architecture", "clip");
        String projector =
                meta.has("clip.vision.projector_type") ? "clip.vision.projector_type" : "clip.projector_type";
        expect(meta, projector, "gemma3");
        if (!meta.flag("clip.has_vision_encoder", false)) {
            throw meta.problem("clip.has_vision_encoder", false, "true");
        }
        // The file says gelu for the tanh form, which is what its reader computes.
        if (!meta.flag("clip.use_gelu", false) || meta.flag("clip.use_silu", false)) {
            throw meta.problem("clip.use_gelu", false, "true");
        }
        int image = meta.integer("clip.vision.image_size");
        int patch = meta.integer("clip.vision.patch_size");
        int pooled = meta.integer("clip.vision.projector.scale_factor", 4);
        if (image < 1 || patch < 1 || pooled < 1) {
            throw meta.problem(
                    "clip.vision.image_size, patch_size, projector.scale_factor",
                    image + ", " + patch + ", " + pooled,
                    "each at least 1");
        }
        boolean whole = image <= MAX_IMAGE && image % patch == 0;
        if (whole && image / patch % pooled != 0) {
            throw meta.problem("clip.vision.projector.scale_factor", pooled, "a divisor of " + image / patch);
        }
        return new SiglipConfig(
                meta.integer("clip.vision.block_count"),
                meta.integer("clip.vision.embedding_length"),
                meta.integer("clip.vision.feed_forward_length"),
                meta.integer("clip.vision.attention.head_count"),
                image,
                patch,
                // What is not whole is refused below.
                Math.max(1, image / patch / pooled),
                (float) meta.number("clip.vision.attention.layer_norm_epsilon"),
                meta.floats("clip.vision.image_mean"),
                meta.floats("clip.vision.image_std"));
    }

    private static void expect(GgufMetadata meta, String key, String expected) {
        if (!meta.string(key).equals(expected)) {
            throw meta.problem(key, meta.string(key), expected);
        }
    }

    private static void check(String what, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "siglip: " + what + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }

    @Override
    public float[] mean() {
        return mean.clone();
    }

    @Override
    public float[] deviation() {
        return deviation.clone();
    }
}
