package longreach.audio.feature;

import java.util.Arrays;

/**
 * Whisper's front end: 16 kHz samples, zero-padded to thirty seconds, to log10 mel power. Periodic Hann window of 400,
 * hop 160, centred with reflection, power spectrum, Slaney mel filters with area norm over 0 to 8000 Hz; the last frame
 * dropped; clamped to 8 below the window's maximum; (x + 4) / 4. Equal to {@code WhisperFeatureExtractor} of
 * transformers 4 within 1e-4. Not thread-safe.
 */
public final class LogMel {
    public static final int SAMPLE_RATE = 16_000;
    public static final int WINDOW_SAMPLES = 30 * SAMPLE_RATE;
    public static final int HOP = 160;
    public static final int FRAMES = WINDOW_SAMPLES / HOP;

    private static final int FFT = 400;
    private static final int BINS = FFT / 2 + 1;
    private static final double FLOOR = 1e-10;

    private final int mels;
    private final double[] hann = new double[FFT];
    // Filter m weighs bins [firstBin[m], firstBin[m] + filter[m].length).
    private final double[][] filters;
    private final int[] firstBin;

    private final Fft fft = new Fft(FFT);
    private final double[] re = new double[FFT];
    private final double[] im = new double[FFT];
    private final double[] powerA = new double[BINS];
    private final double[] powerB = new double[BINS];

    /** @param mels number of mel bands: 80, or 128 for large-v3 */
    public LogMel(int mels) {
        this.mels = mels;
        for (int i = 0; i < FFT; i++) {
            hann[i] = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / FFT);
        }
        filters = new double[mels][];
        firstBin = new int[mels];
        buildFilters();
    }

    public int mels() {
        return mels;
    }

    /**
     * Features of one window.
     *
     * @param samples at most {@link #WINDOW_SAMPLES} are used
     * @param out f32[{@link #FRAMES}, mels], frame after frame
     */
    public void compute(float[] samples, int length, float[] out, int outOffset) {
        int used = Math.min(length, WINDOW_SAMPLES);
        double loudest = FLOOR;
        // Frames behind the last sample hear only padding.
        int heard = Math.min(FRAMES, (used + FFT / 2 + HOP - 1) / HOP);
        // Two real frames are one complex transform.
        for (int frame = 0; frame < heard; frame += 2) {
            load(samples, used, frame, re);
            load(samples, used, frame + 1, im);
            fft.transform(re, im);
            for (int k = 0; k < BINS; k++) {
                int mirror = (FFT - k) % FFT;
                double evenRe = (re[k] + re[mirror]) / 2;
                double evenIm = (im[k] - im[mirror]) / 2;
                double oddRe = (im[k] + im[mirror]) / 2;
                double oddIm = (re[mirror] - re[k]) / 2;
                powerA[k] = evenRe * evenRe + evenIm * evenIm;
                powerB[k] = oddRe * oddRe + oddIm * oddIm;
            }
            loudest = Math.max(loudest, filter(powerA, out, outOffset + frame * mels));
            if (frame + 1 < heard) {
                loudest = Math.max(loudest, filter(powerB, out, outOffset + (frame + 1) * mels));
            }
        }
        float silence = (float) Math.log10(FLOOR);
        Arrays.fill(out, outOffset + heard * mels, outOffset + FRAMES * mels, silence);
        float least = (float) (Math.log10(loudest) - 8);
        for (int i = outOffset; i < outOffset + FRAMES * mels; i++) {
            out[i] = (Math.max(out[i], least) + 4) / 4;
        }
    }

    private void load(float[] samples, int used, int frame, double[] to) {
        int first = frame * HOP - FFT / 2;
        for (int i = 0; i < FFT; i++) {
            int at = Math.abs(first + i);
            if (at >= WINDOW_SAMPLES) {
                at = 2 * (WINDOW_SAMPLES - 1) - at;
            }
            to[i] = at < used ? samples[at] * hann[i] : 0;
        }
    }

    /** Writes log10 of the mel powers and returns the largest power. */
    private double filter(double[] power, float[] out, int offset) {
        double loudest = FLOOR;
        for (int m = 0; m < mels; m++) {
            double[] weights = filters[m];
            double sum = 0;
            for (int i = 0; i < weights.length; i++) {
                sum += weights[i] * power[firstBin[m] + i];
            }
            double value = Math.max(sum, FLOOR);
            out[offset + m] = (float) Math.log10(value);
            loudest = Math.max(loudest, value);
        }
        return loudest;
    }

    // Slaney's Auditory Toolbox scale: linear to 1000 Hz, then logarithmic; triangles of unit area.
    private void buildFilters() {
        double lowest = hertzToMel(0);
        double highest = hertzToMel(SAMPLE_RATE / 2.0);
        double[] edges = new double[mels + 2];
        for (int i = 0; i < edges.length; i++) {
            edges[i] = melToHertz(lowest + (highest - lowest) * i / (mels + 1));
        }
        for (int m = 0; m < mels; m++) {
            double[] weights = new double[BINS];
            int from = BINS;
            int to = 0;
            for (int k = 0; k < BINS; k++) {
                double hertz = (double) k * SAMPLE_RATE / FFT;
                double rising = (hertz - edges[m]) / (edges[m + 1] - edges[m]);
                double falling = (edges[m + 2] - hertz) / (edges[m + 2] - edges[m + 1]);
                double weight = Math.min(rising, falling);
                if (weight > 0) {
                    weights[k] = weight * 2 / (edges[m + 2] - edges[m]);
                    from = Math.min(from, k);
                    to = k + 1;
                }
            }
            firstBin[m] = Math.min(from, to);
            filters[m] = Arrays.copyOfRange(weights, firstBin[m], to);
        }
    }

    private static final double LINEAR_STEP = 200.0 / 3;
    private static final double LOG_FROM_HERTZ = 1000;
    private static final double LOG_FROM_MEL = LOG_FROM_HERTZ / LINEAR_STEP;
    private static final double LOG_STEP = Math.log(6.4) / 27;

    private static double hertzToMel(double hertz) {
        return hertz < LOG_FROM_HERTZ
                ? hertz / LINEAR_STEP
                : LOG_FROM_MEL + Math.log(hertz / LOG_FROM_HERTZ) / LOG_STEP;
    }

    private static double melToHertz(double mel) {
        return mel < LOG_FROM_MEL ? mel * LINEAR_STEP : LOG_FROM_HERTZ * Math.exp(LOG_STEP * (mel - LOG_FROM_MEL));
    }
}
