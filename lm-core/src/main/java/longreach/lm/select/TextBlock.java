package longreach.lm.select;

/** A run of positions [start, end) that a question may be shown, and how well it fits it; scores are the selector's own. */
public record TextBlock(int start, int end, float score) {
    boolean overlaps(TextBlock other) {
        return start < other.end && other.start < end;
    }
}
