package longreach.audio.vad;

import java.util.function.Consumer;

/**
 * Turns a stream of frame probabilities into padded stretches of speech, with the rules of Silero VAD's
 * {@code get_speech_timestamps}, one frame at a time: a stretch is given out as soon as the start of the next one, or a
 * silence longer than the padding, settles its end. Not thread-safe.
 */
public final class SpeechSegmenter {
    private static final int RATE_PER_MILLI = 16;
    // A silence at least this long is a place to cut a stretch that has become too long.
    private static final int CUT_SILENCE = 98 * RATE_PER_MILLI;
    private static final long NONE = -1;

    private final SpeechRules rules;
    private final Consumer<Speech> out;
    private final long pad;
    private final long maxSpeech;
    private final long minSpeech;
    private final long minSilence;

    private long now;
    private long start = NONE;
    private long silenceStart = NONE;
    private long cutEnd = NONE;
    private long cutResume = NONE;

    // The last stretch found, its end not yet padded; its start is.
    private long heldStart = NONE;
    private long heldEnd;
    // End of the last stretch given out.
    private long lastEnd;

    public SpeechSegmenter(SpeechRules rules, Consumer<Speech> out) {
        this.rules = rules;
        this.out = out;
        pad = (long) rules.padMillis() * RATE_PER_MILLI;
        maxSpeech = (long) rules.maxSpeechMillis() * RATE_PER_MILLI - SileroVad.FRAME - 2 * pad;
        minSpeech = (long) rules.minSpeechMillis() * RATE_PER_MILLI;
        minSilence = (long) rules.minSilenceMillis() * RATE_PER_MILLI;
    }

    /** Samples before this one will not be part of any stretch still to come. */
    public long settledBefore() {
        long earliest = heldStart != NONE ? heldStart : Math.max(0, (start != NONE ? start : now) - pad);
        return Math.min(earliest, now);
    }

    /** Takes the probability of the next {@link SileroVad#FRAME} samples. */
    public void accept(float probability) {
        step(probability);
        now += SileroVad.FRAME;
        // Nothing that may still begin can reach back into the held stretch's padding.
        if (heldStart != NONE && start == NONE && now - heldEnd >= 2 * pad) {
            release(Math.min(now, heldEnd + pad));
        }
    }

    /** @param samples the recording's whole length */
    public void finish(long samples) {
        if (start != NONE && samples - start > minSpeech) {
            hold(start, samples);
        }
        start = NONE;
        if (heldStart != NONE) {
            release(Math.max(heldStart, Math.min(samples, heldEnd + pad)));
        }
    }

    private void step(float probability) {
        boolean speech = probability >= rules.threshold();
        if (speech && silenceStart != NONE) {
            silenceStart = NONE;
            if (cutResume < cutEnd) {
                cutResume = now;
            }
        }
        if (speech && start == NONE) {
            start = now;
            return;
        }
        if (start != NONE && now - start > maxSpeech) {
            if (cutEnd != NONE) {
                hold(start, cutEnd);
                start = cutResume < cutEnd ? NONE : cutResume;
                forgetSilences();
            } else {
                hold(start, now);
                start = NONE;
                forgetSilences();
                return;
            }
        }
        if (probability < rules.negThreshold() && start != NONE) {
            if (silenceStart == NONE) {
                silenceStart = now;
            }
            if (now - silenceStart > CUT_SILENCE) {
                cutEnd = silenceStart;
            }
            if (now - silenceStart >= minSilence) {
                if (silenceStart - start > minSpeech) {
                    hold(start, silenceStart);
                }
                start = NONE;
                forgetSilences();
            }
        }
    }

    private void forgetSilences() {
        silenceStart = NONE;
        cutEnd = NONE;
        cutResume = NONE;
    }

    // A stretch is known: it settles the one before, and waits for the next to settle its own end.
    private void hold(long from, long to) {
        long padded;
        if (heldStart == NONE) {
            padded = Math.max(lastEnd, from - pad);
        } else {
            long gap = from - heldEnd;
            long share = Math.min(pad, gap / 2);
            long heldPaddedEnd = heldEnd + share;
            padded = from - share;
            release(heldPaddedEnd);
        }
        heldStart = Math.max(0, padded);
        heldEnd = to;
    }

    private void release(long end) {
        Speech speech = new Speech(heldStart, end);
        heldStart = NONE;
        lastEnd = end;
        out.accept(speech);
    }
}
