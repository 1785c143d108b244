package longreach.vision.layout;

import longreach.vision.ocr.OcrLine;

/**
 * A run of text on one line with its upright box; y grows downward. The unit is the source's (points or pixels): only
 * proportions are used.
 */
public record Fragment(String text, float left, float top, float right, float bottom) {
    public static Fragment of(OcrLine line) {
        return new Fragment(line.text(), line.left(), line.top(), line.right(), line.bottom());
    }

    float height() {
        return bottom - top;
    }

    float middle() {
        return (top + bottom) / 2;
    }
}
