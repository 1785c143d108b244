package longreach.audio.whisper;

import java.util.ArrayList;
import java.util.List;

/** Tokens with timestamps to segments, as the reference's {@code transcribe} cuts them. */
final class Segmentation {
    private Segmentation() {}

    /** @param windowSeconds length of the window's audio, without padding */
    static WindowTranscript of(Hypothesis h, WhisperTokens tokens, double windowSeconds) {
        if (WindowDecoder.silent(h) || h.compressionRatio() > WindowDecoder.MAX_COMPRESSION_RATIO) {
            return new WindowTranscript(List.of(), -1);
        }
        float confidence = (float) Math.clamp(Math.exp(h.averageLogProbability()), 0, 1);
        int[] ids = h.tokens();
        List<WindowSegment> segments = new ArrayList<>();
        double start = 0;
        int textFrom = -1;
        boolean open = false;
        for (int i = 0; i < ids.length; i++) {
            if (!tokens.isTimestamp(ids[i])) {
                if (textFrom < 0) {
                    textFrom = i;
                }
                continue;
            }
            double seconds = tokens.seconds(ids[i]);
            if (textFrom >= 0) {
                add(segments, start, seconds, tokens.text(ids, textFrom, i), windowSeconds, confidence);
                textFrom = -1;
                open = false;
            } else {
                open = true;
            }
            start = seconds;
        }
        if (textFrom >= 0) {
            // The text breaks off, or the model set no end.
            add(segments, start, windowSeconds, tokens.text(ids, textFrom, ids.length), windowSeconds, confidence);
            open = false;
        }
        // A start without text: the model cut the window there.
        boolean cut = open && ids.length > 1 && start > 0 && start < windowSeconds;
        return new WindowTranscript(segments, cut ? start : -1);
    }

    private static void add(
            List<WindowSegment> segments,
            double start,
            double end,
            String text,
            double windowSeconds,
            float confidence) {
        String stripped = text.strip();
        double from = Math.min(start, windowSeconds);
        double to = Math.max(from, Math.min(end, windowSeconds));
        // Of noise the model may make a lone full stop.
        if (stripped.codePoints().anyMatch(Character::isLetterOrDigit)) {
            segments.add(new WindowSegment(from, to, stripped, confidence));
        }
    }
}
