package longreach.vision.siglip;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import longreach.vision.image.Raster;

/** The files of tests/golden/make_siglip.py. */
final class Golden {
    private Golden() {}

    static Path path(String name) {
        try {
            return Path.of(Golden.class.getResource("/golden/siglip/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static float[] floats(String name) throws IOException {
        try (var in = new GZIPInputStream(Golden.class.getResourceAsStream("/golden/siglip/" + name))) {
            var buffer = ByteBuffer.wrap(in.readAllBytes())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer();
            float[] floats = new float[buffer.remaining()];
            buffer.get(floats);
            return floats;
        }
    }

    /** The script's noise. */
    static Raster noise(int width, int height, int seed) {
        int[] pixels = new int[width * height];
        for (int i = 0; i < pixels.length; i++) {
            for (int c = 0; c < 3; c++) {
                int mixed = i % width * 73_856_093 ^ i / width * 19_349_663 ^ (c + 3 * seed) * 83_492_791;
                pixels[i] = pixels[i] << 8 | mixed >> 7 & 255;
            }
        }
        return new Raster(width, height, pixels);
    }

    /** Largest difference over the largest value. */
    static double relative(float[] found, float[] expected) {
        if (found.length != expected.length) {
            throw new AssertionError(found.length + " values (expected: " + expected.length + ")");
        }
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            double difference = Math.abs((double) found[i] - expected[i]);
            worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        return worst / largest;
    }
}
