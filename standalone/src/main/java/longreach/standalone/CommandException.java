package longreach.standalone;

/** A command cannot go on; the message is for the person who typed it, and the exit code for scripts. */
final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Exit codes, documented in {@code ./longreach help}. */
    static final int FAILED = 1;

    static final int USAGE = 2;

    static final int MISSING = 3;

    private final int exitCode;

    private CommandException(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    static CommandException failed(String message) {
        return new CommandException(FAILED, message, null);
    }

    static CommandException failed(String message, Throwable cause) {
        return new CommandException(FAILED, message, cause);
    }

    /** An option or argument has a value that cannot be. */
    static CommandException usage(String message) {
        return new CommandException(USAGE, message, null);
    }

    /** This machine lacks something: weights, a free port, disk space. */
    static CommandException missing(String message) {
        return new CommandException(MISSING, message, null);
    }

    int exitCode() {
        return exitCode;
    }
}
