package longreach.tensor.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import longreach.tensor.RealWeights;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufFileTest {
    @TempDir
    Path directory;

    @Test
    void readsEveryTypeOfValue() throws IOException {
        try (var file = GgufFile.open(write(GgufBytes.sample()))) {
            GgufMetadata metadata = file.metadata();
            assertThat(metadata.keys()).hasSize(15);
            assertThat(metadata.string("general.architecture")).isEqualTo("llama");
            assertThat(metadata.findString("none")).isEmpty();
            assertThat(metadata.integer("u8")).isEqualTo(200);
            assertThat(metadata.integer("i8")).isEqualTo(-3);
            assertThat(metadata.integer("u16")).isEqualTo(65535);
            assertThat(metadata.integer("i16")).isEqualTo(-2);
            assertThat(metadata.integer("i32")).isEqualTo(-7);
            assertThat(metadata.integer("i64")).isEqualTo(-1);
            assertThat(metadata.integer("none", 5)).isEqualTo(5);
            assertThat(metadata.number("f32")).isEqualTo(0.5);
            assertThat(metadata.number("f64")).isEqualTo(1e-5);
            assertThat(metadata.flag("flag", false)).isTrue();
            assertThat(metadata.strings("strings")).containsExactly("é", "");
            assertThat(metadata.integers("integers")).containsExactly(1, 2, -3);
            assertThat(metadata.floats("floats")).containsExactly(2f);
            assertThat(metadata.length("strings")).isEqualTo(2);
            assertThat(file.tensors()).hasSize(2);
            // The file lists the innermost dimension first.
            assertThat(file.tensor("a").shape()).containsExactly(2, 4);
            assertThat(file.tensor("b").data().byteSize()).isEqualTo(34);
            assertThatThrownBy(() -> file.tensor("c"))
                    .hasMessageEndingWith("sample.gguf: c: missing (expected: a tensor)");
            assertThatThrownBy(() -> file.tensor("a", 4, 2)).hasMessageContaining("[2, 4] (expected: [4, 2])");
            assertThatThrownBy(() -> metadata.integer("u64"))
                    .hasMessageContaining("u64: 1099511627776 (expected: a 32-bit");
            assertThatThrownBy(() -> metadata.string("u8")).hasMessageContaining("u8: Long (expected: a string)");
            assertThatThrownBy(() -> metadata.strings("floats")).hasMessageContaining("an array of FLOAT32 (expected");
            assertThatThrownBy(() -> metadata.number("none"))
                    .hasMessageContaining("none: missing (expected: a number)");
        }
    }

    @Test
    void nothingIsReadableAfterClose() throws IOException {
        var file = GgufFile.open(write(GgufBytes.sample()));
        Tensor tensor = file.tensor("a");
        file.close();
        assertThatThrownBy(() -> tensor.data().get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void readsTheRealModel() {
        try (var file = GgufFile.open(RealWeights.smollm2())) {
            assertThat(file.metadata().string("general.architecture")).isEqualTo("llama");
            assertThat(file.tensors()).hasSize(272);
            assertThat(file.tensor("token_embd.weight", 49152, 576).type()).isEqualTo(TensorType.Q8_0);
            assertThat(file.tensor("blk.29.ffn_down.weight", 576, 1536).type()).isEqualTo(TensorType.Q4_1);
        }
    }

    @Test
    void refusesWhatIsWrong() throws IOException {
        refused(new byte[0], "magic: the file ends at byte 0");
        refused("not a model".getBytes(), "magic: 0x20746f6e (expected: GGUF)");
        refused(new GgufBytes().bytes("GGUF".getBytes()).u32(0x03000000).toArray(), "version: 50331648");
        refused(GgufBytes.header(1L << 40, 0).toArray(), "tensor count: 1099511627776 (expected: at most 0)");
        refused(GgufBytes.header(-1, 0).toArray(), "tensor count: 18446744073709551615");
        refused(GgufBytes.header(0, 1L << 62).zeros(64).toArray(), "key count");
        refused(GgufBytes.header(0, 1).u64(1000).zeros(30).toArray(), "key 0: a string of 1000 bytes");
        refused(GgufBytes.header(0, 1).key("", 4).zeros(30).toArray(), "key 0: a name of 0 characters");
        refused(GgufBytes.header(0, 1).key("k", 13).zeros(8).toArray(), "k: value type 13");
        refused(GgufBytes.header(0, 1).key("k", 7).bytes((byte) 2).toArray(), "k: 2 (expected: a truth value");
        refused(GgufBytes.header(0, 1).key("k", 8).u64(1).bytes((byte) 0xff).toArray(), "k: not UTF-8");
        refused(GgufBytes.header(0, 1).key("k", 9).u32(9).u64(1).zeros(40).toArray(), "k: an array of arrays");
        refused(
                GgufBytes.header(0, 1)
                        .key("k", 9)
                        .u32(12)
                        .u64(Long.MAX_VALUE / 8 + 2)
                        .toArray(),
                "k length: 1152921504606846977");
        refused(
                GgufBytes.header(0, 2)
                        .key("k", 0)
                        .bytes((byte) 1)
                        .key("k", 0)
                        .bytes((byte) 1)
                        .toArray(),
                "k: appears twice");
        refused(GgufBytes.header(0, 1).key("general.alignment", 4).u32(24).toArray(), "general.alignment: 24");
        refused(GgufBytes.header(0, 1).key("split.count", 4).u32(3).toArray(), "split.count: 3");
    }

    @Test
    void refusesWrongTensors() throws IOException {
        refusedTensors("t: tensor type 2000 (expected: one of F32", t -> t.tensor("t", 2000, 0, 32));
        refusedTensors("t: 5 dimensions", t -> t.tensor("t", 0, 0, 1, 1, 1, 1, 1));
        refusedTensors("t: 0 dimensions", t -> t.tensor("t", 0, 0));
        refusedTensors("t: a dimension of 0", t -> t.tensor("t", 0, 0, 0));
        refusedTensors("t: rows of 33 (expected: a multiple of Q8_0's 32)", t -> t.tensor("t", 8, 0, 33));
        refusedTensors("fewer than 2^63 bytes", t -> t.tensor("t", 0, 0, 1L << 31, 1L << 31, 1L << 31));
        refusedTensors("fewer than 2^63 bytes", t -> t.tensor("t", 0, 0, 1L << 61));
        refusedTensors("t: offset 8 (expected: a multiple of 32)", t -> t.tensor("t", 0, 8, 4));
        refusedTensors("t: 64 bytes at offset 32 (expected: within the 64", t -> t.tensor("t", 0, 32, 16));
        refusedTensors("t: 16 bytes at offset 9223372036854775776", t -> t.tensor("t", 0, Long.MAX_VALUE - 31, 4));
    }

    @Test
    void refusesTensorsThatShareNamesOrBytes() throws IOException {
        refused(
                GgufBytes.header(2, 0)
                        .tensor("a", 0, 0, 4)
                        .tensor("a", 0, 32, 4)
                        .align()
                        .zeros(64)
                        .toArray(),
                "a: appears twice");
        refused(
                GgufBytes.header(2, 0)
                        .tensor("a", 0, 32, 4)
                        .tensor("b", 0, 0, 16)
                        .align()
                        .zeros(64)
                        .toArray(),
                "a: overlaps b");
    }

    private interface Table {
        GgufBytes add(GgufBytes header);
    }

    private void refusedTensors(String message, Table table) throws IOException {
        refused(table.add(GgufBytes.header(1, 0)).align().zeros(64).toArray(), message);
    }

    private void refused(byte[] bytes, String message) throws IOException {
        Path path = write(bytes);
        assertThatThrownBy(() -> GgufFile.open(path))
                .isInstanceOf(WeightsException.class)
                .hasMessageStartingWith(path.toString())
                .hasMessageContaining(message);
    }

    @Test
    void missingFileAndDirectoryAreRefused() {
        assertThatThrownBy(() -> GgufFile.open(directory.resolve("none.gguf"))).isInstanceOf(WeightsException.class);
        assertThatThrownBy(() -> GgufFile.open(directory)).isInstanceOf(WeightsException.class);
    }

    @Test
    void everyTruncationIsRefusedOrReadsInside() throws IOException {
        byte[] whole = GgufBytes.sample();
        for (int length = 0; length < whole.length; length++) {
            Path path = write(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> GgufFile.open(path))
                    .as("cut at %d", length)
                    .isInstanceOf(WeightsException.class);
        }
    }

    @Test
    void flippedBytesAreRefusedOrReadInside() throws IOException {
        long seed = 20;
        System.out.println("GGUF byte flips: seed " + seed);
        var random = new Random(seed);
        byte[] whole = GgufBytes.sample();
        for (int at = 0; at < whole.length; at++) {
            for (byte value : new byte[] {0, -1, 0x7f, (byte) 0x80, (byte) random.nextInt(256)}) {
                byte[] flipped = whole.clone();
                flipped[at] = value;
                openAndReadAll(flipped, "byte " + at + " = " + value);
            }
        }
        for (int round = 0; round < 1500; round++) {
            byte[] flipped = whole.clone();
            for (int i = random.nextInt(1, 6); i > 0; i--) {
                flipped[random.nextInt(flipped.length)] = (byte) random.nextInt(256);
            }
            openAndReadAll(flipped, "round " + round + " of seed " + seed);
        }
    }

    /** Either a typed refusal, or everything that the file names can be read. */
    private void openAndReadAll(byte[] bytes, String what) throws IOException {
        try (var file = GgufFile.open(write(bytes))) {
            for (Tensor tensor : file.tensors()) {
                float[] out = new float[Math.toIntExact(tensor.elements())];
                Dequantiser.elements(tensor.type(), tensor.data(), 0, out.length, out, 0);
            }
            GgufMetadata metadata = file.metadata();
            for (String key : metadata.keys()) {
                try {
                    metadata.strings(key);
                } catch (WeightsException e) {
                    assertThat(e).hasMessageContaining("expected");
                }
            }
        } catch (WeightsException e) {
            assertThat(e).as(what).hasMessageContaining("expected");
        }
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("sample.gguf"), bytes);
    }
}
