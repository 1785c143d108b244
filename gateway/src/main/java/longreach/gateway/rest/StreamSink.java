package longreach.gateway.rest;

import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import longreach.gateway.answer.AnswerSink;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;
import longreach.gemini.v1beta.GenerateContentResponse;

/**
 * Writes a stream of responses: as server-sent events, each exactly {@code data: JSON} and an empty line, or as one
 * JSON array. Nothing is sent before the first response is there, so what fails earlier still has a status of its own.
 */
final class StreamSink implements AnswerSink {
    private final HttpServletResponse response;
    private final Caller caller;
    private final boolean events;
    private ServletOutputStream out;

    StreamSink(HttpServletResponse response, Caller caller, boolean events) {
        this.response = response;
        this.caller = caller;
        this.events = events;
    }

    boolean begun() {
        return out != null;
    }

    @Override
    public void accept(GenerateContentResponse piece) {
        write(Json.print(piece));
    }

    @Override
    public void checkStillThere() {
        caller.checkStillThere();
    }

    private void write(String json) {
        try {
            boolean first = out == null;
            if (first) {
                response.setStatus(HttpServletResponse.SC_OK);
                response.setContentType(
                        events ? "text/event-stream; charset=UTF-8" : "application/json; charset=UTF-8");
                response.setHeader("Cache-Control", "no-cache");
                // Reverse proxies that buffer would hold tokens back.
                response.setHeader("X-Accel-Buffering", "no");
                out = response.getOutputStream();
            }
            var text = events ? "data: " + json + "\n\n" : (first ? "[" : ",\n") + json;
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw ApiException.cancelled("the caller left: " + e.getMessage());
        }
    }

    void end() throws IOException {
        if (!events && out != null) {
            out.write(']');
            out.flush();
        }
    }

    /** After the first byte the error is one more item of the stream. */
    void fail(Throwable error) throws IOException {
        var status = ErrorMapper.toStatus(error);
        if (status.getCode() == io.grpc.Status.Code.CANCELLED.value()) {
            return;
        }
        write(ErrorMapper.toJson(status));
        end();
    }
}
