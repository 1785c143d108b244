package longreach.vision.video;

/**
 * Whether a frame shows something new: it is shrunk to {@value #COLUMNS} x {@value #ROWS} grey cells and held against
 * the last frame that was kept, not the last one seen, so that a slow fade does add up.
 */
final class FrameChange {
    /** 16 x 16 pixels of a 720p frame: about one letter of the smallest text that recognition reads there. */
    static final int COLUMNS = 80;

    static final int ROWS = 45;

    /**
     * By how much one cell must differ, of 255. Coding noise of a still slide at 200 kbit/s stays at or below 4; one
     * changed line of 20-pixel text moves some cell by 30 or more ({@code FrameChangeTest} measures both).
     */
    static final int THRESHOLD = 12;

    private final byte[] kept = new byte[COLUMNS * ROWS];
    private boolean any;

    /** @param cells u8[ROWS, COLUMNS]; copied when the frame is new */
    boolean isNew(byte[] cells) {
        if (any && largestDifference(kept, cells) < THRESHOLD) {
            return false;
        }
        System.arraycopy(cells, 0, kept, 0, kept.length);
        any = true;
        return true;
    }

    static int largestDifference(byte[] a, byte[] b) {
        int largest = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs((a[i] & 255) - (b[i] & 255)));
        }
        return largest;
    }
}
