package longreach.audio.whisper;

/**
 * What the decoder said of one window.
 *
 * @param tokens sampled, without prompt and end of text
 * @param averageLogProbability of the tokens and the end of text
 * @param noSpeechProbability that the window holds no speech, read at the start of the transcript
 * @param compressionRatio bytes of the text over its deflated bytes: high for text that repeats itself
 * @param temperature it was sampled at; 0: greedy
 */
record Hypothesis(
        int[] tokens,
        double averageLogProbability,
        double noSpeechProbability,
        double compressionRatio,
        double temperature) {}
