package longreach.vision.siglip;

import java.util.Arrays;
import longreach.vision.image.Raster;
import longreach.vision.siglip.PanAndScan.View;

/**
 * Pixels to what the tower sees: a square, whatever the ratio of the sides was, by antialiased bilinear interpolation;
 * then normalised. Bit for bit what transformers 5.24.0's {@code Gemma3ImageProcessor} makes, which interpolates bytes
 * through torchvision: along the rows first, then along the columns, each rounded to a byte, with weights rounded to as
 * many bits as the largest of them lets 16 hold.
 */
final class PixelScaler {
    private static final int CHANNELS = 3;

    private final int size;
    // Normalised value of each byte, per channel.
    private final float[][] values = new float[CHANNELS][256];

    PixelScaler(SiglipConfig config) {
        size = config.imageSize();
        for (int c = 0; c < CHANNELS; c++) {
            float mean = config.mean()[c] * 255;
            float deviation = config.deviation()[c] * 255;
            for (int value = 0; value < 256; value++) {
                values[c][value] = (value - mean) / deviation;
            }
        }
    }

    /**
     * @param out receives f32[3, size, size] from {@code offset}: red, green, blue
     */
    void scale(Raster image, View view, float[] out, int offset) {
        Weights across = Weights.of(view.width(), size);
        Weights down = Weights.of(view.height(), size);
        byte[][] rows = new byte[CHANNELS][Math.multiplyExact(view.height(), size)];
        int[] pixels = image.pixels();
        for (int y = 0; y < view.height(); y++) {
            int line = (view.y() + y) * image.width() + view.x();
            for (int x = 0; x < size; x++) {
                int red = across.half();
                int green = across.half();
                int blue = across.half();
                int first = across.first[x];
                for (int i = 0; i < across.count[x]; i++) {
                    int weight = across.weights[x * across.most + i];
                    int pixel = pixels[line + first + i];
                    red += weight * (pixel >> 16 & 255);
                    green += weight * (pixel >> 8 & 255);
                    blue += weight * (pixel & 255);
                }
                rows[0][y * size + x] = across.rounded(red);
                rows[1][y * size + x] = across.rounded(green);
                rows[2][y * size + x] = across.rounded(blue);
            }
        }
        int[] sums = new int[size];
        for (int c = 0; c < CHANNELS; c++) {
            for (int y = 0; y < size; y++) {
                Arrays.fill(sums, down.half());
                for (int i = 0; i < down.count[y]; i++) {
                    int weight = down.weights[y * down.most + i];
                    int line = (down.first[y] + i) * size;
                    for (int x = 0; x < size; x++) {
                        sums[x] += weight * (rows[c][line + x] & 255);
                    }
                }
                int to = offset + (c * size + y) * size;
                for (int x = 0; x < size; x++) {
                    out[to + x] = values[c][down.rounded(sums[x]) & 255];
                }
            }
        }
    }

    /**
     * For each place of the result, the places of the source that it comes from and their shares, of 2^precision.
     *
     * @param most length of one place's row in weights
     */
    private record Weights(int[] first, int[] count, int[] weights, int most, int precision) {
        /** Most bits of a share: the reference's. */
        private static final int MOST_PRECISION = 22;

        static Weights of(int from, int to) {
            double scale = (double) from / to;
            double reach = Math.max(scale, 1);
            int most = (int) Math.ceil(reach) * 2 + 1;
            int[] first = new int[to];
            int[] count = new int[to];
            double[] shares = new double[Math.multiplyExact(to, most)];
            double largest = 0;
            for (int place = 0; place < to; place++) {
                double centre = scale * (place + 0.5);
                first[place] = Math.max(0, (int) (centre - reach + 0.5));
                count[place] = Math.clamp(Math.min((int) (centre + reach + 0.5), from) - first[place], 0, most);
                double sum = 0;
                for (int i = 0; i < count[place]; i++) {
                    double distance = Math.abs((i + first[place] - centre + 0.5) * (1 / reach));
                    shares[place * most + i] = Math.max(0, 1 - distance);
                    sum += shares[place * most + i];
                }
                for (int i = 0; i < count[place]; i++) {
                    shares[place * most + i] /= sum;
                    largest = Math.max(largest, shares[place * most + i]);
                }
            }
            int precision = 0;
            while (precision < MOST_PRECISION && (int) (0.5 + largest * (1 << precision + 1)) < 1 << 15) {
                precision++;
            }
            int[] weights = new int[shares.length];
            for (int i = 0; i < weights.length; i++) {
                weights[i] = (int) (0.5 + shares[i] * (1 << precision));
            }
            return new Weights(first, count, weights, most, precision);
        }

        /** What makes the shift below round. */
        int half() {
            return precision == 0 ? 0 : 1 << precision - 1;
        }

        byte rounded(int sum) {
            return (byte) Math.clamp(sum >> precision, 0, 255);
        }
    }
}
