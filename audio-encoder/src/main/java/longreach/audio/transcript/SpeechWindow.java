package longreach.audio.transcript;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import longreach.audio.feature.LogMel;

/**
 * Up to thirty seconds of audio made of stretches of speech laid one after the other, which remembers where each came
 * from. Not thread-safe.
 */
final class SpeechWindow {
    static final int CAPACITY = LogMel.WINDOW_SAMPLES;

    /** Samples [at, at + length) of the window are samples [source, source + length) of the media. */
    private record Span(int at, long source, int length) {}

    private final List<Span> spans = new ArrayList<>();
    private float[] samples = new float[LogMel.SAMPLE_RATE * 5];
    private int length;

    boolean fits(long more) {
        return length + more <= CAPACITY;
    }

    boolean isEmpty() {
        return length == 0;
    }

    float[] samples() {
        return samples;
    }

    int length() {
        return length;
    }

    /** Where the window's speech ends in the media, in samples. */
    long sourceEnd() {
        Span last = spans.getLast();
        return last.source + last.length;
    }

    void append(float[] from, int offset, int count, long source) {
        if (!fits(count)) {
            throw new IllegalArgumentException(
                    "window: " + count + " samples more than " + length + " (expected: at most " + CAPACITY + ")");
        }
        if (length + count > samples.length) {
            samples = Arrays.copyOf(samples, Math.min(CAPACITY, Math.max(length + count, 2 * samples.length)));
        }
        System.arraycopy(from, offset, samples, length, count);
        spans.add(new Span(length, source, count));
        length += count;
    }

    /** The rest of the window from {@code sample} on, as a window of its own. */
    SpeechWindow from(int sample) {
        SpeechWindow rest = new SpeechWindow();
        for (Span span : spans) {
            int skip = Math.max(0, sample - span.at);
            if (skip < span.length) {
                rest.append(samples, span.at + skip, span.length - skip, span.source + skip);
            }
        }
        return rest;
    }

    /**
     * Media sample of a place in the window.
     *
     * @param end true: the place ends something, so that at a seam it belongs to the stretch before
     */
    long source(double seconds, boolean end) {
        long at = Math.clamp(Math.round(seconds * LogMel.SAMPLE_RATE), 0, length);
        Span best = spans.getFirst();
        for (Span span : spans) {
            if (end ? span.at < at : span.at <= at) {
                best = span;
            }
        }
        return best.source + Math.min(at - best.at, best.length);
    }
}
