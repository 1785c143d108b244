package longreach.audio.feature;

import java.util.Arrays;

/**
 * The front end of Gemma 3n: 16 kHz samples to ln mel magnitude. A frame is one sample longer than its window, for the
 * pre-emphasis; frames are not centred; periodic Hann window; HTK mel filters without area norm; clamped from below;
 * each band less its mean, over its deviation. Samples are zero-padded to a multiple of 128, as the reference does for a
 * sound that comes alone. Equal to {@code Gemma3nAudioFeatureExtractor} of transformers 5.24.0 within 1e-4. Not
 * thread-safe.
 */
public final class GemmaLogMel {
    private static final int PADDED_TO = 128;

    private final GemmaLogMelConfig config;
    private final int bins;
    private final float[] window;
    // Filter m weighs bins [firstBin[m], firstBin[m] + filter[m].length).
    private final double[][] filters;
    private final int[] firstBin;

    private final Fft fft;
    private final double[] re;
    private final double[] im;
    private final double[] even;
    private final double[] odd;

    public GemmaLogMel(GemmaLogMelConfig config) {
        this.config = config;
        int n = config.fftLength();
        bins = n / 2 + 1;
        window = new float[config.frameLength()];
        for (int i = 0; i < window.length; i++) {
            float angle = (float) (2 * Math.PI) * i / window.length;
            window[i] = 0.5f * (1 - (float) Math.cos(angle));
        }
        filters = new double[config.mels()][];
        firstBin = new int[config.mels()];
        buildFilters();
        fft = new Fft(n);
        re = new double[n];
        im = new double[n];
        even = new double[bins];
        odd = new double[bins];
    }

    public GemmaLogMelConfig config() {
        return config;
    }

    /** Frames of so many samples: none of a sound that is shorter than one. */
    public int frames(int samples) {
        int padded = Math.ceilDiv(samples, PADDED_TO) * PADDED_TO;
        int beyond = padded - config.frameLength() - 1;
        return beyond < 0 ? 0 : beyond / config.hop() + 1;
    }

    /**
     * Features of a sound.
     *
     * @param samples full scale is 1; the first {@code length} are used, at most {@link GemmaLogMelConfig#MAX_SAMPLES}
     * @return f32[{@link #frames}(length), mels], the caller's
     */
    public float[] compute(float[] samples, int length) {
        if (length < 0 || length > samples.length || length > GemmaLogMelConfig.MAX_SAMPLES) {
            throw new IllegalArgumentException("samples: " + length + " (expected: 0 to "
                    + Math.min(samples.length, GemmaLogMelConfig.MAX_SAMPLES) + ")");
        }
        int frames = frames(length);
        int mels = config.mels();
        float[] out = new float[frames * mels];
        // Two real frames are one complex transform.
        for (int frame = 0; frame < frames; frame += 2) {
            load(samples, length, frame, re);
            load(samples, length, frame + 1, im);
            fft.transform(re, im);
            int n = config.fftLength();
            for (int k = 0; k < bins; k++) {
                int mirror = (n - k) % n;
                even[k] = Math.hypot(re[k] + re[mirror], im[k] - im[mirror]) / 2;
                odd[k] = Math.hypot(im[k] + im[mirror], re[mirror] - re[k]) / 2;
            }
            filter(even, out, frame * mels);
            if (frame + 1 < frames) {
                filter(odd, out, (frame + 1) * mels);
            }
        }
        return out;
    }

    /**
     * Pre-emphasis within the frame and window; behind the frame, zeros up to the transform's length. Both in f32, as the
     * reference rounds them: what rounding leaves in a band of little sound is seen behind the logarithm.
     */
    private void load(float[] samples, int length, int frame, double[] to) {
        int first = frame * config.hop();
        float p = (float) config.preemphasis();
        float scale = (float) config.inputScale();
        // The flavour of HTK starts at the frame's first sample, the other at its second.
        int shift = config.htkPreemphasis() || p == 0 ? 0 : 1;
        for (int i = 0; i < window.length; i++) {
            int at = first + i + shift;
            float x = sample(samples, length, at) * scale;
            float emphasised = i + shift == 0
                    ? x * (float) (1 - config.preemphasis())
                    : x - p * (sample(samples, length, at - 1) * scale);
            to[i] = emphasised * window[i];
        }
        Arrays.fill(to, window.length, to.length, 0);
    }

    private static float sample(float[] samples, int length, int at) {
        return at < length ? samples[at] : 0;
    }

    private void filter(double[] magnitude, float[] out, int offset) {
        for (int m = 0; m < filters.length; m++) {
            double[] weights = filters[m];
            double sum = 0;
            for (int i = 0; i < weights.length; i++) {
                sum += weights[i] * magnitude[firstBin[m] + i];
            }
            double value = Math.log(Math.max(sum, config.floor()));
            out[offset + m] = (float) ((value - config.mean(m)) / config.deviation(m));
        }
    }

    /** Triangles between neighbours on HTK's mel scale, 2595 log10(1 + f / 700). */
    private void buildFilters() {
        int mels = config.mels();
        double lowest = hertzToMel(config.minHertz());
        double highest = hertzToMel(config.maxHertz());
        double[] edges = new double[mels + 2];
        for (int i = 0; i < edges.length; i++) {
            edges[i] = 700 * (Math.pow(10, (lowest + (highest - lowest) * i / (mels + 1)) / 2595) - 1);
        }
        for (int m = 0; m < mels; m++) {
            double[] weights = new double[bins];
            int from = bins;
            int to = 0;
            for (int k = 0; k < bins; k++) {
                double hertz = (double) k * LogMel.SAMPLE_RATE / config.fftLength();
                double rising = (hertz - edges[m]) / (edges[m + 1] - edges[m]);
                double falling = (edges[m + 2] - hertz) / (edges[m + 2] - edges[m + 1]);
                double weight = Math.min(rising, falling);
                if (weight > 0) {
                    weights[k] = weight;
                    from = Math.min(from, k);
                    to = k + 1;
                }
            }
            firstBin[m] = Math.min(from, to);
            filters[m] = Arrays.copyOfRange(weights, firstBin[m], to);
        }
    }

    private static double hertzToMel(double hertz) {
        return 2595 * Math.log10(1 + hertz / 700);
    }
}
