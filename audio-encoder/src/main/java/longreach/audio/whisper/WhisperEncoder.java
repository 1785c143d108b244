package longreach.audio.whisper;

import java.lang.foreign.Arena;
import longreach.audio.whisper.WhisperWeights.Attention;
import longreach.audio.whisper.WhisperWeights.EncoderLayer;
import longreach.audio.whisper.WhisperWeights.FeedForward;
import longreach.audio.whisper.WhisperWeights.Norm;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.kernel.KvPages;

/**
 * Whisper's audio encoder: two convolutions, fixed positions, pre-norm transformer blocks that see the whole window, a
 * final norm. Checked against {@code WhisperEncoder} of transformers. Buffers are kept between calls, so one thread at
 * a time.
 */
final class WhisperEncoder {
    private static final float EPS = 1e-5f;

    private final Kernels kernels;
    private final LinearMath math;
    private final WhisperWeights w;
    private final WhisperConfig config;
    private final AttentionShape shape;
    private final KvPage[] pages;

    private final float[] taps;
    private final float[] conv1;
    private final float[] x;
    private final float[] normed;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final float[] inner;

    /** @param arena owns the pages */
    WhisperEncoder(WhisperWeights w, Kernels kernels, LinearMath math, KvPage.Type type, Arena arena) {
        this.kernels = kernels;
        this.math = math;
        this.w = w;
        config = w.config;
        int d = config.width();
        int positions = config.audioPositions();
        int frames = 2 * positions;
        shape = AttentionShape.full(config.encoderHeads(), d / config.encoderHeads());
        pages = KvPages.allocate(kernels, shape, type, positions, arena);
        taps = new float[Math.max(frames * 3 * config.mels(), positions * 3 * d)];
        conv1 = new float[frames * d];
        x = new float[positions * d];
        normed = new float[positions * d];
        q = new float[positions * d];
        k = new float[positions * d];
        v = new float[positions * d];
        inner = new float[positions * config.feedForward()];
    }

    /**
     * Encodes one window.
     *
     * @param mel f32[2 * audioPositions, mels]
     * @param checkpoint called between layers; what it throws ends the computation
     * @return f32[audioPositions, width], valid until the next call
     */
    float[] encode(float[] mel, Runnable checkpoint) {
        int d = config.width();
        int positions = config.audioPositions();
        int frames = 2 * positions;

        gatherTaps(mel, frames, config.mels(), 1, frames);
        math.apply(w.conv1, taps, 0, frames, conv1, 0);
        kernels.geluErf(conv1, 0, frames * d);
        checkpoint.run();

        gatherTaps(conv1, frames, d, 2, positions);
        math.apply(w.conv2, taps, 0, positions, x, 0);
        kernels.geluErf(x, 0, positions * d);
        kernels.add(x, 0, w.audioPositions, 0, positions * d);

        for (EncoderLayer layer : w.encoder) {
            checkpoint.run();
            attention(layer.self());
            checkpoint.run();
            feedForward(layer.feedForward());
        }
        norm(w.encoderNorm, x, normed);
        return normed;
    }

    private void attention(Attention a) {
        int positions = config.audioPositions();
        norm(a.norm(), x, normed);
        math.apply(a.query(), normed, 0, positions, q, 0);
        math.apply(a.key(), normed, 0, positions, k, 0);
        math.apply(a.value(), normed, 0, positions, v, 0);
        KvPages.write(kernels, shape, pages, k, v, positions);
        kernels.attention(shape, q, 0, positions, pages, 0, positions, normed, 0);
        math.apply(a.out(), normed, 0, positions, q, 0);
        kernels.add(x, 0, q, 0, positions * config.width());
    }

    private void feedForward(FeedForward f) {
        int positions = config.audioPositions();
        norm(f.norm(), x, normed);
        math.apply(f.up(), normed, 0, positions, inner, 0);
        kernels.geluErf(inner, 0, positions * config.feedForward());
        math.apply(f.down(), inner, 0, positions, q, 0);
        kernels.add(x, 0, q, 0, positions * config.width());
    }

    private void norm(Norm n, float[] from, float[] to) {
        kernels.layerNorm(from, 0, n.weight(), n.bias(), EPS, config.audioPositions(), config.width(), to, 0);
    }

    // Row t of the convolution's product: frames stride * t - 1, + 0 and + 1, zeros outside.
    private void gatherTaps(float[] from, int frames, int channels, int stride, int rows) {
        for (int t = 0; t < rows; t++) {
            for (int tap = 0; tap < 3; tap++) {
                int frame = t * stride + tap - 1;
                int to = (t * 3 + tap) * channels;
                if (frame < 0 || frame >= frames) {
                    java.util.Arrays.fill(taps, to, to + channels, 0f);
                } else {
                    System.arraycopy(from, frame * channels, taps, to, channels);
                }
            }
        }
    }
}
