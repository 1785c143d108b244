package longreach.vision.media;

import longreach.v1.MediaPlan;
import longreach.v1.TextPiece;

/**
 * Where a reader puts what it makes, in source order. Each call may wait until the receiver has room. One thread at a
 * time.
 */
public interface PieceSink {
    void plan(MediaPlan plan) throws MediaException;

    /** @param fraction how much of the whole is done, 0 to 1 */
    void progress(String stage, double fraction) throws MediaException;

    void text(TextPiece piece) throws MediaException;

    /**
     * Soft tokens of one whole item.
     *
     * @param rows f32[tokens, width], the sink's
     */
    void soft(int item, float[] rows, int width) throws MediaException;

    /** Adds to a named count of the final message. */
    void count(String name, long amount);

    /** True when nobody waits for the result any more. */
    boolean cancelled();

    /** @throws MediaException when the caller left */
    default void checkCancelled() throws MediaException {
        if (cancelled()) {
            throw MediaException.cancelled();
        }
    }
}
