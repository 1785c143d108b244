package longreach.lm.engine;

import java.util.List;
import longreach.store.api.ChunkKey;

/**
 * Where an answer goes. All methods are called on the engine's thread, in the order want, prefill*, tokens*, and then
 * exactly one of done and failed; they return at once and do not throw.
 */
public interface AnswerSink {
    /** False: as many events wait for a slow reader as should; the sequence pauses until {@link Generation#resume}. */
    default boolean ready() {
        return true;
    }

    /**
     * @param restoredTokens from the start of the prompt
     * @param softRuns indices of the runs whose soft tokens must be given
     * @param promptChunks as in {@link Outcome}, of which some may not be there yet
     */
    default void want(int restoredTokens, List<Integer> softRuns, List<ChunkKey> promptChunks) {}

    default void prefill(int doneTokens, int totalTokens) {}

    void token(Token token);

    void done(Outcome outcome);

    void failed(Throwable cause);

    /**
     * @param text whole characters that are certainly part of the answer by now; may be empty
     * @param logprob null when none was asked for
     * @param thought text of thoughts, never part of {@code text}; may be empty
     * @param calls that have become whole; their text is no part of {@code text}
     */
    record Token(int id, String text, TokenLogprob logprob, String thought, List<Call> calls) {
        public Token(int id, String text, TokenLogprob logprob) {
            this(id, text, logprob, "", List.of());
        }
    }

    /**
     * A call of a function.
     *
     * @param arguments a JSON object
     */
    record Call(String id, String name, String arguments) {}

    /** @param top the best tokens at this place, best first, without {@code top} of their own */
    record TokenLogprob(int id, String text, float logprob, List<TokenLogprob> top) {}
}
