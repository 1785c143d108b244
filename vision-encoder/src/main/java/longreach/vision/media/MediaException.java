package longreach.vision.media;

/** Media that cannot be encoded, and why. The message gives the value and what was expected; it is shown to callers. */
public final class MediaException extends Exception {
    private static final long serialVersionUID = 1;

    public enum Fault {
        /** The bytes or the request are wrong. */
        INVALID,
        /** More than the configured limit. */
        TOO_LARGE,
        /** Too much to do at present. */
        BUSY,
        /** The caller left. */
        CANCELLED
    }

    private final Fault fault;

    private MediaException(Fault fault, String message, Throwable cause) {
        super(message, cause);
        this.fault = fault;
    }

    public Fault fault() {
        return fault;
    }

    public static MediaException invalid(String message) {
        return new MediaException(Fault.INVALID, message, null);
    }

    public static MediaException invalid(String message, Throwable cause) {
        return new MediaException(Fault.INVALID, message, cause);
    }

    public static MediaException tooLarge(String message) {
        return new MediaException(Fault.TOO_LARGE, message, null);
    }

    public static MediaException busy(String message) {
        return new MediaException(Fault.BUSY, message, null);
    }

    public static MediaException cancelled() {
        return new MediaException(Fault.CANCELLED, "the caller left", null);
    }
}
