package longreach.gateway.media;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** The bytes of a media item, in memory or on disk. */
public sealed interface MediaBytes {

    /** Inline data. */
    record InMemory(ByteString data) implements MediaBytes {}

    /** An uploaded file's content. */
    record OnDisk(Path path) implements MediaBytes {}

    default long size() throws IOException {
        return switch (this) {
            case InMemory memory -> memory.data().size();
            case OnDisk disk -> Files.size(disk.path());
        };
    }

    /** The caller closes it. */
    default InputStream open() throws IOException {
        return switch (this) {
            case InMemory memory -> memory.data().newInput();
            case OnDisk disk -> Files.newInputStream(disk.path());
        };
    }
}
