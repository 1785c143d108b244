package longreach.audio;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import longreach.audio.decode.AudioReader;
import longreach.audio.decode.Clip;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.javacv.FFmpegFrameRecorder;
import org.bytedeco.javacv.Frame;

/** Sounds for tests: three sentences of real speech, silence, tones and noise, in any container. */
public final class Sounds {
    public static final int RATE = AudioReader.SAMPLE_RATE;

    private Sounds() {}

    /** @param number of the LibriVox sentence: 870, 880 or 930 */
    public static float[] sentence(int number) {
        try (InputStream in = Sounds.class.getResourceAsStream("/audio/librivox-0" + number + ".flac")) {
            Path file = Files.createTempFile("sentence", ".flac");
            try {
                Files.write(file, in.readAllBytes());
                return decode(file, Clip.WHOLE);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static float[] decode(Path file, Clip clip) {
        try (AudioReader reader = AudioReader.open(file, clip)) {
            float[] samples = new float[0];
            float[] block = new float[4096];
            for (int n = reader.read(block, 0, block.length); n >= 0; n = reader.read(block, 0, block.length)) {
                samples = Arrays.copyOf(samples, samples.length + n);
                System.arraycopy(block, 0, samples, samples.length - n, n);
            }
            return samples;
        }
    }

    public static float[] silence(double seconds) {
        return new float[(int) Math.round(seconds * RATE)];
    }

    public static float[] tone(double hertz, double seconds) {
        float[] samples = silence(seconds);
        for (int i = 0; i < samples.length; i++) {
            samples[i] = (float) (0.5 * Math.sin(2 * Math.PI * hertz * i / RATE));
        }
        return samples;
    }

    public static float[] noise(double seconds, double amplitude) {
        SplittableRandom random = new SplittableRandom(7);
        float[] samples = silence(seconds);
        for (int i = 0; i < samples.length; i++) {
            samples[i] = (float) (amplitude * (2 * random.nextDouble() - 1));
        }
        return samples;
    }

    /** Mains hum: a low note and its overtones. */
    public static float[] hum(double hertz, double seconds, double amplitude) {
        float[] samples = silence(seconds);
        for (int i = 0; i < samples.length; i++) {
            for (int overtone = 1; overtone <= 6; overtone++) {
                samples[i] +=
                        (float) (amplitude / overtone * Math.sin(2 * Math.PI * hertz * overtone * i / RATE + overtone));
            }
        }
        return samples;
    }

    /** Plucked notes of a scale, three a second, four harmonics each. */
    public static float[] melody(double seconds) {
        double[] scale = {261.6, 293.7, 329.6, 349.2, 392, 440, 493.9, 523.3};
        SplittableRandom random = new SplittableRandom(3);
        int note = RATE / 3;
        float[] samples = silence(seconds);
        double hertz = scale[0];
        for (int i = 0; i < samples.length; i++) {
            int since = i % note;
            if (since == 0) {
                hertz = scale[random.nextInt(scale.length)];
            }
            double sum = 0;
            for (int harmonic = 1; harmonic <= 4; harmonic++) {
                sum += Math.sin(2 * Math.PI * hertz * harmonic * i / RATE) / harmonic;
            }
            samples[i] = (float) (0.2 * Math.exp(-3.0 * since / note) * sum);
        }
        return samples;
    }

    /** Three notes held together, swelling five times a second. */
    public static float[] chord(double seconds) {
        float[] samples = silence(seconds);
        for (int i = 0; i < samples.length; i++) {
            double t = (double) i / RATE;
            double swell = 0.15 * (1 + 0.3 * Math.sin(2 * Math.PI * 5 * t));
            for (double hertz : new double[] {220, 277.2, 329.6}) {
                samples[i] += (float) (swell * Math.sin(2 * Math.PI * hertz * t));
            }
        }
        return samples;
    }

    /** The sum, as long as the first. */
    public static float[] mix(float[] a, float[] b) {
        float[] samples = a.clone();
        for (int i = 0; i < Math.min(a.length, b.length); i++) {
            samples[i] += b[i];
        }
        return samples;
    }

    public static float[] concat(float[]... parts) {
        float[] all = new float[Arrays.stream(parts).mapToInt(p -> p.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    /** 16-bit PCM. */
    public static byte[] wav(float[] samples) {
        ByteBuffer out = ByteBuffer.allocate(44 + 2 * samples.length).order(ByteOrder.LITTLE_ENDIAN);
        out.put("RIFF".getBytes()).putInt(36 + 2 * samples.length).put("WAVEfmt ".getBytes());
        out.putInt(16).putShort((short) 1).putShort((short) 1).putInt(RATE).putInt(2 * RATE);
        out.putShort((short) 2).putShort((short) 16).put("data".getBytes()).putInt(2 * samples.length);
        for (float sample : samples) {
            out.putShort((short) Math.clamp(Math.round(sample * 32768), -32768, 32767));
        }
        return out.array();
    }

    /** Encodes stereo sound with a codec of FFmpeg. */
    public static void encode(float[] samples, Path file, String format, int codec, int rate) {
        try (FFmpegFrameRecorder recorder = new FFmpegFrameRecorder(file.toFile(), 2)) {
            recorder.setFormat(format);
            recorder.setAudioCodec(codec);
            recorder.setSampleRate(rate);
            recorder.setAudioBitrate(96_000);
            if (codec == org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_AAC) {
                recorder.setSampleFormat(avutil.AV_SAMPLE_FMT_FLTP);
            }
            recorder.start();
            float[] stereo = new float[2 * samples.length];
            for (int i = 0; i < samples.length; i++) {
                stereo[2 * i] = samples[i];
                stereo[2 * i + 1] = samples[i];
            }
            Frame frame = new Frame();
            frame.sampleRate = RATE;
            frame.audioChannels = 2;
            frame.samples = new FloatBuffer[] {FloatBuffer.wrap(stereo)};
            recorder.record(frame);
            recorder.stop();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
