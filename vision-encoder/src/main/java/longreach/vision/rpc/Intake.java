package longreach.vision.rpc;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import longreach.v1.EncodeOpen;
import longreach.vision.VisionSettings;
import longreach.vision.media.MediaException;

/** Where the bytes of an encode come from: a file under the media root, or a spool file. */
final class Intake {
    private final VisionSettings settings;

    Intake(VisionSettings settings) {
        this.settings = settings;
    }

    /** Refuses what can be refused before any byte has arrived. */
    void check(EncodeOpen open) throws MediaException {
        long limit = settings.maxBytes().toBytes();
        // Unsigned on the wire: beyond 2^63 it reads as negative.
        if (open.getSizeBytes() < 0 || open.getSizeBytes() > limit) {
            throw tooLarge(Long.toUnsignedString(open.getSizeBytes()));
        }
        var options = open.getOptions();
        double fps = options.getFps();
        if (!(fps >= 0 && fps <= settings.maxFps())) {
            throw MediaException.invalid("fps: " + fps + " (expected: 0 < fps <= " + settings.maxFps() + ")");
        }
        long end = options.getEndMs();
        long start = options.getStartMs();
        if (start < 0 || end < 0 || end != 0 && start >= end) {
            throw MediaException.invalid("clip: " + Long.toUnsignedString(start) + " ms to "
                    + Long.toUnsignedString(end) + " ms (expected: a start before the end)");
        }
    }

    MediaException tooLarge(String bytes) {
        return MediaException.tooLarge("size: " + bytes + " bytes (expected: at most "
                + settings.maxBytes().toBytes() + ")");
    }

    long maxBytes() {
        return settings.maxBytes().toBytes();
    }

    /** A file that the caller names; links are followed first, so that none leads out of the root. */
    Path underRoot(String path) throws MediaException {
        if (settings.mediaRoot() == null) {
            throw MediaException.invalid("path: given (expected: none, since no media root is configured)");
        }
        try {
            Path root = settings.mediaRoot().toRealPath();
            Path file = root.resolve(path).toRealPath();
            if (file.startsWith(root) && Files.isRegularFile(file)) {
                if (Files.size(file) > maxBytes()) {
                    throw tooLarge(Long.toString(Files.size(file)));
                }
                return file;
            }
        } catch (IOException | InvalidPathException e) {
            // The answer below: whether a file exists elsewhere is nobody's business.
            throw outside(e);
        }
        throw outside(null);
    }

    private static MediaException outside(Exception cause) {
        return MediaException.invalid("path: refused (expected: a file under the media root)", cause);
    }

    /** An empty file that only this process's user reads; the caller deletes it. */
    Path spoolFile() throws IOException {
        Path directory = settings.spoolDirectory();
        if (directory == null) {
            return Files.createTempFile("longreach-vision-", ".part");
        }
        Files.createDirectories(directory);
        return Files.createTempFile(directory, "longreach-vision-", ".part");
    }
}
