package longreach.audio.transcript;

/**
 * What a transcription went through.
 *
 * @param audioMillis decoded
 * @param speechMillis found to be speech
 */
public record TranscriptCounts(long audioMillis, long speechMillis, int windows, int segments) {}
