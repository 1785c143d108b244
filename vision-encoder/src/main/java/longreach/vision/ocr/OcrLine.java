package longreach.vision.ocr;

import java.util.List;

/**
 * One recognised line. The box is upright and in pixels of the page as it stands upright.
 *
 * @param confidence mean probability of the line's characters, 0 to 1
 */
public record OcrLine(String text, float left, float top, float right, float bottom, float confidence) {
    /** Mean over lines; 0 when there are none. */
    public static float confidence(List<OcrLine> lines) {
        return (float) lines.stream().mapToDouble(OcrLine::confidence).average().orElse(0);
    }
}
