package longreach.lm.engine;

import java.util.Map;

/**
 * How an answer ended, and what it cost.
 *
 * @param tailText text that was held back until the end
 * @param stopSequence what ended the answer, when one of the request's did; else empty
 * @param promptByModality tokens indexed by the modality's number
 * @param restoredByModality of those, how many came from the store
 */
public record Outcome(
        Reason reason,
        String tailText,
        String stopSequence,
        int promptTokens,
        int outputTokens,
        int[] promptByModality,
        int[] restoredByModality,
        Receipt receipt) {
    public enum Reason {
        STOP,
        MAX_TOKENS,
        CONTEXT_FULL,
        PREFILLED
    }

    /** What the cache did. Times are in microseconds. */
    public record Receipt(
            int tokensRestored,
            int tokensComputed,
            int chunksRestored,
            int chunksPublished,
            long bytesRestored,
            Map<String, Integer> tokensByTier,
            long restoreMicros,
            long prefillMicros,
            long savedMicros,
            long firstTokenMicros,
            long decodeMicros,
            String missReason) {}
}
