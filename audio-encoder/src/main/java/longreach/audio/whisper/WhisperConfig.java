package longreach.audio.whisper;

import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.WeightsException;

/**
 * Sizes of a Whisper checkpoint, read from the shapes of its tensors.
 *
 * @param width d_model
 * @param audioPositions encoder positions of one window, 1500
 * @param textPositions longest token sequence, 448
 */
public record WhisperConfig(
        int mels,
        int width,
        int audioPositions,
        int textPositions,
        int encoderLayers,
        int encoderHeads,
        int decoderLayers,
        int decoderHeads,
        int feedForward,
        int vocabulary) {
    public WhisperConfig {
        check("mels", mels, 1, 512);
        check("width", width, 1, 8192);
        check("audio positions", audioPositions, 1500, 1500);
        check("text positions", textPositions, 8, 4096);
        check("encoder layers", encoderLayers, 1, 256);
        check("decoder layers", decoderLayers, 1, 256);
        check("encoder heads", encoderHeads, 1, width);
        check("decoder heads", decoderHeads, 1, width);
        check("feed-forward width", feedForward, 1, 65536);
        check("vocabulary", vocabulary, 2, 1_000_000);
        if (width % encoderHeads != 0 || width % decoderHeads != 0) {
            throw new WeightsException("heads: " + encoderHeads + ", " + decoderHeads
                    + " (expected: divisors of the width " + width + ")");
        }
    }

    static WhisperConfig of(CTranslate2File file) {
        if (!file.spec().equals("WhisperSpec")) {
            throw new WeightsException("model.bin: spec " + file.spec() + " (expected: WhisperSpec)");
        }
        Tensor conv = ranked(file, "encoder/conv1/weight", 3);
        Tensor audio = ranked(file, "encoder/position_encodings/encodings", 2);
        Tensor text = ranked(file, "decoder/position_encodings/encodings", 2);
        Tensor embeddings = ranked(file, "decoder/embeddings/weight", 2);
        Tensor inner = ranked(file, "encoder/layer_0/ffn/linear_0/weight", 2);
        return new WhisperConfig(
                (int) conv.shape()[1],
                (int) embeddings.shape()[1],
                (int) audio.shape()[0],
                (int) text.shape()[0],
                layers(file, "encoder"),
                file.scalar("encoder/num_heads"),
                layers(file, "decoder"),
                file.scalar("decoder/num_heads"),
                (int) inner.shape()[0],
                (int) embeddings.shape()[0]);
    }

    private static int layers(CTranslate2File file, String side) {
        int n = 0;
        while (file.has(side + "/layer_" + n + "/ffn/linear_0/weight")) {
            n++;
        }
        return n;
    }

    private static Tensor ranked(CTranslate2File file, String name, int rank) {
        Tensor tensor = file.tensor(name);
        if (tensor.shape().length != rank) {
            throw new WeightsException("model.bin: " + tensor + " (expected: rank " + rank + ")");
        }
        return tensor;
    }

    private static void check(String what, long value, long least, long most) {
        if (value < least || value > most) {
            throw new WeightsException(what + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }
}
