package longreach.audio.transcript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import longreach.audio.AudioException;
import longreach.audio.Sounds;
import longreach.audio.Weights;
import longreach.audio.decode.AudioReader;
import longreach.audio.decode.Clip;
import longreach.audio.vad.SileroVad;
import longreach.audio.vad.SpeechRules;
import longreach.audio.whisper.WhisperModel;
import longreach.audio.whisper.WindowSegment;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole recordings with the real models. */
class TranscriberTest {
    private static Kernels kernels;
    private static WhisperModel model;
    private static Transcriber transcriber;

    @TempDir
    Path directory;

    @BeforeAll
    static void load() {
        Path weights = Weights.whisper();
        SileroVad vad = new SileroVad(Weights.vad());
        kernels = KernelSelector.select();
        model = WhisperModel.load(weights, kernels, new WhisperModel.Settings(false, 4, "auto"));
        transcriber = new Transcriber(vad, model, SpeechRules.TRANSCRIPTION, Duration.ofMinutes(10));
    }

    @AfterAll
    static void close() {
        if (transcriber != null) {
            transcriber.close();
            kernels.pool().close();
        }
    }

    private static final class Recorded implements TranscriptSink {
        final List<TranscriptSegment> segments = new ArrayList<>();
        long progress;
        int cancelAfter = Integer.MAX_VALUE;
        int checks;

        @Override
        public void segment(TranscriptSegment segment) {
            segments.add(segment);
        }

        @Override
        public void progress(long doneMillis) {
            progress = Math.max(progress, doneMillis);
        }

        @Override
        public void checkCancelled() {
            if (++checks > cancelAfter) {
                throw new CancellationException("test");
            }
        }

        String text() {
            return String.join(
                    " ", segments.stream().map(TranscriptSegment::text).toList());
        }
    }

    private TranscriptCounts transcribe(float[] samples, Clip clip, Recorded sink) throws IOException {
        Path file = Files.write(directory.resolve("sound.wav"), Sounds.wav(samples));
        try (AudioReader reader = AudioReader.open(file, clip)) {
            return transcriber.transcribe(reader, sink);
        }
    }

    /** Sentences begin at 2.0, 14.1 and 20.1 s. */
    private static float[] threeSentences() {
        return Sounds.concat(
                Sounds.silence(2),
                Sounds.sentence(870),
                Sounds.silence(5),
                Sounds.sentence(880),
                Sounds.silence(3),
                Sounds.sentence(930),
                Sounds.silence(1));
    }

    @Test
    void sentencesComeOutWithTheirTimes() throws IOException {
        float[] sound = threeSentences();
        Recorded sink = new Recorded();
        TranscriptCounts counts = transcribe(sound, Clip.WHOLE, sink);

        String text = sink.text().toLowerCase(java.util.Locale.ROOT);
        assertThat(text).contains("john dashwood", "leisure to consider", "young man", "amiable himself");
        assertThat(counts.audioMillis()).isEqualTo(sound.length / 16);
        assertThat(counts.speechMillis()).isBetween(11_000L, 15_000L);
        assertThat(counts.segments()).isEqualTo(sink.segments.size());
        assertThat(sink.progress).isGreaterThan(counts.audioMillis() - 2000);

        assertThat(sink.segments).hasSize(3);
        // Where somebody begins and ends to speak, by ear and waveform.
        long[][] spoken = {{2150, 9000}, {14_250, 16_950}, {20_300, 23_200}};
        for (int i = 0; i < 3; i++) {
            TranscriptSegment segment = sink.segments.get(i);
            assertThat(segment.startMillis()).isBetween(spoken[i][0] - 350, spoken[i][0] + 350);
            assertThat(segment.endMillis()).isBetween(spoken[i][1] - 350, spoken[i][1] + 450);
            assertThat(segment.confidence()).isBetween(0.3f, 1f);
        }
    }

