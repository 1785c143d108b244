package longreach.audio.vad;

/**
 * How probabilities become stretches of speech. Named after the settings of Silero VAD's own utilities.
 *
 * @param threshold a frame at or above it is speech
 * @param negThreshold a frame below it, inside speech, is silence; between the two the state stays
 * @param minSpeechMillis shorter stretches are dropped
 * @param minSilenceMillis silence that ends a stretch
 * @param padMillis added on both sides, or half of the gap to the neighbour where that is shorter
 * @param maxSpeechMillis a longer stretch is cut at its last short silence, else hard; includes the padding
 */
public record SpeechRules(
        float threshold,
        float negThreshold,
        int minSpeechMillis,
        int minSilenceMillis,
        int padMillis,
        int maxSpeechMillis) {
    /**
     * For transcription in windows of thirty seconds: a pause of half a second separates sentences, and the padding
     * keeps soft onsets.
     */
    public static final SpeechRules TRANSCRIPTION = new SpeechRules(0.5f, 0.35f, 120, 500, 200, 29_000);

    public SpeechRules {
        if (!(0 < negThreshold && negThreshold <= threshold && threshold < 1)) {
            throw new IllegalArgumentException("thresholds: " + negThreshold + ", " + threshold
                    + " (expected: 0 < negThreshold <= threshold < 1)");
        }
        if (minSpeechMillis < 0 || minSilenceMillis < 0 || padMillis < 0 || maxSpeechMillis < 2 * padMillis + 1000) {
            throw new IllegalArgumentException("durations: " + minSpeechMillis + ", " + minSilenceMillis + ", "
                    + padMillis + ", " + maxSpeechMillis
                    + " (expected: none negative, maxSpeech at least a second above twice the padding)");
        }
    }
}
