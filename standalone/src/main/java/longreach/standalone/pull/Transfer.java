package longreach.standalone.pull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.LongConsumer;

/** Bytes from a stream to a file. */
final class Transfer {
    private static final int BUFFER_BYTES = 1 << 18;

    private Transfer() {}

    /**
     * Writes the stream to {@code target} from byte {@code from} on, dropping what was there beyond it.
     *
     * @param limit bytes that the whole file may have
     * @param progress is told the bytes that are there so far
     */
    static void copy(InputStream in, Path target, long from, long limit, LongConsumer progress)
            throws IOException, PullException {
        var options = from > 0
                ? new StandardOpenOption[] {StandardOpenOption.WRITE, StandardOpenOption.APPEND}
                : new StandardOpenOption[] {
                    StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING
                };
        try (in;
                var out = Files.newOutputStream(target, options)) {
            byte[] buffer = new byte[BUFFER_BYTES];
            long done = from;
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                done += read;
                if (done > limit) {
                    throw new PullException(target.getFileName() + ": more than " + limit + " bytes");
                }
                out.write(buffer, 0, read);
                progress.accept(done);
            }
        }
    }
}
