package longreach.vision.siglip;

import java.util.ArrayList;
import java.util.List;

/**
 * The crops of Gemma 3's pan and scan ("Gemma 3 Technical Report", arXiv 2503.19786, section 2.1): a long image is cut
 * along its longer side into pieces that are nearer to squares, each seen by itself beside the whole. The numbers are those
 * of transformers' {@code Gemma3Processor}.
 */
public final class PanAndScan {
    private static final double LEAST_RATIO = 1.2;
    private static final int LEAST_SIDE = 256;
    private static final int MOST_CROPS = 4;

    private PanAndScan() {}

    /** A part of an image, in pixels from its upper left corner. */
    public record View(int x, int y, int width, int height) {
        public static View whole(int width, int height) {
            return new View(0, 0, width, height);
        }

        /** The same part of an image that was decoded at another size. */
        View scaled(int width, int height, int toWidth, int toHeight) {
            int left = along(x, width, toWidth);
            int top = along(y, height, toHeight);
            int right = Math.max(left + 1, along(x + this.width, width, toWidth));
            int bottom = Math.max(top + 1, along(y + this.height, height, toHeight));
            return new View(left, top, Math.min(right, toWidth) - left, Math.min(bottom, toHeight) - top);
        }

        private static int along(int at, int size, int toSize) {
            return (int) Math.min(Math.round((double) at * toSize / size), toSize - (at < size ? 1 : 0));
        }
    }

    /** Left to right, or from top to bottom; none for an image that is near a square or too small to be cut. */
    static List<View> crops(int width, int height) {
        boolean wide = width >= height;
        int longer = wide ? width : height;
        double ratio = (double) longer / (wide ? height : width);
        if (ratio < LEAST_RATIO) {
            return List.of();
        }
        int n = Math.clamp(Math.min((int) Math.floor(ratio + 0.5), longer / LEAST_SIDE), 2, MOST_CROPS);
        int cut = Math.ceilDiv(longer, n);
        if (Math.min(cut, wide ? height : width) < LEAST_SIDE) {
            return List.of();
        }
        List<View> crops = new ArrayList<>();
        for (int from = 0; from < n * cut; from += cut) {
            // The last one is what is left.
            int length = Math.min(cut, longer - from);
            crops.add(wide ? new View(from, 0, length, height) : new View(0, from, width, length));
        }
        return crops;
    }
}
