package longreach.tensor.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
    private static final String SAMPLE = """
            {"__metadata__": {"format": "pt"},
             "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
             "b": {"dtype": "BF16", "shape": [2], "data_offsets": [24, 28]},
             "c": {"dtype": "F16", "shape": [], "data_offsets": [28, 30]},
             "ids": {"dtype": "I64", "shape": [1], "data_offsets": [30, 38]},
             "none": {"dtype": "F32", "shape": [0, 7], "data_offsets": [38, 38]}}""";

    @TempDir
    Path directory;

    static byte[] bytes(String header, byte... data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .put(data)
                .array();
    }

    private static byte[] sample() {
        var data = ByteBuffer.allocate(38).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 6; i++) {
            data.putFloat(i - 0.5f);
        }
        data.putShort((short) (Float.floatToRawIntBits(-2f) >> 16)).putShort((short) 0x3f80);
        data.putShort(Float.floatToFloat16(0.25f)).putLong(9);
        return bytes(SAMPLE, data.array());
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("model.safetensors"), bytes);
    }

    private static float[] floats(Tensor tensor) {
        float[] out = new float[Math.toIntExact(tensor.elements())];
        Dequantiser.elements(tensor.type(), tensor.data(), 0, out.length, out, 0);
        return out;
    }

    @Test
    void readsTheThreeFloatTypes() throws IOException {
        try (var file = SafetensorsFile.open(write(sample()))) {
            assertThat(file.tensors()).extracting(Tensor::name).containsExactly("a", "b", "c", "none");
            Tensor a = file.find("a").orElseThrow();
            assertThat(a.shape()).containsExactly(2, 3);
            assertThat(floats(a)).containsExactly(-0.5f, 0.5f, 1.5f, 2.5f, 3.5f, 4.5f);
            assertThat(floats(file.find("b").orElseThrow())).containsExactly(-2f, 1f);
            assertThat(floats(file.find("c").orElseThrow())).containsExactly(0.25f);
            assertThat(file.find("d")).isEmpty();
            assertThatThrownBy(() -> file.find("ids"))
                    .isInstanceOf(WeightsException.class)
                    .hasMessageEndingWith("model.safetensors: ids: element type I64 (expected: F32, F16 or BF16)");
        }
    }

    @Test
    void nothingIsReadableAfterClose() throws IOException {
        var file = SafetensorsFile.open(write(sample()));
        Tensor a = file.find("a").orElseThrow();
        file.close();
        assertThatThrownBy(() -> a.data().get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void refusesWrongHeaders() throws IOException {
        refused(new byte[3], "header length: the file has 3 bytes (expected: at least 8)");
        refused(ByteBuffer.allocate(8).array(), "header length: 0 bytes");
        refused(ByteBuffer.allocate(30).putLong(0, -1).array(), "header length: 18446744073709551615 bytes");
        byte[] beyond = bytes("{}");
        beyond[0] = 3;
        refused(beyond, "header length: 3 bytes (expected: 2 to 2 here)");
        refused(bytes("{\"a\": "), "header: not JSON");
        refused(bytes("[]"), "header: not a JSON object");
        refused(bytes("{} x"), "");
    }

    @Test
    void refusesWrongTensors() throws IOException {
        refusedTensor("'Q4'", "Q4", "[1]", "[0, 4]");
        refusedTensor("''", "", "[1]", "[0, 4]");
        refusedTensor("shape 5 (expected: at most 8 dimensions)", "F32", "5", "[0, 4]");
        refusedTensor("at most 8 dimensions", "F32", "[1, 1, 1, 1, 1, 1, 1, 1, 1]", "[0, 4]");
        refusedTensor("shape -1 (expected: integers", "F32", "[-1]", "[0, 4]");
        refusedTensor("shape 1.5 (expected: integers", "F32", "[1.5]", "[0, 4]");
        refusedTensor("shape 9223372036854775808 (expected: integers", "F32", "[9223372036854775808]", "[0, 4]");
        refusedTensor("fewer than 2^60 bytes", "F32", "[4294967296, 4294967296]", "[0, 4]");
        refusedTensor("fewer than 2^60 bytes", "F32", "[9223372036854775807]", "[0, 4]");
        refusedTensor("whole bytes", "F4", "[3]", "[0, 1]");
        refusedTensor("data_offsets [0] (expected: two)", "F32", "[1]", "[0]");
        refusedTensor("data_offsets null", "F32", "[1]", "null");
        refusedTensor("data_offsets -4 (expected: integers", "F32", "[1]", "[-4, 0]");
        refusedTensor("data_offsets [4, 0] (expected: 4 bytes", "F32", "[1]", "[4, 0]");
        refusedTensor("data_offsets [0, 4] (expected: 8 bytes, as F32[2] has)", "F32", "[2]", "[0, 4]");
        refusedTensor("starts at 4 (expected: 0", "F32", "[1]", "[4, 8]");
        refusedTensor("ends at 16 (expected: within the 8 bytes", "F32", "[4]", "[0, 16]");
        refusedTensor("starts at 9223372036854775800", "F32", "[1]", "[9223372036854775800, 9223372036854775804]");
        refused(
                bytes("{\"t\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}", new byte[8]),
                "8 bytes");
    }

    @Test
    void refusesTensorsThatShareNamesOrBytes() throws IOException {
        String a = "{\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}";
        refused(bytes("{\"a\": " + a + ", \"a\": " + a + "}", new byte[4]), "Duplicate");
        refused(bytes("{\"a\": " + a + ", \"b\": " + a + "}", new byte[4]), "b: overlaps a");
        String b = "{\"dtype\": \"F16\", \"shape\": [2], \"data_offsets\": [2, 6]}";
        refused(bytes("{\"a\": " + a + ", \"b\": " + b + "}", new byte[6]), "b: overlaps a");
    }

    private void refusedTensor(String message, String type, String shape, String offsets) throws IOException {
        String header =
                "{\"t\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": %s}}".formatted(type, shape, offsets);
        refused(bytes(header, new byte[8]), message);
    }

    private void refused(byte[] bytes, String message) throws IOException {
        Path path = write(bytes);
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(WeightsException.class)
                .hasMessageStartingWith(path.toString())
                .hasMessageContaining(message);
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        byte[] whole = sample();
        for (int length = 0; length < whole.length; length++) {
            Path path = write(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> SafetensorsFile.open(path))
                    .as("cut at %d", length)
                    .isInstanceOf(WeightsException.class);
        }
    }

    @Test
    void flippedBytesAreRefusedOrReadInside() throws IOException {
        long seed = 21;
        System.out.println("safetensors byte flips: seed " + seed);
        var random = new Random(seed);
        byte[] whole = sample();
        int refusals = 0;
        for (int round = 0; round < 1200; round++) {
            byte[] flipped = whole.clone();
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                // Digits and brackets reach further into the reader than noise does.
                byte value = random.nextBoolean()
                        ? (byte) "0123456789[],{}\":-eE".charAt(random.nextInt(20))
                        : (byte) random.nextInt(256);
                flipped[random.nextInt(flipped.length)] = value;
            }
            try (var file = SafetensorsFile.open(write(flipped))) {
                file.tensors().forEach(SafetensorsFileTest::floats);
            } catch (WeightsException e) {
                refusals++;
                assertThat(e).as("round %d", round).hasMessageContaining("expected");
            }
        }
        assertThat(refusals).isGreaterThan(300);
    }
}