    @Test
    void aClipKeepsTheMediasTimes() throws IOException {
        Recorded sink = new Recorded();
        transcribe(threeSentences(), new Clip(13_000, 18_500), sink);
        assertThat(sink.segments).hasSize(1);
        assertThat(sink.segments.getFirst().text().toLowerCase(java.util.Locale.ROOT))
                .contains("young man");
        assertThat(sink.segments.getFirst().startMillis()).isBetween(13_800L, 14_600L);
    }

    @Test
    void silenceNoiseAndTonesSayNothing() throws IOException {
        float[][] sounds = {
            Sounds.silence(20),
            Sounds.noise(20, 0.2),
            Sounds.noise(20, 0.002),
            Sounds.tone(440, 20),
            Sounds.hum(50, 20, 0.2),
            Sounds.melody(20),
            Sounds.chord(20),
            Sounds.concat(Sounds.tone(200, 5), Sounds.noise(5, 0.05), Sounds.silence(5)),
            new float[100]
        };
        for (float[] sound : sounds) {
            Recorded sink = new Recorded();
            TranscriptCounts counts = transcribe(sound, Clip.WHOLE, sink);
            assertThat(sink.segments).isEmpty();
            assertThat(counts.segments()).isZero();
        }
    }

    private List<String> heard(float[]... sounds) {
        List<WhisperModel.Window> windows = new ArrayList<>();
        for (float[] sound : sounds) {
            windows.add(new WhisperModel.Window(sound, sound.length));
        }
        return model.transcribe(windows, () -> {}).stream()
                .map(transcript -> String.join(
                        " ",
                        transcript.segments().stream().map(WindowSegment::text).toList()))
                .toList();
    }

    /** No detector in between: what the model says of silence is "you", and of a melody "Thank you." */
    @Test
    void theModelItselfDoesNotInventSpeechInSilenceAndNoise() {
        assertThat(heard(Sounds.silence(2), Sounds.noise(29, 0.2), Sounds.noise(5, 0.02), Sounds.hum(50, 2, 0.2)))
                .containsOnly("");
    }

    @Test
    void norInTonesAndMusic() {
        assertThat(heard(Sounds.tone(440, 2), Sounds.tone(1000, 10), Sounds.melody(10), Sounds.chord(10)))
                .containsOnly("");
    }

    @Test
    void speechInNoiseIsStillHeard() {
        float[] loud = Sounds.sentence(870);
        float[] first = java.util.Arrays.copyOf(Sounds.sentence(880), 2 * Sounds.RATE);
        List<String> heard = heard(Sounds.mix(loud, Sounds.noise(10, rms(loud) * Math.sqrt(3))), first);
        assertThat(heard.getFirst()).contains("John Dashwood had then leisure");
        assertThat(heard.getLast()).startsWith("He was not");
    }

    // A uniform noise of sqrt(3) times as much has the same power: 0 dB.
    private static double rms(float[] samples) {
        double sum = 0;
        for (float sample : samples) {
            sum += sample * sample;
        }
        return Math.sqrt(sum / samples.length);
    }

    @Test
    void cancellationEndsItWithinTheWindow() throws IOException {
        float[] sound = threeSentences();
        Recorded sink = new Recorded();
        // Behind decoding, in the middle of the encoder.
        sink.cancelAfter = sound.length / 8192 + 5;
        assertThatThrownBy(() -> transcribe(sound, Clip.WHOLE, sink)).isInstanceOf(CancellationException.class);
        assertThat(sink.segments).isEmpty();
        // The model is usable afterwards.
        Recorded again = new Recorded();
        transcribe(Sounds.sentence(880), Clip.WHOLE, again);
        assertThat(again.text()).contains("young man");
    }

    @Test
    void tooLongIsRefused() throws IOException {
        Path file = Files.write(directory.resolve("long.wav"), Sounds.wav(Sounds.silence(30)));
        try (SileroVad vad = new SileroVad(Weights.vad());
                AudioReader reader = AudioReader.open(file, Clip.WHOLE)) {
            Transcriber strict = new Transcriber(vad, model, SpeechRules.TRANSCRIPTION, Duration.ofSeconds(10));
            assertThatThrownBy(() -> strict.transcribe(reader, new Recorded()))
                    .isInstanceOf(AudioException.TooLarge.class);
        }
    }
}
