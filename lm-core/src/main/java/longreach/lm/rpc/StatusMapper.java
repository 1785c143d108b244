package longreach.lm.rpc;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import longreach.lm.engine.EngineException;
import longreach.lm.prompt.UnsupportedModalityException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Exceptions of this service to gRPC status, in one place. */
final class StatusMapper {
    private static final Logger log = LoggerFactory.getLogger(StatusMapper.class);

    private StatusMapper() {}

    static StatusRuntimeException toStatus(Throwable cause) {
        if (cause instanceof EngineException known) {
            Status status = switch (known) {
                case EngineException.InvalidRequest e -> Status.INVALID_ARGUMENT;
                case EngineException.UnknownModel e -> Status.NOT_FOUND;
                case EngineException.Overloaded e -> Status.RESOURCE_EXHAUSTED;
                case EngineException.DeadlinePassed e -> Status.DEADLINE_EXCEEDED;
                case EngineException.Cancelled e -> Status.CANCELLED;
                case EngineException.Upstream e -> Status.UNAVAILABLE;
                case EngineException.Closing e -> Status.UNAVAILABLE;
            };
            return status.withDescription(known.getMessage()).asRuntimeException();
        }
        return switch (cause) {
            case IllegalArgumentException e ->
                Status.INVALID_ARGUMENT.withDescription(e.getMessage()).asRuntimeException();
            case UnsupportedModalityException e ->
                Status.FAILED_PRECONDITION.withDescription(e.getMessage()).asRuntimeException();
            default -> {
                log.error("request failed", cause);
                yield Status.INTERNAL.withDescription("internal error").asRuntimeException();
            }
        };
    }
}
