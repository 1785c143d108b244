package longreach.audio;

/**
 * What can be wrong with a request or its media. Messages name the value found and the value expected, and are safe to
 * show to the caller: they hold no content and no path.
 */
public abstract sealed class AudioException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private AudioException(String message, Throwable cause) {
        super(message, cause);
    }

    /** The bytes are not audio or video that can be decoded, or they end too early. */
    public static final class Undecodable extends AudioException {
        private static final long serialVersionUID = 1L;

        public Undecodable(String message) {
            super(message, null);
        }
    }

    /** A field of the request is out of its range, or the conversation is out of order. */
    public static final class InvalidRequest extends AudioException {
        private static final long serialVersionUID = 1L;

        public InvalidRequest(String message) {
            super(message, null);
        }
    }

    /** The media is larger or longer than this server is configured to take. */
    public static final class TooLarge extends AudioException {
        private static final long serialVersionUID = 1L;

        public TooLarge(String message) {
            super(message, null);
        }
    }

    /** All transcription slots and the queue before them are taken. */
    public static final class Busy extends AudioException {
        private static final long serialVersionUID = 1L;

        public Busy(String message) {
            super(message, null);
        }
    }

    /** A model file is missing or is not what it should be. */
    public static final class BadModel extends AudioException {
        private static final long serialVersionUID = 1L;

        public BadModel(String message) {
            super(message, null);
        }

        public BadModel(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
