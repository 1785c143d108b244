package longreach.audio.whisper;

import java.lang.foreign.Arena;
import java.util.List;
import longreach.audio.whisper.WhisperWeights.Attention;
import longreach.audio.whisper.WhisperWeights.DecoderLayer;
import longreach.audio.whisper.WhisperWeights.FeedForward;
import longreach.audio.whisper.WhisperWeights.Norm;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.kernel.KvPages;

/**
 * Whisper's text decoder, several windows a step: the weights are read once for all of them, attention runs for each.
 * Keys and values of the audio are computed once per window, those of the text are appended at each step. Checked
 * against {@code WhisperDecoder} of transformers. Buffers are kept between calls, so one thread at a time.
 */
final class WhisperDecoder {
    private static final float EPS = 1e-5f;

    private final Kernels kernels;
    private final LinearMath math;
    private final WhisperWeights w;
    private final WhisperConfig config;
    private final AttentionShape self;
    private final AttentionShape cross;
    private final Slot[] slots;

    private final float[] x;
    private final float[] normed;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final float[] inner;
    private final float[] logits;
    private final float[] audioKeys;
    private final float[] audioValues;

    /** The caches of one window. */
    static final class Slot {
        private final KvPage[][] self;
        private final KvPage[][] cross;
        private int position;

        private Slot(KvPage[][] self, KvPage[][] cross) {
            this.self = self;
            this.cross = cross;
        }

        /** Tokens taken so far. */
        int position() {
            return position;
        }

        /** Forgets the text and keeps the audio. */
        void rewind() {
            position = 0;
        }
    }

    /**
     * @param batch largest number of windows a step
     * @param arena owns the pages
     */
    WhisperDecoder(WhisperWeights w, Kernels kernels, LinearMath math, KvPage.Type type, int batch, Arena arena) {
        this.kernels = kernels;
        this.math = math;
        this.w = w;
        config = w.config;
        int d = config.width();
        int headDim = d / config.decoderHeads();
        self = AttentionShape.causal(config.decoderHeads(), config.decoderHeads(), headDim);
        cross = AttentionShape.full(config.decoderHeads(), headDim);
        slots = new Slot[batch];
        for (int s = 0; s < batch; s++) {
            KvPage[][] text = new KvPage[w.decoder.length][];
            KvPage[][] audio = new KvPage[w.decoder.length][];
            for (int layer = 0; layer < w.decoder.length; layer++) {
                text[layer] = KvPages.allocate(kernels, self, type, config.textPositions(), arena);
                audio[layer] = KvPages.allocate(kernels, cross, type, config.audioPositions(), arena);
            }
            slots[s] = new Slot(text, audio);
        }
        x = new float[batch * d];
        normed = new float[batch * d];
        q = new float[batch * d];
        k = new float[batch * d];
        v = new float[batch * d];
        inner = new float[batch * config.feedForward()];
        logits = new float[batch * config.vocabulary()];
        audioKeys = new float[config.audioPositions() * d];
        audioValues = new float[config.audioPositions() * d];
    }

    int batch() {
        return slots.length;
    }

    /**
     * Begins a window: computes the keys and values of its audio.
     *
     * @param encoded f32[audioPositions, width] of {@link WhisperEncoder#encode}
     * @return the slot, empty of text; it replaces what the slot of that index held
     */
    Slot begin(int index, float[] encoded, Runnable checkpoint) {
        Slot slot = slots[index];
        int positions = config.audioPositions();
        for (int layer = 0; layer < w.decoder.length; layer++) {
            checkpoint.run();
            Attention a = w.decoder[layer].cross();
            math.apply(a.key(), encoded, 0, positions, audioKeys, 0);
            math.apply(a.value(), encoded, 0, positions, audioValues, 0);
            KvPages.write(kernels, cross, slot.cross[layer], audioKeys, audioValues, positions);
        }
        slot.rewind();
        return slot;
    }

    /**
     * One token more for each of the slots.
     *
     * @param tokens one per slot
     * @return f32[slots, vocabulary], valid until the next call; may be written to
     */
    float[] step(List<Slot> active, int[] tokens) {
        int n = active.size();
        int d = config.width();
        for (int i = 0; i < n; i++) {
            w.embeddings.row(tokens[i], x, i * d);
            kernels.add(x, i * d, w.textPositions, active.get(i).position * d, d);
        }
        for (int layer = 0; layer < w.decoder.length; layer++) {
            DecoderLayer l = w.decoder[layer];
            selfAttention(l.self(), active, layer);
            crossAttention(l.cross(), active, layer);
            feedForward(l.feedForward(), n);
        }
        norm(w.decoderNorm, n);
        math.product(w.embeddings, normed, 0, n, logits, 0);
        for (Slot slot : active) {
            slot.position++;
        }
        return logits;
    }

    private void selfAttention(Attention a, List<Slot> active, int layer) {
        int n = active.size();
        int d = config.width();
        norm(a.norm(), n);
        math.apply(a.query(), normed, 0, n, q, 0);
        math.apply(a.key(), normed, 0, n, k, 0);
        math.apply(a.value(), normed, 0, n, v, 0);
        for (int i = 0; i < n; i++) {
            KvPage[] pages = active.get(i).self[layer];
            int at = active.get(i).position;
            kernels.writeKv(self, pages[at / KvPage.POSITIONS], at % KvPage.POSITIONS, k, i * d, v, i * d, 1);
            kernels.attention(self, q, i * d, 1, pages, at, at + 1, normed, i * d);
        }
        addOut(a, n);
    }

    private void crossAttention(Attention a, List<Slot> active, int layer) {
        int n = active.size();
        int d = config.width();
        norm(a.norm(), n);
        math.apply(a.query(), normed, 0, n, q, 0);
        for (int i = 0; i < n; i++) {
            kernels.attention(
                    cross, q, i * d, 1, active.get(i).cross[layer], 0, config.audioPositions(), normed, i * d);
        }
        addOut(a, n);
    }

    private void addOut(Attention a, int n) {
        math.apply(a.out(), normed, 0, n, q, 0);
        kernels.add(x, 0, q, 0, n * config.width());
    }

    private void feedForward(FeedForward f, int n) {
        norm(f.norm(), n);
        math.apply(f.up(), normed, 0, n, inner, 0);
        kernels.geluErf(inner, 0, n * config.feedForward());
        math.apply(f.down(), inner, 0, n, q, 0);
        kernels.add(x, 0, q, 0, n * config.width());
    }

    private void norm(Norm norm, int n) {
        kernels.layerNorm(x, 0, norm.weight(), norm.bias(), EPS, n, config.width(), normed, 0);
    }
}
