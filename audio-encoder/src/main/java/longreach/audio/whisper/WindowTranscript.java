package longreach.audio.whisper;

import java.util.List;

/**
 * What was said in one window.
 *
 * @param segments in order of time; empty when nothing was said
 * @param resumeSeconds where the transcript stopped short of the window's end: what follows has to be heard again, in a
 *     window that begins there; negative: it is complete
 */
public record WindowTranscript(List<WindowSegment> segments, double resumeSeconds) {
    public WindowTranscript {
        segments = List.copyOf(segments);
    }
}
