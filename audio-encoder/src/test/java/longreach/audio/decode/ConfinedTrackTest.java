package longreach.audio.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CancellationException;
import longreach.audio.AudioException;
import longreach.audio.Sounds;
import longreach.tensor.process.ChildPool;
import org.bytedeco.ffmpeg.global.avcodec;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What comes out of the other process is what this one would have decoded. */
class ConfinedTrackTest {
    private static final ChildPool POOL = ConfinedTrack.pool(1L << 30, Duration.ofSeconds(60), 2);

    @TempDir
    Path directory;

    @AfterAll
    static void close() {
        POOL.close();
    }

    private static float[] confined(Path file, Clip clip) {
        try (ConfinedTrack track = ConfinedTrack.open(POOL, file, clip, false)) {
            assertThat(track.position()).isEqualTo(clip.startSample());
            float[] samples = new float[0];
            float[] block = new float[5000];
            for (int n = track.read(block, 0, block.length); n >= 0; n = track.read(block, 0, block.length)) {
                samples = Arrays.copyOf(samples, samples.length + n);
                System.arraycopy(block, 0, samples, samples.length - n, n);
            }
            assertThat(track.position()).isEqualTo(clip.startSample() + samples.length);
            return samples;
        }
    }

    @Test
    void theSameSamplesAndTheSameProbe() throws Exception {
        Path file = directory.resolve("sound.mp4");
        Sounds.encode(
                Sounds.concat(Sounds.silence(6), Sounds.tone(440, 3)), file, "mp4", avcodec.AV_CODEC_ID_AAC, 44_100);
        for (Clip clip : new Clip[] {Clip.WHOLE, new Clip(5500, 7500), new Clip(60_000, 0)}) {
            assertThat(confined(file, clip)).isEqualTo(Sounds.decode(file, clip));
        }
        try (AudioReader here = AudioReader.open(file, Clip.WHOLE);
                ConfinedTrack there = ConfinedTrack.open(POOL, file, Clip.WHOLE, true)) {
            assertThat(there.probe()).isEqualTo(here.probe());
        }
    }

    @Test
    void theSameRefusal() throws IOException {
        byte[] wav = Sounds.wav(Sounds.tone(440, 1));
        for (byte[] bytes : new byte[][] {
            new byte[0],
            "no sound in here\n".repeat(50).getBytes(StandardCharsets.UTF_8),
            Arrays.copyOf(wav, 30),
            Arrays.copyOf(wav, wav.length / 2)
        }) {
            Path file = Files.write(directory.resolve("bad.wav"), bytes);
            String reason = "";
            try {
                Sounds.decode(file, Clip.WHOLE);
            } catch (AudioException.Undecodable e) {
                reason = e.getMessage();
            }
            assertThat(reason).isNotEmpty();
            assertThatThrownBy(() -> confined(file, Clip.WHOLE))
                    .isInstanceOf(AudioException.Undecodable.class)
                    .hasMessage(reason);
        }
    }

    @Test
    void interruptingTheReaderEndsIt() throws IOException {
        Path file = Files.write(directory.resolve("long.wav"), Sounds.wav(Sounds.tone(440, 60)));
        try (ConfinedTrack track = ConfinedTrack.open(POOL, file, Clip.WHOLE, false)) {
            assertThat(track.read(new float[16], 0, 16)).isPositive();
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> {
                        float[] block = new float[16_000];
                        while (track.read(block, 0, block.length) >= 0) {
                            continue;
                        }
                    })
                    .isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
