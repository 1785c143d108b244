package longreach.gateway.error;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;

/** A request that ends with a status. The message is for the caller: the value, and what was expected. */
public final class ApiException extends RuntimeException {
    private static final String DOMAIN = "longreach";

    private final transient Status.Code code;
    private final transient List<Any> details;

    private ApiException(Status.Code code, String message, List<Any> details, Throwable cause) {
        super(message, cause);
        this.code = code;
        this.details = details;
    }

    public Status.Code code() {
        return code;
    }

    public List<Any> details() {
        return details;
    }

    /** The same, led by the field that it is about. */
    public ApiException at(String path) {
        return new ApiException(code, path + ": " + getMessage(), details, getCause());
    }

    /** A field outside its range: {@code generationConfig.topP: 1.4 (expected: 0 < topP <= 1)}. */
    public static ApiException badField(String path, Object value, String expected) {
        return invalid(path + ": " + value + " (expected: " + expected + ")");
    }

    public static ApiException invalid(String message) {
        return new ApiException(Status.Code.INVALID_ARGUMENT, message, List.of(), null);
    }

    public static ApiException notFound(String message) {
        return new ApiException(Status.Code.NOT_FOUND, message, List.of(), null);
    }

    public static ApiException alreadyExists(String message) {
        return new ApiException(Status.Code.ALREADY_EXISTS, message, List.of(), null);
    }

    public static ApiException failedPrecondition(String message) {
        return new ApiException(Status.Code.FAILED_PRECONDITION, message, List.of(), null);
    }

    public static ApiException tooLarge(String message) {
        return new ApiException(Status.Code.RESOURCE_EXHAUSTED, message, List.of(), null);
    }

    /** Too much in too short a time: 429, with when to come again. */
    public static ApiException quota(String message, String bucket, Duration retryAfter) {
        var retry = RetryInfo.newBuilder()
                .setRetryDelay(com.google.protobuf.Duration.newBuilder()
                        .setSeconds(retryAfter.toSeconds())
                        .setNanos(retryAfter.toNanosPart()))
                .build();
        var info = ErrorInfo.newBuilder()
                .setReason("RATE_LIMIT_EXCEEDED")
                .setDomain(DOMAIN)
                .putMetadata("quota", bucket)
                .build();
        return new ApiException(
                Status.Code.RESOURCE_EXHAUSTED, message, List.of(Any.pack(info), Any.pack(retry)), null);
    }

    public static ApiException unimplemented(String message) {
        return new ApiException(Status.Code.UNIMPLEMENTED, message, List.of(), null);
    }

    public static ApiException unavailable(String message, Throwable cause) {
        return new ApiException(Status.Code.UNAVAILABLE, message, List.of(), cause);
    }

    public static ApiException cancelled(String message) {
        return new ApiException(Status.Code.CANCELLED, message, List.of(), null);
    }

    public static ApiException deadline(String message) {
        return new ApiException(Status.Code.DEADLINE_EXCEEDED, message, List.of(), null);
    }

    /** Gemini's answer to a key it does not know: 400, with a reason that SDKs look for. */
    public static ApiException badKey() {
        var info = ErrorInfo.newBuilder()
                .setReason("API_KEY_INVALID")
                .setDomain(DOMAIN)
                .putMetadata("service", "generativelanguage")
                .build();
        return new ApiException(
                Status.Code.INVALID_ARGUMENT,
                "API key not valid (expected: one of the keys of this server, in the header"
                        + " x-goog-api-key, as ?key= or as a Bearer token)",
                List.of(Any.pack(info)),
                null);
    }

    /** A status that another service answered with, under the name that callers know it by. */
    public static ApiException from(Status status, String service) {
        var text = status.getDescription() == null ? "no reason given" : status.getDescription();
        return switch (status.getCode()) {
            case UNAVAILABLE ->
                new ApiException(
                        Status.Code.UNAVAILABLE, service + " cannot be reached: " + text, List.of(), status.getCause());
            case DEADLINE_EXCEEDED ->
                new ApiException(
                        Status.Code.DEADLINE_EXCEEDED,
                        "the deadline passed while " + service + " worked",
                        List.of(),
                        null);
            case UNKNOWN, INTERNAL, DATA_LOSS ->
                new ApiException(
                        Status.Code.INTERNAL, service + " failed: " + text, List.of(), status.asRuntimeException());
            case OK -> throw new IllegalArgumentException("status OK is no failure");
            case CANCELLED,
                    INVALID_ARGUMENT,
                    NOT_FOUND,
                    ALREADY_EXISTS,
                    PERMISSION_DENIED,
                    RESOURCE_EXHAUSTED,
                    FAILED_PRECONDITION,
                    ABORTED,
                    OUT_OF_RANGE,
                    UNIMPLEMENTED,
                    UNAUTHENTICATED -> new ApiException(status.getCode(), text, List.of(), null);
        };
    }
}
