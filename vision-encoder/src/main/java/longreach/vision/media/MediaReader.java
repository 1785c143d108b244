package longreach.vision.media;

import java.util.List;

/** Turns one family of media into pieces. */
public interface MediaReader {
    /** Tells the plan from a probe, without decoding the whole. */
    void plan(MediaSource source, PieceSink sink) throws MediaException;

    /** As {@link #plan}, with the soft tokens that each item would have. */
    default void planSoft(MediaSource source, PieceSink sink) throws MediaException {
        throw MediaException.invalid(
                source.name() + ": soft tokens of " + source.type().mimeType() + " (expected: of an image)");
    }

    /**
     * Tells the plan, then the soft tokens of items.
     *
     * @param items by their place in the plan; empty: all
     */
    default void readSoft(MediaSource source, List<Integer> items, PieceSink sink) throws MediaException {
        planSoft(source, sink);
    }

    /** Tells the plan, then the pieces in source order, then the counts. */
    void read(MediaSource source, PieceSink sink) throws MediaException;
}
