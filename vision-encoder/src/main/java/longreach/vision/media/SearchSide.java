package longreach.vision.media;

import longreach.v1.MediaOptions;

/**
 * To what longest side an image is shrunk before text is looked for. The time grows with its square. A4 print of 9
 * points is about 17 pixels tall at 1600, and still found at 1280; on-screen text is larger.
 */
public final class SearchSide {
    private SearchSide() {}

    public static int ofPage(MediaOptions options) {
        return switch (options.getResolution()) {
            case LOW -> 960;
            case HIGH -> 2048;
            case MEDIUM, RESOLUTION_UNSPECIFIED, UNRECOGNIZED -> 1408;
        };
    }

    public static int ofFrame(MediaOptions options) {
        return switch (options.getResolution()) {
            case LOW -> 640;
            case HIGH -> 1280;
            case MEDIUM, RESOLUTION_UNSPECIFIED, UNRECOGNIZED -> 960;
        };
    }
}
