package longreach.vision.siglip;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import longreach.vision.image.Raster;
import longreach.vision.siglip.PanAndScan.View;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Crops and scaled pixels against transformers' image processor, to the last bit. */
class PixelsTest {
    private static final int SIZE = 40;

    @Test
    void pixelsAreTheReferences() throws Exception {
        float[] expected = Golden.floats("scaled.f32.gz");
        var scaler = new PixelScaler(new SiglipConfig(
                1, 1, 1, 1, SIZE, 1, SIZE, 1e-6f, new float[] {0.5f, 0.5f, 0.5f}, new float[] {0.5f, 0.5f, 0.5f}));
        int at = 0;
        for (JsonNode image : golden().get("scaled")) {
            int width = image.get("width").asInt();
            int height = image.get("height").asInt();
            Raster raster = Golden.noise(width, height, image.get("seed").asInt());
            List<View> views = new ArrayList<>(List.of(View.whole(width, height)));
            if (image.get("cut").asBoolean()) {
                views.addAll(PanAndScan.crops(width, height));
            }
            assertThat(views).hasSize(1 + image.get("crops").asInt());
            for (View view : views) {
                float[] found = new float[3 * SIZE * SIZE + 1];
                scaler.scale(raster, view, found, 1);
                float[] golden = Arrays.copyOfRange(expected, at, at += 3 * SIZE * SIZE);
                assertThat(Arrays.copyOfRange(found, 1, found.length))
                        .as("%s of %d x %d", view, width, height)
                        .isEqualTo(golden);
            }
        }
        assertThat(at).isEqualTo(expected.length);
    }

    @Test
    void cropsAreTheReferences() throws Exception {
        JsonNode crops = golden().get("crops");
        Map<String, List<View>> expected = new TreeMap<>();
        for (JsonNode image : crops.get("cut")) {
            List<View> views = new ArrayList<>();
            for (JsonNode cut : image.get(2)) {
                views.add(new View(
                        cut.get(0).asInt(),
                        cut.get(1).asInt(),
                        cut.get(2).asInt(),
                        cut.get(3).asInt()));
            }
            expected.put(image.get(0).asInt() + " x " + image.get(1).asInt(), views);
        }
        Map<String, List<View>> found = new TreeMap<>();
        for (JsonNode width : crops.get("lengths")) {
            for (JsonNode height : crops.get("lengths")) {
                List<View> views = PanAndScan.crops(width.asInt(), height.asInt());
                if (!views.isEmpty()) {
                    found.put(width.asInt() + " x " + height.asInt(), views);
                }
            }
        }
        assertThat(found).hasSizeGreaterThan(100).isEqualTo(expected);
    }

    @Test
    void aCropOfAnImageDecodedSmallerLiesWithinIt() {
        assertThat(new View(0, 0, 6000, 4000).scaled(6000, 4000, 3000, 2000)).isEqualTo(View.whole(3000, 2000));
        assertThat(new View(3000, 0, 3000, 2500).scaled(6000, 2500, 2000, 834)).isEqualTo(new View(1000, 0, 1000, 834));
        assertThat(new View(5999, 0, 1, 2500).scaled(6000, 2500, 2, 1)).isEqualTo(new View(1, 0, 1, 1));
    }

    private static JsonNode golden() throws Exception {
        try (var in = PixelsTest.class.getResourceAsStream("/golden/siglip/siglip.json")) {
            return JsonMapper.shared().readTree(in);
        }
    }
}
