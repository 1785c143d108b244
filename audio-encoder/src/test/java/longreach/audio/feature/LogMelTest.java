package longreach.audio.feature;

import static org.assertj.core.api.Assertions.assertThat;

import longreach.audio.Golden;
import longreach.audio.Sounds;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class LogMelTest {
    private final LogMel features = new LogMel(80);
    private final float[] out = new float[LogMel.FRAMES * 80];

    @Test
    void equalsTheReference() {
        JsonNode golden = Golden.json("whisper/golden.json");
        int stride = golden.path("mel_stride").asInt();
        float[] expected = Golden.floats("whisper/mel.f32");
        float[] samples = Sounds.sentence(870);
        assertThat(samples).hasSize(golden.path("samples").asInt());

        features.compute(samples, samples.length, out, 0);

        float[] sampled = new float[expected.length];
        for (int i = 0; i < LogMel.FRAMES / stride; i++) {
            System.arraycopy(out, i * stride * 80, sampled, i * 80, 80);
        }
        assertThat(Golden.distance(sampled, expected)).isLessThan(1e-4);
    }

    @Test
    void silenceIsFlat() {
        features.compute(new float[0], 0, out, 0);
        assertThat(out).containsOnly((float) ((-10 + 4) / 4.0));
    }

    @Test
    void aToneIsLoudestInItsBand() {
        float[] tone = Sounds.tone(1000, 30);
        features.compute(tone, tone.length, out, 0);
        int frame = 1500 * 80;
        int loudest = 0;
        for (int m = 1; m < 80; m++) {
            loudest = out[frame + m] > out[frame + loudest] ? m : loudest;
        }
        // Band m is centred at mel (m + 1) / 81 of the whole; 1000 Hz is mel 15 of 45.2.
        assertThat(loudest).isEqualTo(26);
        assertThat(out).doesNotContain(Float.NaN);
    }

    @Test
    void transformEqualsTheDefinition() {
        int n = 60;
        double[] re = new double[n];
        double[] im = new double[n];
        for (int i = 0; i < n; i++) {
            re[i] = Math.sin(i * i + 1);
            im[i] = Math.cos(3 * i * i + 2);
        }
        double[] x = re.clone();
        double[] y = im.clone();
        new Fft(n).transform(x, y);
        for (int k = 0; k < n; k++) {
            double sumRe = 0;
            double sumIm = 0;
            for (int j = 0; j < n; j++) {
                double angle = -2 * Math.PI * j * k / n;
                sumRe += re[j] * Math.cos(angle) - im[j] * Math.sin(angle);
                sumIm += re[j] * Math.sin(angle) + im[j] * Math.cos(angle);
            }
            assertThat(x[k]).isCloseTo(sumRe, org.assertj.core.data.Offset.offset(1e-10));
            assertThat(y[k]).isCloseTo(sumIm, org.assertj.core.data.Offset.offset(1e-10));
        }
    }
}
