package longreach.gateway.rest;

import io.grpc.Context;
import io.grpc.Deadline;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import longreach.gateway.auth.ApiKeys;
import longreach.gateway.auth.Tenant;
import longreach.gateway.error.ApiException;

/** What every HTTP handler needs of its request: key, tenant, deadline, query and the plain JSON answer. */
final class RestCall {
    static final String TENANT = "longreach.tenant";
    private static final String BEARER = "bearer ";
    private static final double MAX_TIMEOUT_SECONDS = 86_400;
    private static final ScheduledExecutorService DEADLINES = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("deadlines").factory());

    private RestCall() {}

    interface Work {
        void run() throws IOException;
    }

    /** @throws ApiException when the key will not do */
    static Tenant admit(HttpServletRequest request, ApiKeys keys) {
        return keys.admit(key(request));
    }

    private static String key(HttpServletRequest request) {
        var header = request.getHeader("x-goog-api-key");
        if (header != null && !header.isBlank()) {
            return header;
        }
        var query = query(request, "key");
        if (!query.isBlank()) {
            return query;
        }
        var bearer = request.getHeader("Authorization");
        return bearer != null && bearer.regionMatches(true, 0, BEARER, 0, BEARER.length())
                ? bearer.substring(BEARER.length())
                : null;
    }

    static Tenant tenant(HttpServletRequest request) {
        if (request.getAttribute(TENANT) instanceof Tenant tenant) {
            return tenant;
        }
        throw new IllegalStateException("a handler without the key check before it");
    }

    /** Of the query string alone: reading parameters through the container would consume a form-typed body. */
    static String query(HttpServletRequest request, String name) {
        var query = request.getQueryString();
        if (query == null) {
            return "";
        }
        for (var pair : query.split("&")) {
            int equals = pair.indexOf('=');
            if (equals > 0 && pair.substring(0, equals).equals(name)) {
                try {
                    return URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8);
                } catch (IllegalArgumentException e) {
                    throw ApiException.badField("?" + name, "broken percent encoding", "%XX");
                }
            }
        }
        return "";
    }

    /** Accepts {@code pageSize} and {@code page_size} alike. */
    static String query(HttpServletRequest request, String name, String otherName) {
        var value = query(request, name);
        return value.isEmpty() ? query(request, otherName) : value;
    }

    static int pageSize(HttpServletRequest request) {
        var value = query(request, "pageSize", "page_size");
        try {
            return value.isEmpty() ? 0 : Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw ApiException.badField("pageSize", value.length() > 20 ? "too long" : value, "a number");
        }
    }

    /** Runs the work in a context that ends at the caller's deadline and with the work. */
    static void within(HttpServletRequest request, Work work) throws IOException {
        Deadline deadline = deadline(request);
        try (var context = deadline == null
                ? Context.current().withCancellation()
                : Context.current().withDeadline(deadline, DEADLINES)) {
            var before = context.attach();
            try {
                work.run();
            } finally {
                context.detach(before);
            }
        }
    }

    private static Deadline deadline(HttpServletRequest request) {
        var header = request.getHeader("X-Server-Timeout");
        if (header == null || header.isBlank()) {
            return null;
        }
        try {
            double seconds = Double.parseDouble(header.strip());
            if (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) {
                return Deadline.after((long) (seconds * 1000), TimeUnit.MILLISECONDS);
            }
        } catch (NumberFormatException e) {
            throw badTimeout(header);
        }
        throw badTimeout(header);
    }

    private static ApiException badTimeout(String header) {
        return ApiException.badField(
                "X-Server-Timeout", header.length() > 20 ? "too long" : header, "seconds, more than 0 to 86400");
    }

    static void answer(HttpServletResponse response, int status, String json) throws IOException {
        var bytes = json.getBytes(StandardCharsets.UTF_8);
        response.setStatus(status);
        response.setContentType("application/json; charset=UTF-8");
        response.setContentLength(bytes.length);
        response.getOutputStream().write(bytes);
    }
}
