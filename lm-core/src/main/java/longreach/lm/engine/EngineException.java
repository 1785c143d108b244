package longreach.lm.engine;

/** A request that ends without an answer. The message names the value and what was expected. */
public abstract sealed class EngineException extends RuntimeException {
    private EngineException(String message) {
        super(message);
    }

    /** A field is outside its range, or the prompt is longer than the context. */
    public static final class InvalidRequest extends EngineException {
        public InvalidRequest(String message) {
            super(message);
        }
    }

    public static final class UnknownModel extends EngineException {
        public UnknownModel(String name, String known) {
            super("model: " + name + " (expected: " + known + ")");
        }
    }

    /** The queue is full, or the pages of the whole pool would not do. */
    public static final class Overloaded extends EngineException {
        public Overloaded(String message) {
            super(message);
        }
    }

    public static final class DeadlinePassed extends EngineException {
        public DeadlinePassed(String message) {
            super(message);
        }
    }

    public static final class Cancelled extends EngineException {
        public Cancelled() {
            super("the caller left");
        }
    }

    /** The server behind this one cannot be reached, or failed. */
    public static final class Upstream extends EngineException {
        public Upstream(String message) {
            super(message);
        }
    }

    /** The engine is closing. */
    public static final class Closing extends EngineException {
        public Closing() {
            super("the engine is closing (expected: another attempt later)");
        }
    }
}
