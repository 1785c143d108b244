package longreach.audio.decode;

/**
 * What a file's headers say, without decoding the whole.
 *
 * @param container FFmpeg's name of the container format, for instance {@code matroska,webm}
 * @param codec of the audio track that would be decoded; empty without one
 * @param durationMillis 0: unknown
 * @param width of the first video track; 0: none
 */
public record AudioProbe(
        String container,
        String codec,
        long durationMillis,
        boolean hasAudio,
        int sampleRate,
        int channels,
        boolean hasVideo,
        int width,
        int height) {}
