package longreach.gateway.plan;

/** The settings' names of the layouts. */
public enum LayoutChoice {
    BEST_PIECES("best-pieces"),
    WHOLE("whole"),
    SANDWICH("sandwich");

    private final String label;

    LayoutChoice(String label) {
        this.label = label;
    }

    /** As it is written in settings and receipts. */
    public String label() {
        return label;
    }
}
