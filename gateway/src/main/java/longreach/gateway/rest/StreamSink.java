package longreach.gateway.rest;

import jakarta.servlet.http.HttpServletResponse;
import longreach.gateway.answer.AnswerSink;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ErrorMapper;
import longreach.gemini.v1beta.GenerateContentResponse;

/**
 * Writes a stream of responses: as server-sent events, or as one JSON array. Nothing is sent before the first response is
 * there, so what fails earlier still has a status of its own.
 */
final class StreamSink implements AnswerSink {
    private final EventStream stream;
    private final Caller caller;
    private final boolean events;

    StreamSink(HttpServletResponse response, Caller caller, boolean events) {
        this.caller = caller;
        this.events = events;
        stream = new EventStream(response, events ? EventStream.EVENTS : "application/json; charset=UTF-8");
    }

    boolean begun() {
        return stream.begun();
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
        if (events) {
            stream.event(json);
        } else {
            stream.write((stream.begun() ? ",\n" : "[") + json);
        }
    }

    void end() {
        if (!events && stream.begun()) {
            stream.write("]");
        }
    }

    /** After the first byte the error is one more item of the stream. */
    void fail(Throwable error) {
        var status = ErrorMapper.toStatus(error);
        if (status.getCode() == io.grpc.Status.Code.CANCELLED.value()) {
            return;
        }
        write(ErrorMapper.toJson(status));
        end();
    }
}
