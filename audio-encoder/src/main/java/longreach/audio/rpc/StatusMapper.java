package longreach.audio.rpc;

import io.grpc.Status;
import java.util.concurrent.CancellationException;
import longreach.audio.AudioException;
import longreach.tensor.weights.WeightsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Domain exceptions to gRPC statuses; what is not foreseen is INTERNAL and logged once. */
final class StatusMapper {
    private static final Logger log = LoggerFactory.getLogger(StatusMapper.class);

    private StatusMapper() {}

    static Status toStatus(Throwable failure) {
        return switch (failure) {
            case AudioException e -> toStatus(e).withDescription(e.getMessage());
            case WeightsException e -> {
                log.warn("model: {}", e.getMessage());
                yield Status.FAILED_PRECONDITION.withDescription(e.getMessage());
            }
            case CancellationException e -> Status.CANCELLED.withDescription("cancelled by the caller");
            default -> {
                log.error("transcription failed", failure);
                yield Status.INTERNAL.withDescription("audio encoder: internal error");
            }
        };
    }

    private static Status toStatus(AudioException failure) {
        return switch (failure) {
            case AudioException.Undecodable e -> Status.INVALID_ARGUMENT;
            case AudioException.InvalidRequest e -> Status.INVALID_ARGUMENT;
            case AudioException.TooLarge e -> Status.RESOURCE_EXHAUSTED;
            case AudioException.Busy e -> Status.RESOURCE_EXHAUSTED;
            case AudioException.BadModel e -> Status.FAILED_PRECONDITION;
        };
    }
}
