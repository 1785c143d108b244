package longreach.lm.engine;

import java.util.List;
import java.util.Map;
import longreach.lm.select.BlockSelector;
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
 * @param seen what of the prompt the answer rests on
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
        Seen seen,
        Receipt receipt) {
    /** A run of positions of the prompt. */
    public record Block(int start, int end, float score) {}

    /**
     * What of its prompt the answer saw.
     *
     * @param mode EXACT, LONG or FOCUS
     * @param selector what chose the blocks; NONE where none were chosen
     * @param blocks chosen ones, best first
     * @param promptTokens of the prompt that the answer's first token saw
     * @param chooseMicros choosing, without fetching
     * @param fetchMicros fetching chosen blocks
     * @param blocksMissing blocks that were ranked but whose rows were not to be had
     */
    public record Seen(
            ContextUse.Mode mode,
            BlockSelector.Kind selector,
            List<Block> blocks,
            int promptTokens,
            long chooseMicros,
            long fetchMicros,
            int blocksMissing) {
        /** All of a prompt of so many tokens. */
        public static Seen everything(int promptTokens) {
            return new Seen(ContextUse.Mode.EXACT, BlockSelector.Kind.NONE, List.of(), promptTokens, 0, 0, 0);
        }
    }

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
