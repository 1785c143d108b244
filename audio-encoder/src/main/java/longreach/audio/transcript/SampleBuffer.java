package longreach.audio.transcript;

/** The latest samples of a stream, addressed by their place in it. Its size follows what is kept. Not thread-safe. */
final class SampleBuffer {
    private float[] samples = new float[1 << 17];
    // samples[from, to) are stream samples [first, first + to - from).
    private int from;
    private int to;
    private long first;

    /** Stream place behind the last sample. */
    long end() {
        return first + to - from;
    }

    void append(float[] more, int count) {
        if (to + count > samples.length) {
            int kept = to - from;
            float[] target = kept + count > samples.length / 2 ? new float[2 * (kept + count)] : samples;
            System.arraycopy(samples, from, target, 0, kept);
            samples = target;
            from = 0;
            to = kept;
        }
        System.arraycopy(more, 0, samples, to, count);
        to += count;
    }

    /** Forgets the samples before {@code place}. */
    void dropBefore(long place) {
        int drop = (int) Math.clamp(place - first, 0, to - from);
        from += drop;
        first += drop;
    }

    float[] array() {
        return samples;
    }

    /** Index in {@link #array} of a stream place that is kept. */
    int index(long place) {
        if (place < first || place > end()) {
            throw new IllegalArgumentException("sample: " + place + " (expected: " + first + " to " + end() + ")");
        }
        return from + (int) (place - first);
    }
}
