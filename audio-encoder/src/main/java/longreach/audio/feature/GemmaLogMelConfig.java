package longreach.audio.feature;

import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.WeightsException;

/**
 * Settings of {@link GemmaLogMel}, from {@code preprocessor_config.json}; what the file leaves out has the default of
 * transformers' {@code Gemma3nAudioFeatureExtractor}.
 *
 * @param frameLength samples under the window
 * @param hop samples from frame to frame
 * @param fftLength a power of two, at least the frame's length
 * @param preemphasis share of the sample before that is taken off each
 * @param htkPreemphasis whether a frame's first sample is less its own share, not that of the sample before
 * @param floor least mel magnitude
 * @param means of the bands, or empty for 0
 * @param deviations of the bands, or empty for 1
 */
public record GemmaLogMelConfig(
        int mels,
        int frameLength,
        int hop,
        int fftLength,
        double minHertz,
        double maxHertz,
        double preemphasis,
        boolean htkPreemphasis,
        double inputScale,
        double floor,
        double[] means,
        double[] deviations) {
    /** Thirty seconds: as much as the reference takes at once. */
    public static final int MAX_SAMPLES = 30 * LogMel.SAMPLE_RATE;

    private static final int MAX_MELS = 1024;
    private static final int MAX_FRAME = 8192;

    public GemmaLogMelConfig {
        check("feature_size", mels, mels >= 1 && mels <= MAX_MELS, "1 to " + MAX_MELS);
        check("frame_length", frameLength, frameLength >= 1 && frameLength <= MAX_FRAME, "1 to " + MAX_FRAME);
        check("hop_length", hop, hop >= 1 && hop <= frameLength, "1 to the frame's length, " + frameLength);
        check(
                "fft_length",
                fftLength,
                fftLength >= frameLength && fftLength <= 4 * MAX_FRAME && Integer.bitCount(fftLength) == 1,
                "a power of two from " + frameLength + " to " + 4 * MAX_FRAME);
        check("min_frequency", minHertz, minHertz >= 0 && minHertz < maxHertz, "0 to less than " + maxHertz);
        check("max_frequency", maxHertz, maxHertz <= LogMel.SAMPLE_RATE / 2.0, "at most half of " + LogMel.SAMPLE_RATE);
        check("preemphasis", preemphasis, preemphasis >= 0 && preemphasis <= 1, "0 to 1");
        check("input_scale_factor", inputScale, inputScale > 0 && Double.isFinite(inputScale), "more than 0");
        check("mel_floor", floor, floor > 0 && Double.isFinite(floor), "more than 0");
        check("per_bin_mean", means.length, means.length == 0 || means.length == mels, mels + " numbers");
        check(
                "per_bin_stddev",
                deviations.length,
                deviations.length == 0 || deviations.length == mels,
                mels + " numbers");
        for (double deviation : deviations) {
            check("per_bin_stddev", deviation, deviation > 0 && Double.isFinite(deviation), "more than 0");
        }
        means = means.clone();
        deviations = deviations.clone();
    }

    /** @throws WeightsException when a value is of another type or cannot be served */
    public static GemmaLogMelConfig of(ModelDirectory directory) {
        JsonConfig json = directory
                .json("preprocessor_config.json")
                .orElseThrow(() -> new WeightsException(directory.path()
                        + ": preprocessor_config.json: missing (expected: that of a model that hears)"));
        return of(json);
    }

    static GemmaLogMelConfig of(JsonConfig json) {
        json.expect("feature_extractor_type", "Gemma3nAudioFeatureExtractor");
        if (json.integer("sampling_rate", LogMel.SAMPLE_RATE) != LogMel.SAMPLE_RATE) {
            throw json.problem("sampling_rate", json.integer("sampling_rate"), "" + LogMel.SAMPLE_RATE);
        }
        if (json.number("dither", 0) != 0) {
            throw json.problem("dither", json.number("dither"), "0");
        }
        try {
            return new GemmaLogMelConfig(
                    json.integer("feature_size", 128),
                    json.integer("frame_length", 512),
                    json.integer("hop_length", 160),
                    json.integer("fft_length", 1024),
                    json.number("min_frequency", 125),
                    json.number("max_frequency", 7600),
                    json.number("preemphasis", 0.97),
                    json.flag("preemphasis_htk_flavor", true),
                    json.number("input_scale_factor", 1),
                    json.number("mel_floor", 1e-5),
                    json.has("per_bin_mean") ? json.numbers("per_bin_mean") : new double[0],
                    json.has("per_bin_stddev") ? json.numbers("per_bin_stddev") : new double[0]);
        } catch (IllegalArgumentException e) {
            throw new WeightsException(json.file() + ": " + e.getMessage());
        }
    }

    double mean(int band) {
        return means.length == 0 ? 0 : means[band];
    }

    double deviation(int band) {
        return deviations.length == 0 ? 1 : deviations[band];
    }

    @Override
    public double[] means() {
        return means.clone();
    }

    @Override
    public double[] deviations() {
        return deviations.clone();
    }

    private static void check(String key, Object value, boolean holds, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: " + expected + ")");
        }
    }
}
