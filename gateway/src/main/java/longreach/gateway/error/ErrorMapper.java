package longreach.gateway.error;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one place where an exception becomes a status, for gRPC and for HTTP alike. */
public final class ErrorMapper {
    private static final Logger LOG = LoggerFactory.getLogger(ErrorMapper.class);
    /** nginx's code for a caller that left; nobody reads it but the access log. */
    private static final int CLIENT_CLOSED_REQUEST = 499;

    private static final JsonFormat.Printer PRINTER = JsonFormat.printer()
            .usingTypeRegistry(TypeRegistry.newBuilder()
                    .add(ErrorInfo.getDescriptor())
                    .add(RetryInfo.getDescriptor())
                    .build())
            .omittingInsignificantWhitespace();

    private ErrorMapper() {}

    /** What the caller is told. A fault of ours is logged here, once, and told without its insides. */
    public static Status toStatus(Throwable error) {
        return switch (error) {
            case ApiException e -> {
                if (e.code() == io.grpc.Status.Code.INTERNAL) {
                    LOG.error("request failed: {}", e.getMessage(), e);
                }
                yield Status.newBuilder()
                        .setCode(e.code().value())
                        .setMessage(e.getMessage())
                        .addAllDetails(e.details())
                        .build();
            }
            case StatusRuntimeException e -> toStatus(ApiException.from(e.getStatus(), "a service"));
            case StatusException e -> toStatus(ApiException.from(e.getStatus(), "a service"));
            default -> {
                LOG.error("request failed", error);
                yield Status.newBuilder()
                        .setCode(io.grpc.Status.Code.INTERNAL.value())
                        .setMessage("internal error: " + error.getClass().getSimpleName())
                        .build();
            }
        };
    }

    public static StatusRuntimeException toGrpc(Throwable error) {
        return StatusProto.toStatusRuntimeException(toStatus(error));
    }

    public static int httpCode(Status status) {
        return switch (io.grpc.Status.fromCodeValue(status.getCode()).getCode()) {
            case OK -> 200;
            case INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE -> 400;
            case UNAUTHENTICATED -> 401;
            case PERMISSION_DENIED -> 403;
            case NOT_FOUND -> 404;
            case ALREADY_EXISTS, ABORTED -> 409;
            case RESOURCE_EXHAUSTED -> 429;
            case CANCELLED -> CLIENT_CLOSED_REQUEST;
            case UNKNOWN, INTERNAL, DATA_LOSS -> 500;
            case UNIMPLEMENTED -> 501;
            case UNAVAILABLE -> 503;
            case DEADLINE_EXCEEDED -> 504;
        };
    }

    /** When the caller may come again; empty where nothing is said about it. */
    public static Optional<Duration> retryAfter(Status status) {
        for (var detail : status.getDetailsList()) {
            if (detail.is(RetryInfo.class)) {
                try {
                    var delay = detail.unpack(RetryInfo.class).getRetryDelay();
                    return Optional.of(Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
                } catch (InvalidProtocolBufferException e) {
                    throw new IllegalStateException("a broken detail", e);
                }
            }
        }
        return Optional.empty();
    }

    /** The body of an error, without a line break: {@code {"error":{"code":400,"message":...,"status":...}}}. */
    public static String toJson(Status status) {
        var name = io.grpc.Status.fromCodeValue(status.getCode()).getCode().name();
        var json = new StringBuilder("{\"error\":{\"code\":").append(httpCode(status));
        json.append(",\"message\":").append(quote(status.getMessage()));
        json.append(",\"status\":\"").append(name).append('"');
        if (status.getDetailsCount() > 0) {
            json.append(",\"details\":[");
            for (int i = 0; i < status.getDetailsCount(); i++) {
                json.append(i == 0 ? "" : ",").append(print(status.getDetails(i)));
            }
            json.append(']');
        }
        return json.append("}}").toString();
    }

    private static String quote(String text) {
        var out = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c < 0x20 || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        return out.append('"').toString();
    }

    private static String print(com.google.protobuf.Any detail) {
        try {
            return PRINTER.print(detail);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("a detail of an unregistered type: " + detail.getTypeUrl(), e);
        }
    }
}
