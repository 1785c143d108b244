package longreach.vision.media;

import java.nio.file.Path;
import longreach.v1.MediaOptions;

/**
 * A file on disk that is about to be read. The reader borrows the path for the call.
 *
 * @param name for messages only
 */
public record MediaSource(Path path, String name, long sizeBytes, MediaType type, MediaOptions options) {}
