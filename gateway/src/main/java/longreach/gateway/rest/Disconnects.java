package longreach.gateway.rest;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;

/**
 * Finds out that an HTTP caller is gone while nothing is written to it yet. The container would notice only at the next
 * write, which during a long prefill is far off; but a read that does not block meets the end of the connection at once.
 */
final class Disconnects extends ValveBase {
    private static final String ATTRIBUTE = "longreach.connection";
    /** What the container reports as available when its read met the end of the connection. */
    private static final int END_MET = 1;

    Disconnects() {
        super(true);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        request.setAttribute(ATTRIBUTE, request.getCoyoteRequest());
        getNext().invoke(request, response);
    }

    /** To be asked on the request's own thread, and only after the body was read. */
    static Caller watch(HttpServletRequest request) {
        return request.getAttribute(ATTRIBUTE) instanceof org.apache.coyote.Request connection
                ? () -> check(connection)
                : Caller.PATIENT;
    }

    private static void check(org.apache.coyote.Request connection) {
        connection.action(ActionCode.AVAILABLE, Boolean.TRUE);
        if (connection.getAvailable() == END_MET) {
            throw ApiException.cancelled("the caller closed the connection");
        }
    }
}
