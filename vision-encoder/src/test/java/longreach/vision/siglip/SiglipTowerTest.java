package longreach.vision.siglip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CancellationException;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.WeightsException;
import longreach.vision.image.Raster;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A tiny random tower against transformers in f32; tests/golden/README.md tells how the files were made. */
class SiglipTowerTest {
    private static final int SIDE = 6;

    private static ComputePool pool;

    @BeforeAll
    static void open() {
        pool = new ComputePool(2);
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void softTokensAreTheReferences(String kernels) throws Exception {
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(Golden.path("tower"))) {
            var tower = SiglipTower.load(files, KernelSelector.create(kernels, pool), true, arena);
            float[] both = pixels(tower.config(), 0, 1);
            double worst = Golden.relative(tower.encode(both, 2, SIDE, () -> {}), Golden.floats("soft.f32.gz"));
            double low = Golden.relative(tower.encode(both, 2, SIDE / 2, () -> {}), Golden.floats("soft-low.f32.gz"));
            System.out.printf("siglip, %s: relative difference %.1e, pooled wider %.1e%n", kernels, worst, low);
            assertThat(worst).isLessThan(1e-5);
            assertThat(low).isLessThan(1e-5);
            assertThat(tower.textWidth()).isEqualTo(36);
        }
    }

    @Test
    void theSameTowerFromGguf() throws Exception {
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(Golden.path("mmproj.gguf"))) {
            var tower = SiglipTower.load(files, vector(), true, arena);
            float[] soft = tower.encode(pixels(tower.config(), 0, 1), 2, SIDE, () -> {});
            double worst = Golden.relative(soft, Golden.floats("soft-gguf.f32.gz"));
            System.out.printf("siglip, GGUF: relative difference %.1e%n", worst);
            assertThat(worst).isLessThan(1e-5);
        }
    }

    @Test
    void anImageIsTheSameAloneAndAmongOthers() throws Exception {
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(Golden.path("tower"))) {
            var tower = SiglipTower.load(files, vector(), true, arena);
            float[] both = tower.encode(pixels(tower.config(), 0, 1), 2, SIDE, () -> {});
            float[] second = tower.encode(pixels(tower.config(), 1), 1, SIDE, () -> {});
            float[] expected = Arrays.copyOfRange(both, both.length / 2, both.length);
            assertThat(Golden.relative(second, expected)).isLessThan(1e-6);
        }
    }

    @Test
    void fastIsNear() throws Exception {
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(Golden.path("tower"))) {
            var tower = SiglipTower.load(files, vector(), false, arena);
            float[] soft = tower.encode(pixels(tower.config(), 0, 1), 2, SIDE, () -> {});
            assertThat(Golden.relative(soft, Golden.floats("soft.f32.gz"))).isLessThan(1e-3);
        }
    }

    @Test
    void whoLeavesEndsTheComputation() throws Exception {
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(Golden.path("tower"))) {
            var tower = SiglipTower.load(files, vector(), true, arena);
            int[] layers = {0};
            assertThatThrownBy(() -> tower.encode(pixels(tower.config(), 0), 1, SIDE, () -> {
                        if (++layers[0] == 3) {
                            throw new CancellationException();
                        }
                    }))
                    .isInstanceOf(CancellationException.class);
            assertThat(layers[0]).isEqualTo(3);
        }
    }

    @Test
    void wrongCallsAreRefused() throws Exception {
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(Golden.path("tower"))) {
            var tower = SiglipTower.load(files, vector(), true, arena);
            assertThatThrownBy(() -> tower.encode(new float[9], 1, SIDE, () -> {}))
                    .hasMessageContaining("pixels: 9 (expected: 1 images of 43200 values)");
            float[] one = pixels(tower.config(), 0);
            assertThatThrownBy(() -> tower.encode(one, 1, 7, () -> {})).hasMessageContaining("a divisor of 24");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"hidden_size\": 36 -> \"hidden_size\": 40 -> layer_norm1",
                "\"hidden_size\": 36 -> \"hidden_size\": 35 -> whole heads",
                "\"num_hidden_layers\": 3 -> \"num_hidden_layers\": 4 -> encoder.layers.3.layer_norm1.weight: missing",
                "\"num_hidden_layers\": 3 -> \"num_hidden_layers\": 100000000 -> layers: 100000000",
                "\"patch_size\": 5 -> \"patch_size\": 0 -> patch size: 0",
                "\"image_size\": 120 -> \"image_size\": 119 -> whole patches",
                "\"image_size\": 120 -> \"image_size\": 2000000000 -> image size: 2000000000",
                "\"mm_tokens_per_image\": 36 -> \"mm_tokens_per_image\": 35 -> mm_tokens_per_image: 35",
                "\"mm_tokens_per_image\": 36 -> \"mm_tokens_per_image\": 25 -> whole tokens",
                "gelu_pytorch_tanh\", -> relu\", -> hidden_act: relu",
                "siglip_vision_model -> clip_vision_model -> model_type: clip_vision_model",
                "\"vision_config\" -> \"tower_config\" -> vision_config: missing"
            })
    void aBrokenCheckpointIsRefusedByName(String change, @TempDir Path broken) throws Exception {
        String[] parts = change.split(" -> ");
        for (String name : new String[] {"config.json", "model.safetensors", "preprocessor_config.json"}) {
            Files.copy(Golden.path("tower/" + name), broken.resolve(name));
        }
        String config = Files.readString(broken.resolve("config.json"));
        // The text model's part comes first and has values of the same names.
        int vision = config.indexOf("\"vision_config\"");
        int at = config.indexOf(parts[0], parts[0].startsWith("\"mm") ? 0 : vision);
        Files.writeString(
                broken.resolve("config.json"),
                config.substring(0, at) + parts[1] + config.substring(at + parts[0].length()));
        try (Arena arena = Arena.ofShared();
                ModelFiles files = ModelFiles.open(broken)) {
            assertThatThrownBy(() -> SiglipTower.load(files, vector(), true, arena))
                    .isInstanceOf(WeightsException.class)
                    .hasMessageContaining(broken.toString())
                    .hasMessageContaining(parts[2]);
        }
    }

    private static Kernels vector() {
        return KernelSelector.create("vector", pool);
    }

    private static float[] pixels(SiglipConfig config, int... seeds) {
        float[] pixels = new float[seeds.length * config.imageValues()];
        int plane = config.imageSize() * config.imageSize();
        for (int n = 0; n < seeds.length; n++) {
            Raster raster = Golden.noise(config.imageSize(), config.imageSize(), seeds[n]);
            for (int i = 0; i < 3 * plane; i++) {
                int value = raster.pixels()[i % plane] >> 16 - 8 * (i / plane) & 255;
                pixels[n * 3 * plane + i] = (value - 127.5f) / 127.5f;
            }
        }
        return pixels;
    }
}
