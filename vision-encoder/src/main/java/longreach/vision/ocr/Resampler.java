package longreach.vision.ocr;

import longreach.vision.image.Raster;

/** Scaled and turned samples of a raster as planar f32, ready for a network. */
final class Resampler {
    private Resampler() {}

    /**
     * The whole image at another size. Shrinking averages over the area each output pixel covers, since thin strokes
     * would otherwise fall between samples; enlarging is bilinear.
     *
     * @return blue, green, red planes in 0..255, f32[3, height, width]
     */
    static float[] scaled(Raster image, int width, int height) {
        float[] out = new float[3 * width * height];
        double stepX = (double) image.width() / width;
        double stepY = (double) image.height() / height;
        int plane = width * height;
        int taps = Math.max(1, (int) Math.ceil(Math.max(stepX, stepY)));
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                sample(
                        image,
                        (x + 0.5) * stepX,
                        (y + 0.5) * stepY,
                        stepX,
                        0,
                        0,
                        stepY,
                        taps,
                        out,
                        y * width + x,
                        plane);
            }
        }
        return out;
    }

    /**
     * A region laid flat, its width axis along x.
     *
     * @param turned reads it upside down
     * @param padded columns of the result; those from {@code width} on stay 0
     * @return blue, green, red planes scaled to -1..1, f32[3, height, padded]
     */
    static float[] flattened(Raster image, TextRegion region, int width, int height, int padded, boolean turned) {
        float[] out = new float[3 * height * padded];
        int plane = height * padded;
        double alongX = region.ux();
        double alongY = region.uy();
        double acrossX = -region.uy();
        double acrossY = region.ux();
        double along = region.width();
        double across = region.height();
        if (region.vertical()) {
            // Read from bottom to top, as on the spine of a chart.
            double x = alongX;
            double y = alongY;
            alongX = -acrossX;
            alongY = -acrossY;
            acrossX = x;
            acrossY = y;
            along = region.height();
            across = region.width();
        }
        if (turned) {
            alongX = -alongX;
            alongY = -alongY;
            acrossX = -acrossX;
            acrossY = -acrossY;
        }
        double stepU = along / width;
        double stepV = across / height;
        int taps = Math.max(1, (int) Math.ceil(Math.max(stepU, stepV)));
        for (int y = 0; y < height; y++) {
            double v = (y + 0.5) * stepV - across / 2;
            for (int x = 0; x < width; x++) {
                double u = (x + 0.5) * stepU - along / 2;
                sample(
                        image,
                        region.centreX() + u * alongX + v * acrossX,
                        region.centreY() + u * alongY + v * acrossY,
                        alongX * stepU,
                        alongY * stepU,
                        acrossX * stepV,
                        acrossY * stepV,
                        taps,
                        out,
                        y * padded + x,
                        plane);
            }
        }
        for (int c = 0; c < 3; c++) {
            for (int y = 0; y < height; y++) {
                int row = c * plane + y * padded;
                for (int x = 0; x < width; x++) {
                    out[row + x] = out[row + x] / 127.5f - 1;
                }
            }
        }
        return out;
    }

    /** Mean of taps * taps bilinear samples spread over the parallelogram (du, dv) around (x, y). */
    private static void sample(
            Raster image,
            double x,
            double y,
            double duX,
            double duY,
            double dvX,
            double dvY,
            int taps,
            float[] out,
            int at,
            int plane) {
        float red = 0;
        float green = 0;
        float blue = 0;
        int[] pixels = image.pixels();
        int w = image.width();
        int maxX = w - 1;
        int maxY = image.height() - 1;
        for (int j = 0; j < taps; j++) {
            double v = (j + 0.5) / taps - 0.5;
            for (int i = 0; i < taps; i++) {
                double u = (i + 0.5) / taps - 0.5;
                double px = Math.clamp(x + u * duX + v * dvX - 0.5, 0, maxX);
                double py = Math.clamp(y + u * duY + v * dvY - 0.5, 0, maxY);
                int x0 = (int) px;
                int y0 = (int) py;
                int x1 = Math.min(x0 + 1, maxX);
                int y1 = Math.min(y0 + 1, maxY);
                float fx = (float) (px - x0);
                float fy = (float) (py - y0);
                int a = pixels[y0 * w + x0];
                int b = pixels[y0 * w + x1];
                int c = pixels[y1 * w + x0];
                int d = pixels[y1 * w + x1];
                float wa = (1 - fx) * (1 - fy);
                float wb = fx * (1 - fy);
                float wc = (1 - fx) * fy;
                float wd = fx * fy;
                red += (a >> 16 & 255) * wa + (b >> 16 & 255) * wb + (c >> 16 & 255) * wc + (d >> 16 & 255) * wd;
                green += (a >> 8 & 255) * wa + (b >> 8 & 255) * wb + (c >> 8 & 255) * wc + (d >> 8 & 255) * wd;
                blue += (a & 255) * wa + (b & 255) * wb + (c & 255) * wc + (d & 255) * wd;
            }
        }
        float scale = 1f / (taps * taps);
        out[at] = blue * scale;
        out[plane + at] = green * scale;
        out[2 * plane + at] = red * scale;
    }
}
