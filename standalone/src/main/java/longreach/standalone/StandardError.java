package longreach.standalone;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;

/**
 * Standard error as it was before the launcher put a filter in front of it, which keeps a warning of the starting JVM
 * from the terminal. The real one is needed where bars move and lines are not whole.
 */
final class StandardError {
    /** The file descriptor that the launcher kept the real one as. */
    private static final String KEPT_AS = "longreach.stderr";

    private static final int STANDARD_ERROR = 2;

    private StandardError() {}

    /** Takes the real one back, which also ends the filter; without a launcher there is nothing to take. */
    static void restore() {
        Integer kept = Integer.getInteger(KEPT_AS);
        if (kept == null) {
            return;
        }
        try {
            Linker linker = Linker.nativeLinker();
            var dup2 = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("dup2"),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
            int result = (int) dup2.invokeExact((int) kept, STANDARD_ERROR);
            if (result < 0) {
                System.err.println("longreach: file descriptor " + kept + ": not open (expected: standard error)");
            }
        } catch (Throwable e) {
            // Messages still arrive, through the filter and line by line.
            System.err.println("longreach: standard error stays filtered: " + e);
        }
    }
}
