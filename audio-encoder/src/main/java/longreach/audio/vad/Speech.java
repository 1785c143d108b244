package longreach.audio.vad;

/** A stretch of speech, in samples at 16 kHz from where the detector began; end exclusive. */
public record Speech(long start, long end) {
    public Speech {
        if (start < 0 || end < start) {
            throw new IllegalArgumentException("speech: " + start + " to " + end + " (expected: 0 <= start <= end)");
        }
    }

    public long length() {
        return end - start;
    }
}
