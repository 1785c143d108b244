package longreach.tests.eyes;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import javax.imageio.ImageIO;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The files of tests/golden/make_eyes.py: a tiny model that sees, and what the reference says of pictures. */
final class EyesGolden {
    static final Path DIRECTORY = Path.of("src/test/resources/golden/eyes");
    static final Path MODEL = DIRECTORY.resolve("model");

    private EyesGolden() {}

    static JsonNode prompt(String name) throws IOException {
        JsonNode all = JsonMapper.shared().readTree(Files.readAllBytes(DIRECTORY.resolve("eyes.json")));
        for (JsonNode prompt : all.get("prompts")) {
            if (prompt.get("name").asString().equals(name)) {
                return prompt;
            }
        }
        throw new IllegalArgumentException(name);
    }

    static float[] floats(String name) throws IOException {
        try (var in = new GZIPInputStream(Files.newInputStream(DIRECTORY.resolve(name)))) {
            var buffer = ByteBuffer.wrap(in.readAllBytes())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer();
            float[] floats = new float[buffer.remaining()];
            buffer.get(floats);
            return floats;
        }
    }

    static int[] ints(JsonNode array) {
        return array.values().stream().mapToInt(JsonNode::asInt).toArray();
    }

    /** The pictures of a prompt, in order, each [width, height, seed]. */
    static List<int[]> pictures(JsonNode prompt) {
        return prompt.get("items").values().stream()
                .filter(JsonNode::isArray)
                .map(EyesGolden::ints)
                .toList();
    }

    /** The script's noise, 0xRRGGBB. */
    static int[] noise(int width, int height, int seed) {
        int[] pixels = new int[width * height];
        for (int i = 0; i < pixels.length; i++) {
            for (int c = 0; c < 3; c++) {
                int mixed = i % width * 73_856_093 ^ i / width * 19_349_663 ^ (c + 3 * seed) * 83_492_791;
                pixels[i] = pixels[i] << 8 | mixed >> 7 & 255;
            }
        }
        return pixels;
    }

    static byte[] png(int width, int height, int seed) throws IOException {
        var image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, width, height, noise(width, height, seed), 0, width);
        var out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }
}
