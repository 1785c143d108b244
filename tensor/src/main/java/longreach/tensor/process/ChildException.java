package longreach.tensor.process;

/** A child that gave no whole answer. The message says what happened to it, without any content. */
public final class ChildException extends Exception {
    private static final long serialVersionUID = 1;

    public enum Cause {
        /** It ended by itself: a crash, or the limit of its memory. */
        DIED,
        /** No sign of progress for as long as it may be silent. */
        SILENT,
        /** What it sent is no message. */
        BROKEN,
        /** The thread that waited for it was interrupted. */
        INTERRUPTED,
        /** It could not be started. */
        UNAVAILABLE
    }

    private final Cause kind;

    ChildException(Cause kind, String message) {
        super(message);
        this.kind = kind;
    }

    ChildException(Cause kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Cause kind() {
        return kind;
    }
}
