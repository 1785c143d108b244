package longreach.gateway.rest;

import io.grpc.Context;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import longreach.gateway.auth.AuditEntry;
import org.slf4j.MDC;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/** Gives every request an id, in its answer and in what is logged meanwhile, and writes it down at its end. */
@Component
final class RequestIds extends OncePerRequestFilter {
    static final String HEADER = "x-request-id";

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        // Without the query, which may hold a key.
        var entry = new AuditEntry(request.getHeader(HEADER), request.getMethod() + " " + printable(request));
        entry.bytes(Math.max(0, request.getContentLengthLong()));
        response.setHeader(HEADER, entry.id());
        var before = entry.within(Context.current());
        var outer = before.attach();
        MDC.put("request", entry.id());
        try {
            chain.doFilter(request, response);
        } finally {
            MDC.remove("request");
            before.detach(outer);
            entry.end(Integer.toString(response.getStatus()));
        }
    }

    /** One line, whatever the caller wrote. */
    private static String printable(HttpServletRequest request) {
        var path = request.getRequestURI();
        return (path.length() > 200 ? path.substring(0, 200) + "..." : path).replaceAll("[^\\x21-\\x7e]|\"", "?");
    }
}
