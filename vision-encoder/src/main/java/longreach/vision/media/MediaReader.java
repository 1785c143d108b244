package longreach.vision.media;

/** Turns one family of media into pieces. */
public interface MediaReader {
    /** Tells the plan from a probe, without decoding the whole. */
    void plan(MediaSource source, PieceSink sink) throws MediaException;

    /** Tells the plan, then the pieces in source order, then the counts. */
    void read(MediaSource source, PieceSink sink) throws MediaException;
}
