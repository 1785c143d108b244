package longreach.audio.transcript;

/** Takes a transcript as it is made. Methods may block: that is the back-pressure. */
public interface TranscriptSink {
    void segment(TranscriptSegment segment);

    /** @param doneMillis of media time that is behind us */
    void progress(long doneMillis);

    /** Asked several times a second; throws {@link java.util.concurrent.CancellationException} when nobody listens. */
    void checkCancelled();
}
