package longreach.store.redis;

import java.io.IOException;
import java.nio.file.Path;

/** Another process serves from this data directory. */
public final class DataDirectoryInUseException extends IOException {
    private static final long serialVersionUID = 1L;

    DataDirectoryInUseException(Path directory, String owner) {
        super("data directory " + directory + ": in use by " + owner + " (expected: one process for each directory)");
    }
}
