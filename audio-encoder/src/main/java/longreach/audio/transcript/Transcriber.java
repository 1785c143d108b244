package longreach.audio.transcript;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import longreach.audio.AudioException;
import longreach.audio.decode.AudioReader;
import longreach.audio.decode.AudioTrack;
import longreach.audio.vad.SileroVad;
import longreach.audio.vad.Speech;
import longreach.audio.vad.SpeechRules;
import longreach.audio.vad.SpeechSegmenter;
import longreach.audio.whisper.WhisperModel;
import longreach.audio.whisper.WindowSegment;
import longreach.audio.whisper.WindowTranscript;

/**
 * Recordings to timed text. Any number of threads may transcribe; they take turns with the model, a batch of windows at
 * a time, in the order in which they come. Memory does not grow with the recording's length.
 */
public final class Transcriber implements AutoCloseable {
    private static final int BLOCK = 16 * SileroVad.FRAME;
    // A remainder shorter than this holds nothing that could be said.
    private static final double LEAST_RESUMED_SECONDS = 0.5;
    // How often the model may cut one window short before the rest is given up.
    private static final int MAX_RESUMES = 8;

    private final SileroVad vad;
    private final WhisperModel model;
    private final SpeechRules rules;
    private final Duration maxDuration;
    // Fair: a long recording does not keep a short one waiting for more than a batch.
    private final ReentrantLock turn = new ReentrantLock(true);

    /** Owns the model and the detector from here on. */
    public Transcriber(SileroVad vad, WhisperModel model, SpeechRules rules, Duration maxDuration) {
        this.vad = vad;
        this.model = model;
        this.rules = rules;
        this.maxDuration = maxDuration;
    }

    /** Transcribes what the reader reads; the reader stays the caller's. */
    public TranscriptCounts transcribe(AudioTrack reader, TranscriptSink sink) {
        try (SileroVad.Stream detector = vad.stream()) {
            return new Run(reader, detector, sink).run();
        }
    }

    @Override
    public void close() {
        turn.lock();
        try {
            model.close();
            vad.close();
        } finally {
            turn.unlock();
        }
    }

    /** One recording under way. */
    private final class Run {
        private final AudioTrack reader;
        private final SileroVad.Stream detector;
        private final TranscriptSink sink;
        private final SampleBuffer buffer = new SampleBuffer();
        private final SpeechSegmenter segmenter = new SpeechSegmenter(rules, this::speech);
        private final ArrayDeque<SpeechWindow> full = new ArrayDeque<>();
        // Stream place 0 in the media.
        private final long origin;

        private SpeechWindow filling = new SpeechWindow();
        private long detected;
        private long speechSamples;
        private int windows;
        private int segments;

        Run(AudioTrack reader, SileroVad.Stream detector, TranscriptSink sink) {
            this.reader = reader;
            this.detector = detector;
            this.sink = sink;
            origin = reader.position();
        }

        TranscriptCounts run() {
            float[] block = new float[BLOCK];
            long limit = maxDuration.toMillis() * AudioReader.SAMPLES_PER_MILLI;
            for (int n = reader.read(block, 0, BLOCK); n >= 0; n = reader.read(block, 0, BLOCK)) {
                sink.checkCancelled();
                buffer.append(block, n);
                if (buffer.end() > limit) {
                    throw new AudioException.TooLarge("audio: longer than " + maxDuration.toMinutes()
                            + " minutes (expected: at most that, or a clip by start_ms and end_ms)");
                }
                detect();
                while (full.size() >= model.batch()) {
                    transcribeBatch();
                }
                sink.progress((origin + detected) / AudioReader.SAMPLES_PER_MILLI);
            }
            detectTail();
            seal();
            while (!full.isEmpty()) {
                transcribeBatch();
            }
            return new TranscriptCounts(
                    buffer.end() / AudioReader.SAMPLES_PER_MILLI,
                    speechSamples / AudioReader.SAMPLES_PER_MILLI,
                    windows,
                    segments);
        }

        private void detect() {
            while (buffer.end() - detected >= SileroVad.FRAME) {
                float probability = detector.accept(buffer.array(), buffer.index(detected));
                detected += SileroVad.FRAME;
                segmenter.accept(probability);
            }
            buffer.dropBefore(Math.min(segmenter.settledBefore(), detected));
        }

        private void detectTail() {
            long samples = buffer.end();
            if (samples > detected) {
                float[] padded = new float[SileroVad.FRAME];
                System.arraycopy(buffer.array(), buffer.index(detected), padded, 0, (int) (samples - detected));
                segmenter.accept(detector.accept(padded, 0));
            }
            segmenter.finish(samples);
        }

        private void speech(Speech speech) {
            speechSamples += speech.length();
            if (!filling.fits(speech.length())) {
                seal();
            }
            filling.append(
                    buffer.array(), buffer.index(speech.start()), (int) speech.length(), origin + speech.start());
        }

        private void seal() {
            if (!filling.isEmpty()) {
                full.add(filling);
                filling = new SpeechWindow();
            }
        }

        private void transcribeBatch() {
            List<SpeechWindow> batch = new ArrayList<>();
            List<WhisperModel.Window> audio = new ArrayList<>();
            while (batch.size() < model.batch() && !full.isEmpty()) {
                SpeechWindow next = full.removeFirst();
                batch.add(next);
                audio.add(new WhisperModel.Window(next.samples(), next.length()));
            }
            List<WindowTranscript> transcripts = inTurn(audio);
            windows += batch.size();
            for (int i = 0; i < batch.size(); i++) {
                SpeechWindow window = batch.get(i);
                emit(window, transcripts.get(i));
                resume(window, transcripts.get(i));
                sink.progress(window.sourceEnd() / AudioReader.SAMPLES_PER_MILLI);
            }
        }

        private List<WindowTranscript> inTurn(List<WhisperModel.Window> audio) {
            try {
                turn.lockInterruptibly();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new java.util.concurrent.CancellationException("interrupted while waiting for the model");
            }
            try {
                return model.transcribe(audio, sink::checkCancelled);
            } finally {
                turn.unlock();
            }
        }

        private void emit(SpeechWindow window, WindowTranscript transcript) {
            for (WindowSegment segment : transcript.segments()) {
                Speech at = window.source(segment.startSeconds(), segment.endSeconds());
                segments++;
                sink.segment(new TranscriptSegment(
                        at.start() / AudioReader.SAMPLES_PER_MILLI,
                        at.end() / AudioReader.SAMPLES_PER_MILLI,
                        segment.text(),
                        segment.confidence()));
            }
        }

        // What the model left out is heard at once, so that segments stay in order of time.
        private void resume(SpeechWindow window, WindowTranscript transcript) {
            double from = transcript.resumeSeconds();
            for (int tries = 0; from >= 0 && tries < MAX_RESUMES; tries++) {
                double left = window.length() / (double) AudioReader.SAMPLE_RATE - from;
                if (left < LEAST_RESUMED_SECONDS) {
                    return;
                }
                window = window.from((int) Math.round(from * AudioReader.SAMPLE_RATE));
                WindowTranscript rest = inTurn(List.of(new WhisperModel.Window(window.samples(), window.length())))
                        .getFirst();
                windows++;
                emit(window, rest);
                from = rest.resumeSeconds();
            }
        }
    }
}
