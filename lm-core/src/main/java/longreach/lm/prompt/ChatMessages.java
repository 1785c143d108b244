package longreach.lm.prompt;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import longreach.v1.RenderPart;
import longreach.v1.ToolCall;
import longreach.v1.ToolDeclaration;
import longreach.v1.ToolResult;
import longreach.v1.Turn;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A conversation as a chat template sees it: messages with placeholders for their contents. Calls and declarations are
 * seen as they are, so that a template can write them its way; their texts are guarded first.
 */
final class ChatMessages {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final UnaryOperator<String> guard;
    private final List<Map<String, Object>> messages = new ArrayList<>();
    private final List<List<RenderPart>> contents = new ArrayList<>();
    private final List<Boolean> isModel = new ArrayList<>();

    /** @param guard keeps texts of callers from being taken for markup */
    ChatMessages(UnaryOperator<String> guard) {
        this.guard = guard;
    }

    /** Stands for a message's parts, between two separators that count as white space. */
    static String placeholder(int index) {
        return "\u001F\uE000" + index + "\uE001\u001F";
    }

    void system(List<RenderPart> parts) {
        add("system", parts, false);
    }

    void turn(Turn turn) {
        boolean model = turn.getRole() == Turn.Role.MODEL;
        List<RenderPart> texts = new ArrayList<>();
        List<Map<String, Object>> calls = new ArrayList<>();
        for (RenderPart part : turn.getPartsList()) {
            switch (part.getKindCase()) {
                case CALL -> calls.add(call(part.getCall()));
                case RESULT -> result(part.getResult(), part.getBoundaryAfter());
                default -> texts.add(part);
            }
        }
        if (!texts.isEmpty() || calls.isEmpty() && turn.getPartsList().stream().noneMatch(RenderPart::hasResult)) {
            add(model ? "assistant" : "user", texts, model);
        } else if (!calls.isEmpty()) {
            messages.add(new HashMap<>(Map.of("role", "assistant", "content", "")));
        }
        if (!calls.isEmpty()) {
            messages.getLast().put("tool_calls", calls);
        }
    }

    private void add(String role, List<RenderPart> parts, boolean model) {
        messages.add(new HashMap<>(Map.of("role", role, "content", placeholder(contents.size()))));
        contents.add(parts);
        isModel.add(model);
    }

    private Map<String, Object> call(ToolCall call) {
        return Map.of(
                "type",
                "function",
                "id",
                guard.apply(call.getId()),
                "function",
                Map.of("name", guard.apply(call.getName()), "arguments", value(ToolTurns.arguments(call))));
    }

    private void result(ToolResult result, boolean boundaryAfter) {
        add(
                "tool",
                List.of(RenderPart.newBuilder()
                        .setText(ToolTurns.parse(result.getResponse(), "response of " + result.getName())
                                .toString())
                        .setBoundaryAfter(boundaryAfter)
                        .build()),
                false);
        messages.getLast().put("name", guard.apply(result.getName()));
    }

    List<Map<String, Object>> declarations(List<ToolDeclaration> tools) {
        List<Map<String, Object>> declarations = new ArrayList<>();
        for (ToolDeclaration tool : tools) {
            declarations.add(Map.of("type", "function", "function", value(ToolTurns.declaration(tool))));
        }
        return declarations;
    }

    /** JSON as a template's values, in the order of the text. */
    private Object value(JsonNode node) {
        return JSON.treeToValue(guarded(node), Object.class);
    }

    private JsonNode guarded(JsonNode node) {
        if (node.isString()) {
            return JSON.getNodeFactory().stringNode(guard.apply(node.stringValue()));
        }
        if (node.isArray()) {
            var array = JSON.createArrayNode();
            node.forEach(item -> array.add(guarded(item)));
            return array;
        }
        if (node.isObject()) {
            var object = JSON.createObjectNode();
            node.properties().forEach(entry -> object.set(guard.apply(entry.getKey()), guarded(entry.getValue())));
            return object;
        }
        return node;
    }

    List<Map<String, Object>> messages() {
        return messages;
    }

    /** What stands in the place of each placeholder. */
    List<List<RenderPart>> contents() {
        return contents;
    }

    boolean isModel(int content) {
        return isModel.get(content);
    }
}
