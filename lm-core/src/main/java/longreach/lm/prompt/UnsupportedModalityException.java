package longreach.lm.prompt;

/** The model does not take what the request sends it. */
public final class UnsupportedModalityException extends RuntimeException {
    public UnsupportedModalityException(String message) {
        super(message);
    }
}
