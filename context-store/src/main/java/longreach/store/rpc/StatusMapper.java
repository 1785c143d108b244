package longreach.store.rpc;

import io.grpc.Status;
import longreach.store.api.StoreUnavailableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What each exception means to a caller. */
final class StatusMapper {
    private static final Logger log = LoggerFactory.getLogger(StatusMapper.class);

    private StatusMapper() {}

    static Status toStatus(Throwable exception) {
        return switch (exception) {
            case IllegalArgumentException bad -> Status.INVALID_ARGUMENT.withDescription(bad.getMessage());
            case StoreUnavailableException down -> Status.UNAVAILABLE.withDescription(down.getMessage());
            default -> {
                log.error("broken invariant", exception);
                yield Status.INTERNAL.withDescription("context store: internal error");
            }
        };
    }
}
