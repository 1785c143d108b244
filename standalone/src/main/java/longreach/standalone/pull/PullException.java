package longreach.standalone.pull;

/** Weights could not be had; the message says from where they were tried and what a person can do. */
public final class PullException extends Exception {
    private static final long serialVersionUID = 1L;

    PullException(String message) {
        super(message);
    }

    PullException(String message, Throwable cause) {
        super(message, cause);
    }
}
