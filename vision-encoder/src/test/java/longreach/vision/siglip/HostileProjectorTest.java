package longreach.vision.siglip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.WeightsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Broken and hostile projector files: an error that names file and place, never another failure. */
class HostileProjectorTest {
    private final Kernels kernels = KernelSelector.create("scalar", new ComputePool(1));

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "clip.projector_type, gemma3, gemma9",
        "general.architecture, clip, clop",
        "clip.vision.image_mean, clip.vision.image_mean, clip.vision.image_mxxx",
        "v.blk.2.ln2.bias, v.blk.2.ln2.bias, v.blk.2.ln9.bias",
        "mm.soft_emb_norm.weight, mm.soft_emb_norm, mm.hard_emb_norm",
        "mm.input_projection.weight, mm.input_projection, mm.output_projectio",
        "clip.vision.block_count, clip.vision.block_count, clip.vision.block_cxxxx"
    })
    void namesThatAreWrong(String named, String from, String to) throws Exception {
        byte[] bytes = sound();
        int at = find(bytes, from.equals("gemma3") ? "clip.projector_type" : from);
        at = find(Arrays.copyOfRange(bytes, at, bytes.length), from) + at;
        System.arraycopy(to.getBytes(StandardCharsets.US_ASCII), 0, bytes, at, Math.min(from.length(), to.length()));
        refused(bytes, named);
    }

    @ParameterizedTest
    @CsvSource({
        "clip.vision.block_count, 4, v.blk.3.ln1.weight: missing",
        "clip.vision.block_count, 0, layers: 0",
        "clip.vision.block_count, 2147483647, layers: 2147483647",
        "clip.vision.block_count, -1, clip.vision.block_count",
        "clip.vision.embedding_length, 72, 'v.blk.0.ln1.weight: shape [36] (expected: [72])'",
        "clip.vision.feed_forward_length, 36, 'v.blk.0.ffn_up.weight: shape [44, 36] (expected: [36, 36])'",
        "clip.vision.attention.head_count, 5, whole heads",
        "clip.vision.attention.head_count, 0, heads: 0",
        "clip.vision.image_size, 0, image_size",
        "clip.vision.image_size, 2147483647, image size: 2147483647",
        "clip.vision.image_size, 240, 'v.position_embd.weight: shape [576, 36]'",
        "clip.vision.patch_size, 0, patch_size",
        "clip.vision.patch_size, 7, whole patches",
        "clip.vision.patch_size, 10, 'v.patch_embd.weight: shape [36, 3, 5, 5]'",
        "clip.vision.projection_dim, 40, 'clip.vision.projection_dim: 40 (expected: 36'"
    })
    void sizesThatAreWrong(String key, int value, String named) throws Exception {
        byte[] bytes = sound();
        int at = find(bytes, key) + key.length() + 4;
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(at, value);
        refused(bytes, named);
    }

    @Test
    void numbersThatAreWrong() throws Exception {
        for (float value : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            byte[] bytes = sound();
            // Behind the key: its type, the elements' type and their count.
            int at = find(bytes, "clip.vision.image_std") + "clip.vision.image_std".length() + 4 + 4 + 8;
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(at, value);
            refused(bytes, "deviation");
        }
    }

    @Test
    void endsEarly() throws Exception {
        byte[] bytes = sound();
        for (int tenth = 0; tenth < 10; tenth++) {
            refused(Arrays.copyOf(bytes, bytes.length * tenth / 10), "");
        }
    }

    @Test
    void aTextModelIsNoProjector() {
        assertThatThrownBy(() -> load(Path.of(HostileProjectorTest.class
                        .getResource("/golden/siglip/siglip.json")
                        .toURI())))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining("siglip.json");
    }

    @Test
    void noMutationGivesAnotherFailure() throws Exception {
        byte[] sound = sound();
        int header = find(sound, "v.blk.2.ffn_down.bias") + 200;
        Random random = new Random(17);
        int refused = 0;
        for (int i = 0; i < 200; i++) {
            byte[] bytes = sound.clone();
            for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
                bytes[random.nextInt(header)] = (byte) random.nextInt();
            }
            try {
                load(write(bytes));
            } catch (WeightsException e) {
                assertThat(e).hasMessageContaining(directory.toString());
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(100);
    }

    private void refused(byte[] bytes, String named) throws IOException {
        Path file = write(bytes);
        assertThatThrownBy(() -> load(file))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(named);
    }

    private void load(Path file) {
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(file)) {
            SiglipTower.load(files, kernels, true, arena);
        }
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("mmproj.gguf"), bytes);
    }

    private static byte[] sound() throws IOException {
        return Files.readAllBytes(Golden.path("mmproj.gguf"));
    }

    private static int find(byte[] bytes, String text) {
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
        assertThat(at).as(text).isNotNegative();
        return at;
    }
}
