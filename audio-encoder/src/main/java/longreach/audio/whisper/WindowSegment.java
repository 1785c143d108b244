package longreach.audio.whisper;

/**
 * A piece of one window's transcript.
 *
 * @param startSeconds from the window's start
 * @param confidence e to the average log-probability of the window's tokens, 0 to 1
 */
public record WindowSegment(double startSeconds, double endSeconds, String text, float confidence) {}
