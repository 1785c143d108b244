package longreach.vision.ocr;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Finds the spaces between words in the picture of a line. The recogniser's alphabet is mostly Chinese, and it leaves
 * out many spaces of Latin text; but a space is a run of columns without ink that is wider than those between letters.
 */
final class WordGaps {
    // Of the ink's height, from descender to ascender, about 0.93 em. A word space is 0.25 em and more, with the side
    // bearings of its neighbours about 0.3; the widest gaps inside words are 0.15.
    private static final float MIN_OF_INK = 0.2f;
    // Lines of small letters only have little ink height.
    private static final float MIN_OF_LINE = 0.11f;
    // Letter-spaced and monospaced text: a word gap is still twice as wide as the usual one.
    private static final float MIN_OF_MEDIAN = 2f;
    private static final float INK_CONTRAST = 0.35f;
    private static final float LEAST_CONTRAST = 0.15f;

    private WordGaps() {}

    /**
     * @param line blue, green, red planes in -1..1, f32[3, height, padded]
     * @param width columns that hold the line
     * @return middles of the gaps, in columns, ascending
     */
    static List<Float> find(float[] line, int width, int height, int padded) {
        float[] grey = new float[width * height];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int at = y * padded + x;
                grey[y * width + x] = 0.114f * line[at]
                        + 0.587f * line[height * padded + at]
                        + 0.299f * line[2 * height * padded + at];
            }
        }
        float[] sorted = grey.clone();
        Arrays.sort(sorted);
        // Ink covers less than half of a line, so the median is paper.
        float paper = sorted[sorted.length / 2];
        float contrast =
                Math.max(paper - sorted[sorted.length / 100], sorted[sorted.length - 1 - sorted.length / 100] - paper);
        if (contrast < LEAST_CONTRAST) {
            return List.of();
        }
        boolean[] inked = new boolean[width];
        int top = height;
        int bottom = -1;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                if (Math.abs(grey[y * width + x] - paper) > INK_CONTRAST * contrast) {
                    inked[x] = true;
                    top = Math.min(top, y);
                    bottom = y;
                }
            }
        }
        var gaps = new ArrayList<int[]>();
        int last = -1;
        for (int x = 0; x < width; x++) {
            if (inked[x]) {
                if (last >= 0 && x - last > 1) {
                    gaps.add(new int[] {last + 1, x});
                }
                last = x;
            }
        }
        if (gaps.isEmpty()) {
            return List.of();
        }
        int[] widths = gaps.stream().mapToInt(gap -> gap[1] - gap[0]).sorted().toArray();
        float least = Math.max(MIN_OF_INK * (bottom - top + 1), MIN_OF_LINE * height);
        // With few gaps the median may be a word gap itself.
        if (widths.length >= 8) {
            least = Math.max(least, MIN_OF_MEDIAN * widths[widths.length / 2]);
        }
        float limit = least;
        return gaps.stream()
                .filter(gap -> gap[1] - gap[0] >= limit)
                .map(gap -> (gap[0] + gap[1]) / 2f)
                .toList();
    }
}
