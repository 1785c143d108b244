package longreach.vision.ocr;

/**
 * A rotated rectangle that holds a line of text, in pixels. (ux, uy) is the unit vector along its width, and
 * (-uy, ux) the one along its height.
 *
 * @param score mean text probability inside, 0 to 1
 */
record TextRegion(float centreX, float centreY, float width, float height, float ux, float uy, float score) {
    float left() {
        return centreX - halfSpanX();
    }

    float right() {
        return centreX + halfSpanX();
    }

    float top() {
        return centreY - halfSpanY();
    }

    float bottom() {
        return centreY + halfSpanY();
    }

    private float halfSpanX() {
        return (Math.abs(ux) * width + Math.abs(uy) * height) / 2;
    }

    private float halfSpanY() {
        return (Math.abs(uy) * width + Math.abs(ux) * height) / 2;
    }

    /** Stands upright and is much taller than wide: text that runs up or down the page. */
    boolean vertical() {
        return height >= 1.5f * width;
    }
}
