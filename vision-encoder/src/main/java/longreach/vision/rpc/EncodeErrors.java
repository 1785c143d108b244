package longreach.vision.rpc;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import longreach.vision.media.MediaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a failed encode is answered with. */
final class EncodeErrors {
    private static final Logger log = LoggerFactory.getLogger(EncodeErrors.class);

    private EncodeErrors() {}

    static StatusRuntimeException status(Throwable failure) {
        Status status = switch (failure) {
            case MediaException media ->
                switch (media.fault()) {
                    case INVALID -> Status.INVALID_ARGUMENT.withDescription(media.getMessage());
                    case TOO_LARGE, BUSY -> Status.RESOURCE_EXHAUSTED.withDescription(media.getMessage());
                    case CANCELLED -> Status.CANCELLED.withDescription(media.getMessage());
                };
            case FileSystemException disk -> {
                log.warn("the spool directory fails", disk);
                yield Status.RESOURCE_EXHAUSTED.withDescription("the file could not be kept while it is encoded");
            }
            case IOException disk -> {
                log.warn("the spool directory fails", disk);
                yield Status.RESOURCE_EXHAUSTED.withDescription(
                        "the file could not be kept while it is encoded: " + disk.getMessage());
            }
            case OutOfMemoryError memory -> {
                log.warn("an encode ran out of memory", memory);
                yield Status.RESOURCE_EXHAUSTED.withDescription("the file needs more memory than the encoder has");
            }
            default -> {
                log.error("an encode failed", failure);
                yield Status.INTERNAL.withDescription("the encoder failed; its log says why");
            }
        };
        return status.asRuntimeException();
    }
}
