package longreach.gateway.rest;

import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import longreach.gateway.error.ApiException;

/** A body that is written piece by piece; status and headers go with the first. */
final class EventStream {
    static final String EVENTS = "text/event-stream; charset=UTF-8";

    private final HttpServletResponse response;
    private final String contentType;
    private ServletOutputStream out;

    EventStream(HttpServletResponse response, String contentType) {
        this.response = response;
        this.contentType = contentType;
    }

    boolean begun() {
        return out != null;
    }

    /** One server-sent event: exactly {@code data: JSON} and an empty line. */
    void event(String json) {
        write("data: " + json + "\n\n");
    }

    /** @throws ApiException CANCELLED when the caller is gone */
    void write(String text) {
        try {
            if (out == null) {
                response.setStatus(HttpServletResponse.SC_OK);
                response.setContentType(contentType);
                response.setHeader("Cache-Control", "no-cache");
                // Reverse proxies that buffer would hold tokens back.
                response.setHeader("X-Accel-Buffering", "no");
                out = response.getOutputStream();
            }
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw ApiException.cancelled("the caller left: " + e.getMessage());
        }
    }
}
