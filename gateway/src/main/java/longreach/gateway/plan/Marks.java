package longreach.gateway.plan;

import longreach.v1.SourceMark;

/** Marks as the model and people read them, and as fragments of an address. */
public final class Marks {
    private Marks() {}

    /** {@code page 3}, {@code 01:05-01:12}, or empty. */
    public static String label(SourceMark mark) {
        if (mark.getPage() > 0) {
            return "page " + mark.getPage();
        }
        if (mark.getEndMs() > 0 || mark.getStartMs() > 0) {
            return clock(mark.getStartMs()) + "-" + clock(Math.max(mark.getEndMs(), mark.getStartMs()));
        }
        return "";
    }

    /** {@code #page=3} as PDF viewers read it, {@code #t=65,72} as media fragments do, or empty. */
    public static String fragment(SourceMark mark) {
        if (mark.getPage() > 0) {
            return "#page=" + mark.getPage();
        }
        if (mark.getEndMs() > 0 || mark.getStartMs() > 0) {
            return "#t=" + seconds(mark.getStartMs()) + "," + seconds(Math.max(mark.getEndMs(), mark.getStartMs()));
        }
        return "";
    }

    /** MM:SS, or H:MM:SS from an hour on. */
    static String clock(long millis) {
        long seconds = millis / 1000;
        return seconds < 3600
                ? String.format("%02d:%02d", seconds / 60, seconds % 60)
                : String.format("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }

    private static String seconds(long millis) {
        return millis % 1000 == 0 ? Long.toString(millis / 1000) : String.format("%.1f", millis / 1000.0);
    }
}
