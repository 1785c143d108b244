package longreach.gateway.rest;

import com.google.gson.JsonObject;
import jakarta.servlet.http.HttpServletResponse;
import java.util.ArrayList;
import java.util.List;
import longreach.gateway.answer.AnswerSink;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ErrorMapper;
import longreach.gateway.openai.ChatAnswers;
import longreach.gateway.openai.OpenAiErrors;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerateContentResponse.UsageMetadata;

/** A streamed chat completion: one choice after the other, then what was used, then {@code [DONE]}. */
final class ChatSink implements AnswerSink {
    private final EventStream stream;
    private final Caller caller;
    private final ChatAnswers answers;
    private final List<UsageMetadata> used = new ArrayList<>();
    private int index = -1;
    private boolean opened;
    private boolean called;
    private UsageMetadata last;

    ChatSink(HttpServletResponse response, Caller caller, ChatAnswers answers) {
        this.caller = caller;
        this.answers = answers;
        stream = new EventStream(response, EventStream.EVENTS);
    }

    boolean begun() {
        return stream.begun();
    }

    /** What comes now belongs to the next choice. */
    void nextChoice() {
        index++;
        opened = false;
        called = false;
    }

    @Override
    public void accept(GenerateContentResponse piece) {
        if (!opened) {
            opened = true;
            write(answers.opening(index));
        }
        write(answers.piece(index, piece, called));
        called |= ChatAnswers.calls(piece);
        last = piece.getUsageMetadata();
    }

    void choiceEnded() {
        used.add(last);
    }

    @Override
    public void checkStillThere() {
        caller.checkStillThere();
    }

    void end(boolean withUsage) {
        if (withUsage) {
            write(answers.usageChunk(used));
        }
        stream.event("[DONE]");
    }

    /** After the first byte the error is one more item of the stream. */
    void fail(Throwable error) {
        var status = ErrorMapper.toStatus(error);
        if (status.getCode() != io.grpc.Status.Code.CANCELLED.value()) {
            stream.event(OpenAiErrors.toJson(status));
        }
    }

    private void write(JsonObject json) {
        stream.event(Json.oneLine(json.toString()));
    }
}
