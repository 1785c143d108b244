package longreach.audio.transcript;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import longreach.audio.feature.LogMel;
import longreach.audio.vad.Speech;

/**
 * Up to thirty seconds of audio made of stretches of speech laid one after the other, which remembers where each came
 * from. Not thread-safe.
 */
final class SpeechWindow {
    static final int CAPACITY = LogMel.WINDOW_SAMPLES;
    // The padding of a stretch and the width of a short syllable.
    private static final int SEAM_SAMPLES = (int) (0.45 * LogMel.SAMPLE_RATE);

    /** Samples [at, at + length) of the window are samples [source, source + length) of the media. */
    private record Span(int at, long source, int length) {
        int end() {
            return at + length;
        }
    }

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
     * Where a piece of the window lies in the media. The model sets times to the nearest pause, which after packing may
     * be just on the wrong side of a seam: a piece that reaches into a stretch by less than {@link #SEAM_SAMPLES} is
     * taken not to belong to it.
     *
     * @param startSeconds from the window's start
     */
    Speech source(double startSeconds, double endSeconds) {
        long from = Math.clamp(Math.round(startSeconds * LogMel.SAMPLE_RATE), 0, length);
        long to = Math.clamp(Math.round(endSeconds * LogMel.SAMPLE_RATE), from, length);
        int first = spanOf(from, false);
        int last = Math.max(first, spanOf(to, true));
        while (first < last && spans.get(first).end() - from < SEAM_SAMPLES) {
            first++;
            from = spans.get(first).at;
        }
        while (last > first && to - spans.get(last).at < SEAM_SAMPLES) {
            last--;
            to = spans.get(last).end();
        }
        long start = spans.get(first).source + (from - spans.get(first).at);
        long end = spans.get(last).source + (to - spans.get(last).at);
        return new Speech(start, Math.max(start, end));
    }

    // A place on a seam belongs to the stretch before it when it ends something, else to the one behind.
    private int spanOf(long at, boolean end) {
        int best = 0;
        for (int i = 1; i < spans.size(); i++) {
            long begin = spans.get(i).at;
            if (end ? begin < at : begin <= at) {
                best = i;
            }
        }
        return best;
    }
}
