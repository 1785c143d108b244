package longreach.lm.engine;

import java.util.List;
import java.util.Map;
import longreach.store.api.ChunkKey;

/**
 * How an answer ended, and what it cost.
 *
 * @param tailText text that was held back until the end
 * @param stopSequence what ended the answer, when one of the request's did; else empty
 * @param outputTokens thoughts included
 * @param thoughtTokens of those, thoughts with their markers
 * @param promptByModality tokens indexed by the modality's number
 * @param restoredByModality of those, how many came from the store
 * @param promptChunks keys of the chunks that hold the whole prompt, in order, and of the checkpoint at its end; empty when the store was not asked
 */
public record Outcome(
        Reason reason,
        String tailText,
        String stopSequence,
        int promptTokens,
        int outputTokens,
        int thoughtTokens,
        int[] promptByModality,
        int[] restoredByModality,
        List<ChunkKey> promptChunks,
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
