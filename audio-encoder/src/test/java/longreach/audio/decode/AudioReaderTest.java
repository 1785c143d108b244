package longreach.audio.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import longreach.audio.AudioException;
import longreach.audio.Golden;
import longreach.audio.Sounds;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.javacv.FFmpegFrameRecorder;
import org.bytedeco.javacv.Frame;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AudioReaderTest {
    @TempDir
    Path directory;

    private Path file(String name, byte[] bytes) throws IOException {
        return Files.write(directory.resolve(name), bytes);
    }

    @Test
    void pcmComesOutAsItIs() throws IOException {
        float[] samples = Sounds.sentence(880);
        float[] read = Sounds.decode(file("a.wav", Sounds.wav(samples)), Clip.WHOLE);
        assertThat(Golden.distance(read, samples)).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "mp3, MP3, 44100, mp3",
        "mp4, AAC, 44100, aac",
        "ogg, OPUS, 48000, opus",
        "flac, FLAC, 44100, flac",
        "webm, OPUS, 48000, opus",
        "matroska, AAC, 48000, aac",
        "adts, AAC, 22050, aac",
        "mpegts, AAC, 48000, aac"
    })
    void anyContainerAndCodec(String format, String codec, int rate, String codecName) throws Exception {
        float[] tone = Sounds.tone(440, 3);
        Path file = directory.resolve("tone." + format);
        Sounds.encode(
                tone,
                file,
                format,
                avcodec.class.getField("AV_CODEC_ID_" + codec).getInt(null),
                rate);

        try (AudioReader reader = AudioReader.open(file, Clip.WHOLE)) {
            AudioProbe probe = reader.probe();
            assertThat(probe.hasAudio()).isTrue();
            assertThat(probe.hasVideo()).isFalse();
            assertThat(probe.codec()).startsWith(codecName);
            assertThat(probe.channels()).isEqualTo(2);
            // Raw streams hold no length: it is estimated from the bit rate.
            assertThat(probe.durationMillis()).isBetween(2800L, 4200L);
        }
        float[] read = Sounds.decode(file, Clip.WHOLE);
        assertThat(read.length / 16_000.0).isCloseTo(3, within(0.1));
        assertThat(frequency(read)).isCloseTo(440, within(3.0));
        double energy = 0;
        for (float sample : read) {
            energy += sample * sample;
        }
        assertThat(Math.sqrt(energy / read.length)).isCloseTo(0.354, within(0.04));
    }

    // Upward zero crossings a second, away from the ends.
    private static double frequency(float[] samples) {
        int crossings = 0;
        for (int i = 16_001; i < 32_000; i++) {
            crossings += samples[i - 1] < 0 && samples[i] >= 0 ? 1 : 0;
        }
        return crossings / (15_999 / 16_000.0);
    }

    @ParameterizedTest
    @CsvSource({"mp4, AAC, 44100", "matroska, OPUS, 48000", "mp3, MP3, 44100", "wav, PCM_S16LE, 16000"})
    void clipsAreCutToTheMillisecond(String format, String codec, int rate) throws Exception {
        // Twelve seconds of silence with a second of tone from 8.0 s on.
        float[] sound = Sounds.concat(Sounds.silence(8), Sounds.tone(500, 1), Sounds.silence(3));
        Path file = directory.resolve("clip." + format);
        Sounds.encode(
                sound,
                file,
                format,
                avcodec.class.getField("AV_CODEC_ID_" + codec).getInt(null),
                rate);

        float[] clip = Sounds.decode(file, new Clip(7500, 9500));
        assertThat(clip).hasSize(2000 * 16);
        int first = 0;
        while (Math.abs(clip[first]) < 0.2) {
            first++;
        }
        assertThat(first / 16.0).isCloseTo(500, within(60.0));
        assertThat(Sounds.decode(file, new Clip(60_000, 0))).isEmpty();
    }

    @Test
    void aVideoWithoutSoundHasNoSamples() throws Exception {
        Path file = directory.resolve("silent.mp4");
        try (FFmpegFrameRecorder recorder = new FFmpegFrameRecorder(file.toFile(), 64, 48, 0)) {
            recorder.setFormat("mp4");
            recorder.setVideoCodec(avcodec.AV_CODEC_ID_MPEG4);
            recorder.setFrameRate(10);
            recorder.start();
            try (Frame frame = new Frame(64, 48, Frame.DEPTH_UBYTE, 3)) {
                for (int i = 0; i < 20; i++) {
                    recorder.record(frame);
                }
            }
        }
        try (AudioReader reader = AudioReader.open(file, Clip.WHOLE)) {
            assertThat(reader.probe().hasAudio()).isFalse();
            assertThat(reader.probe().hasVideo()).isTrue();
            assertThat(reader.probe().width()).isEqualTo(64);
            assertThat(reader.read(new float[16], 0, 16)).isEqualTo(-1);
        }
    }

    private static void assertUndecodable(Path file, String reason) {
        assertThatThrownBy(
                        () -> Sounds.decode(file, Clip.WHOLE),
                        file.getFileName().toString())
                .isInstanceOf(AudioException.Undecodable.class)
                .hasMessageContaining(reason)
                .hasMessageNotContaining(file.toString());
    }

    @Test
    void whatIsNoMediaIsRefused() throws IOException {
        assertUndecodable(file("empty.wav", new byte[0]), "0 bytes");
        assertUndecodable(file("text.mp3", "no sound in here\n".repeat(50).getBytes(StandardCharsets.UTF_8)), "media");
        byte[] random = new byte[20_000];
        new SplittableRandom(3).nextBytes(random);
        assertUndecodable(file("random.wav", random), "media");
        assertUndecodable(file("header.wav", Arrays.copyOf(Sounds.wav(Sounds.tone(440, 1)), 30)), "media");
    }

    @Test
    void truncatedFilesAreRefused() throws Exception {
        byte[] wav = Sounds.wav(Sounds.tone(440, 6));
        assertUndecodable(file("cut.wav", Arrays.copyOf(wav, wav.length / 2)), "truncated");
        for (String format : new String[] {"mp4", "flac", "mp3"}) {
            int codec = switch (format) {
                case "mp4" -> avcodec.AV_CODEC_ID_AAC;
                case "flac" -> avcodec.AV_CODEC_ID_FLAC;
                default -> avcodec.AV_CODEC_ID_MP3;
            };
            Path whole = directory.resolve("whole." + format);
            Sounds.encode(Sounds.noise(6, 0.3), whole, format, codec, 44_100);
            byte[] bytes = Files.readAllBytes(whole);
            assertUndecodable(file("cut." + format, Arrays.copyOf(bytes, bytes.length / 2)), "");
        }
    }

    @Test
    void playlistsDoNotOpenOtherFiles() throws IOException {
        file("secret.wav", Sounds.wav(Sounds.tone(440, 1)));
        String hls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n";
        assertUndecodable(file("list.m3u8", hls.getBytes(StandardCharsets.US_ASCII)), "media");
        assertUndecodable(
                file("list.ffconcat", "ffconcat version 1.0\nfile secret.wav\n".getBytes(StandardCharsets.US_ASCII)),
                "media");
    }

    @Test
    void damagedFilesNeverDoWorse() throws Exception {
        Path whole = directory.resolve("whole.mp4");
        Sounds.encode(Sounds.tone(300, 2), whole, "mp4", avcodec.AV_CODEC_ID_AAC, 44_100);
        byte[] bytes = Files.readAllBytes(whole);
        SplittableRandom random = new SplittableRandom(11);
        for (int round = 0; round < 60; round++) {
            byte[] damaged = bytes.clone();
            for (int i = 0; i < 12; i++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            try {
                float[] read = Sounds.decode(file("damaged.mp4", damaged), Clip.WHOLE);
                assertThat(read.length).isLessThan(3700 * 16_000);
            } catch (AudioException.Undecodable e) {
                assertThat(e).hasMessageNotContaining(directory.toString());
            }
        }
    }
}
