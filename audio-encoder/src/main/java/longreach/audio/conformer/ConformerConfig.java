package longreach.audio.conformer;

import java.util.List;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.WeightsException;

/**
 * Hyper-parameters of Gemma 3n's audio tower, from the checkpoint's {@code config.json}; what the file leaves out has the
 * default of transformers' {@code Gemma3nAudioConfig}. The size of its attention chunks is layout only and not read.
 *
 * @param mels bands of the front end
 * @param width of the conformer, even
 * @param past frames before its own that a frame sees
 * @param future frames behind its own that a frame sees
 * @param cap of the attention scores, by tanh
 * @param clip values are clamped to plus and minus this at places that the tower names
 * @param convWidth frames under the light convolution
 * @param reduction of so many frames the first becomes a soft token
 * @param residualWeight share of a feed-forward's output that is added
 * @param convs the two convolutions in front
 * @param textWidth of the language model
 */
record ConformerConfig(
        int mels,
        int width,
        int heads,
        int layers,
        int past,
        int future,
        float cap,
        float clip,
        int convWidth,
        int reduction,
        float residualWeight,
        float normEpsilon,
        float groupNormEpsilon,
        List<Conv> convs,
        int textWidth) {
    // Far beyond what there is; a size past it is a broken file.
    private static final int MAX_LAYERS = 256;
    private static final int MAX_WIDTH = 16_384;
    private static final int MAX_CONTEXT = 4096;
    private static final int MAX_SMALL = 64;
    private static final int MAX_CHANNELS = 1024;
    private static final int MAX_MELS = 1024;

    /** A convolution over time and bands; kernels and strides in that order. */
    record Conv(int channels, int kernelTime, int kernelBand, int strideTime, int strideBand) {
        Conv {
            check("sscp_conv_channel_size", channels, 1, MAX_CHANNELS);
            check("sscp_conv_kernel_size", kernelTime, 1, MAX_SMALL);
            check("sscp_conv_kernel_size", kernelBand, 1, MAX_SMALL);
            check("sscp_conv_stride_size", strideTime, 1, MAX_SMALL);
            check("sscp_conv_stride_size", strideBand, 1, MAX_SMALL);
        }

        /** Frames of so many: zeros behind the last fill its kernel. */
        int frames(int frames) {
            return Math.ceilDiv(frames, strideTime);
        }

        /** Bands of so many, with one zero on either side; below 1 when the kernel is wider than that. */
        int bands(int bands) {
            return Math.floorDiv(bands + 2 - kernelBand, strideBand) + 1;
        }
    }

    ConformerConfig {
        check("input_feat_size", mels, 1, MAX_MELS);
        check("hidden_size", width, 2, MAX_WIDTH);
        check("conf_num_attention_heads", heads, 1, width);
        check("conf_num_hidden_layers", layers, 1, MAX_LAYERS);
        check("conf_attention_context_left", past + 1L, 0, MAX_CONTEXT);
        check("conf_attention_context_right", future, 0, MAX_CONTEXT);
        check("conf_conv_kernel_size", convWidth, 1, MAX_SMALL);
        check("conf_reduction_factor", reduction, 1, MAX_SMALL);
        check("text_config.hidden_size", textWidth, 1, MAX_WIDTH);
        positive("conf_attention_logit_cap", cap);
        positive("gradient_clipping", clip);
        positive("rms_norm_eps", normEpsilon);
        positive("sscp_conv_group_norm_eps", groupNormEpsilon);
        if (width % heads != 0 || width % 2 != 0) {
            throw new IllegalArgumentException(
                    "hidden_size: " + width + " (expected: even and a multiple of the heads, " + heads + ")");
        }
        convs = List.copyOf(convs);
        int bands = mels;
        for (Conv conv : convs) {
            bands = conv.bands(bands);
            if (bands < 1) {
                throw new IllegalArgumentException("sscp_conv_kernel_size: " + conv.kernelBand()
                        + " (expected: at most the bands it is given, with one on either side)");
            }
        }
    }

    int headWidth() {
        return width / heads;
    }

    /** Soft tokens of so many frames of the front end. */
    int tokens(int frames) {
        for (Conv conv : convs) {
            frames = conv.frames(frames);
        }
        return Math.ceilDiv(frames, reduction);
    }

    /** @throws WeightsException when a value is missing, of another type or cannot be served */
    static ConformerConfig of(ModelDirectory directory) {
        JsonConfig whole = directory.config();
        if (whole.findObject("audio_config").isEmpty()) {
            throw whole.problem("audio_config", "missing", "that of a model with an audio tower");
        }
        JsonConfig audio = whole.object("audio_config");
        audio.expect("model_type", "gemma3n_audio");
        int[] channels =
                audio.has("sscp_conv_channel_size") ? audio.integers("sscp_conv_channel_size") : new int[] {128, 32};
        List<int[]> kernels = pairs(audio, "sscp_conv_kernel_size", 3);
        List<int[]> strides = pairs(audio, "sscp_conv_stride_size", 2);
        if (channels.length != 2 || kernels.size() != 2 || strides.size() != 2) {
            throw audio.problem(
                    "sscp_conv_channel_size, kernel_size, stride_size",
                    channels.length + ", " + kernels.size() + ", " + strides.size(),
                    "two each");
        }
        try {
            return new ConformerConfig(
                    audio.integer("input_feat_size", 128),
                    audio.integer("hidden_size", 1536),
                    audio.integer("conf_num_attention_heads", 8),
                    audio.integer("conf_num_hidden_layers", 12),
                    Math.max(0, audio.integer("conf_attention_context_left", 13) - 1),
                    audio.integer("conf_attention_context_right", 0),
                    (float) audio.number("conf_attention_logit_cap", 50),
                    (float) audio.number("gradient_clipping", 1e10),
                    audio.integer("conf_conv_kernel_size", 5),
                    audio.integer("conf_reduction_factor", 4),
                    (float) audio.number("conf_residual_weight", 0.5),
                    (float) audio.number("rms_norm_eps", 1e-6),
                    (float) audio.number("sscp_conv_group_norm_eps", 1e-3),
                    List.of(
                            conv(channels[0], kernels.get(0), strides.get(0)),
                            conv(channels[1], kernels.get(1), strides.get(1))),
                    whole.object("text_config").integer("hidden_size"));
        } catch (IllegalArgumentException e) {
            throw new WeightsException(directory.path() + ": audio_config." + e.getMessage());
        }
    }

    private static Conv conv(int channels, int[] kernel, int[] stride) {
        return new Conv(channels, kernel[0], kernel[1], stride[0], stride[1]);
    }

    private static List<int[]> pairs(JsonConfig audio, String key, int missing) {
        int[] pair = {missing, missing};
        return audio.has(key) ? audio.integerPairs(key) : List.of(pair, pair);
    }

    private static void check(String key, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }

    private static void positive(String key, float value) {
        if (!(value > 0) || Float.isInfinite(value)) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: more than 0, finite)");
        }
    }
}
