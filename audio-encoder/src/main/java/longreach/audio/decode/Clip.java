package longreach.audio.decode;

import longreach.audio.AudioException;

/**
 * The part of a track to decode, in milliseconds of media time.
 *
 * @param endMillis exclusive; 0: to the end
 */
public record Clip(long startMillis, long endMillis) {
    public static final Clip WHOLE = new Clip(0, 0);

    // A year: far beyond any file, and samples still count in a long.
    private static final long MAX_MILLIS = 366L * 24 * 3600 * 1000;

    public Clip {
        if (startMillis < 0 || startMillis > MAX_MILLIS) {
            throw new AudioException.InvalidRequest(
                    "start_ms: " + Long.toUnsignedString(startMillis) + " (expected: 0 to " + MAX_MILLIS + ")");
        }
        if (endMillis != 0 && (endMillis <= startMillis || endMillis > MAX_MILLIS)) {
            throw new AudioException.InvalidRequest("end_ms: " + Long.toUnsignedString(endMillis)
                    + " (expected: 0, or more than start_ms " + startMillis + " and at most " + MAX_MILLIS + ")");
        }
    }

    public long startSample() {
        return startMillis * AudioReader.SAMPLES_PER_MILLI;
    }

    /** Exclusive; {@link Long#MAX_VALUE}: to the end. */
    public long endSample() {
        return endMillis == 0 ? Long.MAX_VALUE : endMillis * AudioReader.SAMPLES_PER_MILLI;
    }
}
