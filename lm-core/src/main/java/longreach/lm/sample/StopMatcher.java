package longreach.lm.sample;

import java.util.List;

/** Finds stop sequences in text that arrives in pieces, and holds back what might be the beginning of one. */
public final class StopMatcher {
    private final List<String> stops;
    private String held = "";
    private String matched;
    private String after = "";

    public StopMatcher(List<String> stops) {
        this.stops = List.copyOf(stops);
    }

    /**
     * Adds text.
     *
     * @return what is certainly part of the answer now; once a stop is found, the text before it
     */
    public String add(String text) {
        if (matched != null || stops.isEmpty()) {
            return matched != null ? "" : text;
        }
        String all = held + text;
        int first = -1;
        for (String stop : stops) {
            int at = all.indexOf(stop);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
                matched = stop;
            }
        }
        if (matched != null) {
            held = "";
            after = all.substring(first + matched.length());
            return all.substring(0, first);
        }
        int keep = heldLength(all);
        held = all.substring(all.length() - keep);
        return all.substring(0, all.length() - keep);
    }

    /** The stop that was found, or null. */
    public String matched() {
        return matched;
    }

    /** What followed the stop in the text that it was found in. */
    public String afterMatch() {
        return after;
    }

    /** What is held back, when nothing more follows. */
    public String end() {
        String rest = held;
        held = "";
        return rest;
    }

    /** Length of the longest end of the text that is a beginning of a stop. */
    private int heldLength(String text) {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, text.length()); n > longest; n--) {
                if (text.regionMatches(text.length() - n, stop, 0, n)) {
                    longest = n;
                    break;
                }
            }
        }
        return longest;
    }
}
