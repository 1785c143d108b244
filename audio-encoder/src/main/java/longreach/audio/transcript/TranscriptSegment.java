package longreach.audio.transcript;

/**
 * A piece of the transcript.
 *
 * @param startMillis of media time
 * @param endMillis exclusive
 * @param confidence 0 to 1
 */
public record TranscriptSegment(long startMillis, long endMillis, String text, float confidence) {}
