package longreach.audio.whisper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import longreach.tensor.weights.WeightsException;
import org.junit.jupiter.api.Test;

class CTranslate2FileTest {
    private static final byte[] SMALL = small();

    private static byte[] small() {
        Bytes out = new Bytes();
        out.u32(6).text("WhisperSpec").u32(3).u32(3);
        out.text("a/weight").u8(2).u32(2).u32(3).u8(0).u32(24);
        for (int i = 0; i < 6; i++) {
            out.u32(Float.floatToIntBits(i));
        }
        out.text("heads").u8(0).u8(2).u32(2).u16(6);
        out.text("half").u8(1).u32(2).u8(4).u32(4).u16(0x3c00).u16(0xc000);
        out.u32(1).text("b/weight").text("a/weight");
        return out.toByteArray();
    }

    private static final class Bytes extends ByteArrayOutputStream {
        Bytes u8(int value) {
            write(value);
            return this;
        }

        Bytes u16(int value) {
            return u8(value & 0xff).u8(value >> 8 & 0xff);
        }

        Bytes u32(int value) {
            writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
            return this;
        }

        Bytes text(String text) {
            u16(text.length() + 1).writeBytes(text.getBytes(StandardCharsets.UTF_8));
            return u8(0);
        }
    }

    private static CTranslate2File open(byte[] bytes) {
        return new CTranslate2File(Arena.ofShared(), MemorySegment.ofArray(bytes));
    }

    @Test
    void readsVariablesAndAliases() throws IOException {
        try (CTranslate2File file = open(SMALL)) {
            assertThat(file.spec()).isEqualTo("WhisperSpec");
            assertThat(file.names()).containsExactlyInAnyOrder("a/weight", "b/weight", "heads", "half");
            assertThat(file.scalar("heads")).isEqualTo(6);
            Tensor tensor = file.tensor("b/weight");
            assertThat(tensor.type()).isEqualTo(TensorType.F32);
            assertThat(tensor.shape()).containsExactly(2, 3);
            assertThat(file.tensor("half").type()).isEqualTo(TensorType.F16);
            assertThatThrownBy(() -> file.tensor("heads")).isInstanceOf(WeightsException.class);
            assertThatThrownBy(() -> file.tensor("none")).hasMessageContaining("none");
        }
    }

    @Test
    void everyTruncationIsRefused() {
        for (int n = 0; n < SMALL.length; n++) {
            byte[] cut = Arrays.copyOf(SMALL, n);
            assertThatThrownBy(() -> open(cut)).isInstanceOf(WeightsException.class);
        }
        assertThatThrownBy(() -> open(Arrays.copyOf(SMALL, SMALL.length + 1))).isInstanceOf(WeightsException.class);
    }

    @Test
    void damageIsRefusedOrHarmless() {
        SplittableRandom random = new SplittableRandom(5);
        for (int round = 0; round < 20_000; round++) {
            byte[] damaged = SMALL.clone();
            for (int i = random.nextInt(4); i >= 0; i--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            try (CTranslate2File file = open(damaged)) {
                for (String name : file.names()) {
                    readAny(file, name);
                }
            } catch (WeightsException e) {
                assertThat(e.getMessage()).isNotBlank();
            }
        }
    }

    private static void readAny(CTranslate2File file, String name) {
        try {
            Tensor tensor = file.tensor(name);
            assertThat(tensor.data().byteSize()).isEqualTo(tensor.elements() * tensor.type().blockBytes);
        } catch (WeightsException e) {
            assertThat(e.getMessage()).contains("stored as");
        }
    }
}
