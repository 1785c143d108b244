package longreach.lm.backend;

import java.time.Duration;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.Generation;
import longreach.v1.ModelDescription;
import longreach.v1.Open;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;

/** A model that is served. Safe for use by several threads. */
public interface ModelBackend {
    ModelDescription describe();

    /** Width of the soft tokens that it takes; 0: none. */
    int softWidth();

    /** @throws IllegalArgumentException when the conversation is malformed */
    RenderResponse render(RenderRequest request);

    /**
     * Begins an answer.
     *
     * @param deadlineNanos on {@link System#nanoTime}'s clock; {@link Long#MAX_VALUE}: none
     * @throws EngineException when it cannot begin; later failures are told to the sink
     */
    Generation open(Open open, long deadlineNanos, AnswerSink sink);

    /** Waits until what answers have published so far is in the store, or given up. */
    void awaitStored(Duration most) throws InterruptedException;
}
