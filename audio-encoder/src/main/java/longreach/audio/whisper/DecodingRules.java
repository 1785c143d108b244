package longreach.audio.whisper;

import java.util.Arrays;

/**
 * What the decoder may say next: Whisper's suppressed tokens and timestamp rules (the paper's section 2.4; reference:
 * {@code decoding.py} of openai/whisper, revision v20240930). Immutable.
 */
final class DecodingRules {
    private static final float NEVER = Float.NEGATIVE_INFINITY;
    // The first timestamp is at most 1.00 s.
    private static final int MAX_INITIAL_TIMESTAMP = 50;

    private final WhisperTokens tokens;
    private final int[] suppressed;
    private final int[] suppressedFirst;

    DecodingRules(WhisperTokens tokens, int[] suppressed, int[] suppressedFirst) {
        this.tokens = tokens;
        this.suppressed = suppressed.clone();
        this.suppressedFirst = suppressedFirst.clone();
    }

    /**
     * Sets the logits of forbidden tokens to minus infinity.
     *
     * @param sampled the tokens sampled so far, without the prompt
     */
    void apply(float[] logits, int offset, int vocabulary, int[] sampled, int count) {
        for (int token : suppressed) {
            logits[offset + token] = NEVER;
        }
        logits[offset + tokens.noTimestamps] = NEVER;
        int first = tokens.firstTimestamp;
        if (count == 0) {
            for (int token : suppressedFirst) {
                logits[offset + token] = NEVER;
            }
            Arrays.fill(logits, offset, offset + first, NEVER);
            Arrays.fill(logits, offset + first + MAX_INITIAL_TIMESTAMP + 1, offset + vocabulary, NEVER);
            return;
        }
        boolean lastIsTime = tokens.isTimestamp(sampled[count - 1]);
        boolean beforeIsTime = count < 2 || tokens.isTimestamp(sampled[count - 2]);
        if (lastIsTime && beforeIsTime) {
            // A segment has begun: text.
            Arrays.fill(logits, offset + first, offset + vocabulary, NEVER);
        } else if (lastIsTime) {
            // A segment has ended: the next one begins, or the text ends.
            Arrays.fill(logits, offset, offset + tokens.endOfText, NEVER);
        }
        int latest = latestTimestamp(sampled, count);
        if (latest >= 0) {
            // Time does not go back, and a segment is not empty.
            int least = lastIsTime && !beforeIsTime ? latest : latest + 1;
            Arrays.fill(logits, offset + first, offset + Math.min(least, vocabulary), NEVER);
        }
        if (timestampIsLikelier(logits, offset, vocabulary)) {
            Arrays.fill(logits, offset, offset + first, NEVER);
        }
    }

    private int latestTimestamp(int[] sampled, int count) {
        for (int i = count - 1; i >= 0; i--) {
            if (tokens.isTimestamp(sampled[i])) {
                return sampled[i];
            }
        }
        return -1;
    }

    // All timestamps together against the best single other token.
    private boolean timestampIsLikelier(float[] logits, int offset, int vocabulary) {
        int first = offset + tokens.firstTimestamp;
        int end = offset + vocabulary;
        float bestTime = NEVER;
        for (int i = first; i < end; i++) {
            bestTime = Math.max(bestTime, logits[i]);
        }
        if (bestTime == NEVER) {
            return false;
        }
        double sum = 0;
        for (int i = first; i < end; i++) {
            if (logits[i] > bestTime - 30) {
                sum += Math.exp(logits[i] - bestTime);
            }
        }
        float bestText = NEVER;
        for (int i = offset; i < first; i++) {
            bestText = Math.max(bestText, logits[i]);
        }
        return bestTime + Math.log(sum) > bestText;
    }
}
