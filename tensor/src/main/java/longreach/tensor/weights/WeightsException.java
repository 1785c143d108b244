package longreach.tensor.weights;

import java.nio.file.Path;

/** Weights that are missing, broken or of a kind that is not supported. The message says which, where and what was expected. */
public class WeightsException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public WeightsException(String message) {
        super(message);
    }

    public WeightsException(String message, Throwable cause) {
        super(message, cause);
    }

    /** @param item the key, tensor or field that is wrong */
    WeightsException(Path file, String item, String problem) {
        super(file + ": " + item + ": " + problem);
    }
}
