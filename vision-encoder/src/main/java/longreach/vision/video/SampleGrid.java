package longreach.vision.video;

/**
 * When frames are looked at: at the start of a clip and then once in each interval. Of the frames at or behind such a
 * time the first one stands for it.
 *
 * @param startMillis of the clip
 * @param intervalMillis more than 0
 */
record SampleGrid(long startMillis, double intervalMillis) {
    SampleGrid {
        if (startMillis < 0 || !(intervalMillis > 0)) {
            throw new IllegalArgumentException(
                    "grid: from " + startMillis + " every " + intervalMillis + " ms (expected: from 0 on, above 0)");
        }
    }

    /** Container clocks count in thousandths or coarser: a frame may be written a millisecond before its time. */
    static boolean reaches(long millis, double due) {
        return millis + 1 >= due;
    }

    /** The first sampling time behind a frame at or behind the start. */
    double after(long millis) {
        return startMillis + (Math.floor((millis + 1 - startMillis) / intervalMillis) + 1) * intervalMillis;
    }
}
