package longreach.vision.image;

import java.awt.image.BufferedImage;

/**
 * An image in memory: {@code pixels[y * width + x]} is 0xRRGGBB. The array is owned by the raster; readers borrow it.
 */
public record Raster(int width, int height, int[] pixels) {
    public Raster {
        if (width < 1 || height < 1 || (long) width * height != pixels.length) {
            throw new IllegalArgumentException("raster: " + width + "x" + height + " with " + pixels.length
                    + " pixels (expected: width * height of them, both at least 1)");
        }
    }

    /** Transparent pixels are laid on white, as paper would be. */
    public static Raster of(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        int[] pixels = image.getRGB(0, 0, width, height, null, 0, width);
        if (image.getColorModel().hasAlpha()) {
            for (int i = 0; i < pixels.length; i++) {
                int alpha = pixels[i] >>> 24;
                pixels[i] = onWhite(pixels[i] >> 16 & 255, alpha) << 16
                        | onWhite(pixels[i] >> 8 & 255, alpha) << 8
                        | onWhite(pixels[i] & 255, alpha);
            }
        } else {
            for (int i = 0; i < pixels.length; i++) {
                pixels[i] &= 0xFFFFFF;
            }
        }
        return new Raster(width, height, pixels);
    }

    /** @param bytes blue, green, red, alpha of each pixel, u8[height, width, 4]; copied */
    public static Raster ofBgra(byte[] bytes, int width, int height) {
        int[] pixels = new int[width * height];
        for (int i = 0; i < pixels.length; i++) {
            int alpha = bytes[4 * i + 3] & 255;
            int red = bytes[4 * i + 2] & 255;
            int green = bytes[4 * i + 1] & 255;
            int blue = bytes[4 * i] & 255;
            pixels[i] = alpha == 255
                    ? red << 16 | green << 8 | blue
                    : onWhite(red, alpha) << 16 | onWhite(green, alpha) << 8 | onWhite(blue, alpha);
        }
        return new Raster(width, height, pixels);
    }

    private static int onWhite(int value, int alpha) {
        return (value * alpha + 255 * (255 - alpha) + 127) / 255;
    }

    /** Turned clockwise by a multiple of 90 degrees. */
    public Raster turned(int degrees) {
        int quarters = Math.floorMod(degrees, 360) / 90;
        if (quarters == 0) {
            return this;
        }
        boolean sideways = quarters != 2;
        int w = sideways ? height : width;
        int h = sideways ? width : height;
        int[] out = new int[pixels.length];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                out[y * w + x] = switch (quarters) {
                    case 1 -> pixels[(height - 1 - x) * width + y];
                    case 2 -> pixels[(height - 1 - y) * width + (width - 1 - x)];
                    default -> pixels[x * width + (width - 1 - y)];
                };
            }
        }
        return new Raster(w, h, out);
    }

    public Raster mirrored() {
        int[] out = new int[pixels.length];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                out[y * width + x] = pixels[y * width + (width - 1 - x)];
            }
        }
        return new Raster(width, height, out);
    }
}
