package longreach.lm.openai;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;
import longreach.v1.PlainSegment;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.Segment;
import longreach.v1.Turn;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Conversations as plain segments, and plain segments as the messages of a chat completion. */
final class Conversation {
    private static final JsonMapper JSON = JsonMapper.shared();

    private Conversation() {}

    /**
     * @param tokens estimates those of a text
     * @throws IllegalArgumentException when a part is neither text nor a call nor its result
     */
    static List<Segment> segments(RenderRequest request, ToIntFunction<String> tokens) {
        List<Segment> segments = new ArrayList<>();
        for (RenderPart part : request.getSystemList()) {
            segments.add(segment("system", part, tokens));
        }
        for (Turn turn : request.getTurnsList()) {
            String role = switch (turn.getRole()) {
                case USER -> "user";
                case MODEL -> "assistant";
                case ROLE_UNSPECIFIED, UNRECOGNIZED ->
                    throw new IllegalArgumentException("role: " + turn.getRole() + " (expected: USER or MODEL)");
            };
            for (RenderPart part : turn.getPartsList()) {
                segments.add(segment(role, part, tokens));
            }
        }
        if (segments.isEmpty()) {
            throw new IllegalArgumentException("turns: 0 (expected: at least 1)");
        }
        return segments;
    }

    private static Segment segment(String role, RenderPart part, ToIntFunction<String> tokens) {
        PlainSegment.Builder plain = PlainSegment.newBuilder().setRole(role);
        switch (part.getKindCase()) {
            case TEXT -> plain.setText(part.getText()).setTokenCount(tokens.applyAsInt(part.getText()));
            case CALL ->
                plain.setCallName(part.getCall().getName())
                        .setCallArguments(part.getCall().getArguments())
                        .setCallId(part.getCall().getId())
                        .setTokenCount(tokens.applyAsInt(
                                part.getCall().getName() + part.getCall().getArguments()));
            case RESULT ->
                plain.setRole("tool")
                        .setText(part.getResult().getResponse())
                        .setCallName(part.getResult().getName())
                        .setCallId(part.getResult().getId())
                        .setTokenCount(tokens.applyAsInt(part.getResult().getResponse()));
            case SOFT, KIND_NOT_SET ->
                throw new IllegalArgumentException("part: " + part.getKindCase() + " (expected: text)");
        }
        return Segment.newBuilder()
                .setPlain(plain)
                .setModality(part.getModality())
                .setMark(part.getMark())
                .setBoundaryAfter(part.getBoundaryAfter())
                .build();
    }

    /** @throws IllegalArgumentException for segments of another kind */
    static ArrayNode messages(List<Segment> segments) {
        ArrayNode messages = JSON.createArrayNode();
        // Calls that nothing has been returned for, the earliest first.
        List<ObjectNode> open = new ArrayList<>();
        int calls = 0;
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            if (!segment.hasPlain()) {
                throw new IllegalArgumentException(
                        "segments[" + i + "]: tokens (expected: plain text, as Render made it for this model)");
            }
            PlainSegment plain = segment.getPlain();
            if (plain.getRole().equals("tool")) {
                messages.addObject()
                        .put("role", "tool")
                        .put("tool_call_id", answered(plain, open))
                        .put("content", plain.getText());
            } else if (!plain.getCallName().isEmpty()) {
                ObjectNode call = JSON.createObjectNode()
                        .put("id", plain.getCallId().isEmpty() ? "call_" + calls : plain.getCallId())
                        .put("type", "function");
                call.putObject("function")
                        .put("name", plain.getCallName())
                        .put("arguments", plain.getCallArguments().isEmpty() ? "{}" : plain.getCallArguments());
                calls++;
                open.add(call);
                ObjectNode message = message(messages, plain.getRole());
                if (!message.has("content")) {
                    message.putNull("content");
                }
                message.withArray("tool_calls").add(call);
            } else {
                ObjectNode message = message(messages, plain.getRole());
                String before = message.path("content").stringValue("");
                message.put("content", before + plain.getText());
            }
        }
        return messages;
    }

    /** The last message when it is of this role, else a new one. */
    private static ObjectNode message(ArrayNode messages, String role) {
        if (!messages.isEmpty()
                && messages.get(messages.size() - 1) instanceof ObjectNode last
                && last.path("role").stringValue("").equals(role)) {
            return last;
        }
        return messages.addObject().put("role", role);
    }

    private static String answered(PlainSegment result, List<ObjectNode> open) {
        for (ObjectNode call : open) {
            boolean same = result.getCallId().isEmpty()
                    ? call.path("function").path("name").stringValue("").equals(result.getCallName())
                    : call.get("id").stringValue().equals(result.getCallId());
            if (same) {
                open.remove(call);
                return call.get("id").stringValue();
            }
        }
        return result.getCallId().isEmpty() ? "call_" + result.getCallName() : result.getCallId();
    }
}
