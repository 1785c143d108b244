package longreach.audio.transcript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import longreach.audio.vad.Speech;
import org.junit.jupiter.api.Test;

class SpeechWindowTest {
    private static SpeechWindow twoStretches() {
        float[] samples = new float[32_000];
        SpeechWindow window = new SpeechWindow();
        // 1 s from 10 s on, 2 s from 20 s on.
        window.append(samples, 0, 16_000, 160_000);
        window.append(samples, 0, 32_000, 320_000);
        return window;
    }

    @Test
    void timesAreMappedBack() {
        SpeechWindow window = twoStretches();
        assertThat(window.source(0, 1)).isEqualTo(new Speech(160_000, 176_000));
        assertThat(window.source(0.2, 0.5)).isEqualTo(new Speech(163_200, 168_000));
        assertThat(window.source(1, 2)).isEqualTo(new Speech(320_000, 336_000));
        assertThat(window.source(0, 29)).isEqualTo(new Speech(160_000, 352_000));
        assertThat(window.sourceEnd()).isEqualTo(352_000);
    }

    @Test
    void timesOnTheWrongSideOfASeamAreMoved() {
        SpeechWindow window = twoStretches();
        assertThat(window.source(0.1, 1.2)).isEqualTo(new Speech(161_600, 176_000));
        assertThat(window.source(0.8, 2.5)).isEqualTo(new Speech(320_000, 344_000));
        // Both stretches, and a piece that is short itself.
        assertThat(window.source(0.3, 2.5)).isEqualTo(new Speech(164_800, 344_000));
        assertThat(window.source(0.8, 0.9)).isEqualTo(new Speech(172_800, 174_400));
    }

    @Test
    void theRestKeepsItsTimes() {
        SpeechWindow rest = twoStretches().from(24_000);
        assertThat(rest.length()).isEqualTo(24_000);
        assertThat(rest.source(0, 1)).isEqualTo(new Speech(328_000, 344_000));
        assertThat(twoStretches().from(8_000).source(0.5, 1)).isEqualTo(new Speech(320_000, 328_000));
    }

    @Test
    void noMoreThanThirtySeconds() {
        SpeechWindow window = new SpeechWindow();
        window.append(new float[480_000], 0, 480_000, 0);
        assertThat(window.fits(1)).isFalse();
        assertThatThrownBy(() -> window.append(new float[1], 0, 1, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theBufferForgets() {
        SampleBuffer buffer = new SampleBuffer();
        float[] block = new float[16_000];
        for (int second = 0; second < 600; second++) {
            java.util.Arrays.fill(block, second);
            buffer.append(block, block.length);
            buffer.dropBefore((second - 20) * 16_000L);
        }
        assertThat(buffer.end()).isEqualTo(9_600_000);
        assertThat(buffer.array()[buffer.index(590 * 16_000)]).isEqualTo(590);
        assertThat(buffer.array().length).isLessThan(60 * 16_000);
        assertThatThrownBy(() -> buffer.index(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
