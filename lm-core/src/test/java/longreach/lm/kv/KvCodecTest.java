package longreach.lm.kv;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import longreach.store.api.Codec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class KvCodecTest {
    private static final int ROWS = 3;

    private static float[] rows(int width, long seed, float scale) {
        var random = new Random(seed);
        float[] x = new float[ROWS * width];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian() * scale;
        }
        return x;
    }

    /** What is stored is what is used, whether or not anybody publishes it. */
    @ParameterizedTest
    @EnumSource
    void whatIsReadIsWhatWasRounded(Codec codec) {
        for (int width : new int[] {1, 2, 8, 31, 32, 33, 64, 192}) {
            for (float scale : new float[] {0, 1e-9f, 1, 300, 1e9f}) {
                float[] x = rows(width, width, scale);
                float[] rounded = x.clone();
                float[] unpublished = x.clone();
                float[] read = new float[x.length];
                byte[] stored = new byte[ROWS * KvCodec.rowBytes(codec, width) + 5];
                KvCodec.of(codec).roundInto(rounded, 0, ROWS, width, MemorySegment.ofArray(stored), 5);
                KvCodec.of(codec).round(unpublished, 0, ROWS, width);
                KvCodec.of(codec).read(MemorySegment.ofArray(stored), 5, read, 0, ROWS, width);
                assertThat(read)
                        .as("%s, width %d, scale %g", codec, width, scale)
                        .containsExactly(rounded);
                assertThat(unpublished).containsExactly(rounded);
            }
        }
    }

    /** Rows do not depend on their neighbours: a chunk's can be read from any of them on. */
    @ParameterizedTest
    @EnumSource
    void rowsStandAlone(Codec codec) {
        int width = 40;
        float[] x = rows(width, 7, 2);
        byte[] stored = new byte[ROWS * KvCodec.rowBytes(codec, width)];
        KvCodec.of(codec).roundInto(x, 0, ROWS, width, MemorySegment.ofArray(stored), 0);
        float[] row = new float[width];
        KvCodec.of(codec).read(MemorySegment.ofArray(stored), 2L * KvCodec.rowBytes(codec, width), row, 0, 1, width);
        assertThat(row).containsExactly(Arrays.copyOfRange(x, 2 * width, 3 * width));
    }

    @Test
    void roundingIsWithinHalfAStep() {
        int width = 64;
        float[] x = rows(width, 9, 3);
        float[] q8 = x.clone();
        float[] q4 = x.clone();
        KvCodec.of(Codec.Q8).round(q8, 0, ROWS, width);
        KvCodec.of(Codec.Q4).round(q4, 0, ROWS, width);
        for (int block = 0; block < x.length; block += BlockRows.BLOCK) {
            float least = Float.POSITIVE_INFINITY;
            float most = Float.NEGATIVE_INFINITY;
            for (int i = block; i < block + BlockRows.BLOCK; i++) {
                least = Math.min(least, x[i]);
                most = Math.max(most, x[i]);
            }
            float largest = Math.max(-least, most);
            for (int i = block; i < block + BlockRows.BLOCK; i++) {
                // The step itself is rounded to eleven bits, which counts as often as there are steps.
                assertThat(q8[i]).isCloseTo(x[i], within(largest / 127 * 0.57f));
                assertThat(q4[i]).isCloseTo(x[i], within((most - least) / 15 * 0.51f + 0.001f * largest));
            }
        }
    }

    private static org.assertj.core.data.Offset<Float> within(float value) {
        return org.assertj.core.data.Offset.offset(value);
    }

    @Test
    void bytesOfARow() {
        assertThat(KvCodec.rowBytes(Codec.F16, 192)).isEqualTo(384);
        assertThat(KvCodec.rowBytes(Codec.Q8, 192)).isEqualTo(6 * 34);
        assertThat(KvCodec.rowBytes(Codec.Q4, 192)).isEqualTo(6 * 20);
        assertThat(KvCodec.rowBytes(Codec.Q8, 33)).isEqualTo(34 + 3);
        assertThat(KvCodec.rowBytes(Codec.Q4, 33)).isEqualTo(20 + 5);
    }
}
