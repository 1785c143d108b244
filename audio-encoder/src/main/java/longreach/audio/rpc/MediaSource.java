package longreach.audio.rpc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import longreach.audio.AudioException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file that a request is about: one under the media root, or a temporary one that streamed bytes go to and that
 * {@link #close} deletes. One thread at a time.
 */
final class MediaSource implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(MediaSource.class);

    private final Path file;
    private final long maxBytes;
    private final @Nullable FileChannel spool;
    private long written;

    /**
     * A file that both processes see.
     *
     * @throws AudioException.InvalidRequest unless it is a regular file under the root, links resolved
     */
    static MediaSource ofPath(String path, @Nullable Path root) {
        if (root == null) {
            throw new AudioException.InvalidRequest(
                    "path: given (expected: streamed bytes, as audio-encoder.media-root is not set)");
        }
        try {
            Path real = root.resolve(path).toRealPath();
            if (real.startsWith(root.toRealPath()) && Files.isRegularFile(real)) {
                return new MediaSource(real, Long.MAX_VALUE, null);
            }
        } catch (InvalidPathException | IOException e) {
            log.debug("path refused: {}", e.toString());
        }
        throw new AudioException.InvalidRequest("path: no such file (expected: a file under audio-encoder.media-root)");
    }

    /** @param declaredBytes what the caller says will come; 0: unknown */
    static MediaSource ofStream(long declaredBytes, long maxBytes) {
        if (declaredBytes < 0 || declaredBytes > maxBytes) {
            throw new AudioException.TooLarge(
                    "media: " + Long.toUnsignedString(declaredBytes) + " bytes (expected: at most " + maxBytes + ")");
        }
        try {
            Path file = Files.createTempFile("longreach-audio-", ".media");
            return new MediaSource(file, maxBytes, FileChannel.open(file, StandardOpenOption.WRITE));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private MediaSource(Path file, long maxBytes, @Nullable FileChannel spool) {
        this.file = file;
        this.maxBytes = maxBytes;
        this.spool = spool;
    }

    boolean isStream() {
        return spool != null;
    }

    Path file() {
        return file;
    }

    long written() {
        return written;
    }

    void write(ByteBuffer data) {
        if (spool == null) {
            throw new AudioException.InvalidRequest("data: given after a path (expected: one or the other)");
        }
        if (data.remaining() > maxBytes - written) {
            throw new AudioException.TooLarge("media: more than " + maxBytes + " bytes (expected: at most that)");
        }
        try {
            while (data.hasRemaining()) {
                written += spool.write(data);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        if (spool == null) {
            return;
        }
        try {
            spool.close();
            Files.deleteIfExists(file);
        } catch (IOException e) {
            log.warn("temporary file not deleted: {}", e.toString());
        }
    }
}
