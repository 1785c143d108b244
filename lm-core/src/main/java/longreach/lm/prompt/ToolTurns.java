package longreach.lm.prompt;

import java.util.ArrayList;
import java.util.List;
import longreach.v1.RenderPart;
import longreach.v1.ToolCall;
import longreach.v1.ToolDeclaration;
import longreach.v1.ToolResult;
import longreach.v1.Turn;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Functions, calls and results as plain text, for models whose chat template knows nothing of them. */
final class ToolTurns {
    private static final JsonMapper JSON = JsonMapper.shared();

    private ToolTurns() {}

    /** The caller's system turn, and behind it what may be called and how. */
    static List<RenderPart> system(List<RenderPart> system, List<ToolDeclaration> tools, ToolSyntax syntax) {
        if (tools.isEmpty()) {
            return system;
        }
        var text = new StringBuilder(system.isEmpty() ? "" : "\n\n");
        text.append("You can call these functions, one JSON object a line:\n");
        for (ToolDeclaration tool : tools) {
            text.append(declaration(tool)).append('\n');
        }
        text.append("To call one, answer with\n")
                .append(syntax.open())
                .append("\n{\"name\": \"the function's name\", \"")
                .append(syntax.argumentsKey())
                .append("\": {its arguments}}\n")
                .append(syntax.close())
                .append("\nand nothing else; you will be given what it returns. Without need of a function, answer in"
                        + " words.");
        List<RenderPart> all = new ArrayList<>(system);
        all.add(RenderPart.newBuilder()
                .setText(text.toString())
                .setBoundaryAfter(true)
                .build());
        return all;
    }

    static ObjectNode declaration(ToolDeclaration tool) {
        ObjectNode node = JSON.createObjectNode();
        node.put("name", tool.getName());
        if (!tool.getDescription().isEmpty()) {
            node.put("description", tool.getDescription());
        }
        node.set(
                "parameters",
                tool.getParametersSchema().isEmpty()
                        ? JSON.readTree("{\"type\":\"object\",\"properties\":{}}")
                        : parse(tool.getParametersSchema(), "parameters of " + tool.getName()));
        return node;
    }

    /** @throws IllegalArgumentException when the text is not JSON */
    static JsonNode parse(String json, String what) {
        try {
            return JSON.readTree(json);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(what + ": not JSON (expected: JSON)", e);
        }
    }

    /** Turns with text in the place of calls and results. */
    static List<Turn> plain(List<Turn> turns, ToolSyntax syntax) {
        List<Turn> plain = new ArrayList<>();
        for (Turn turn : turns) {
            Turn.Builder built = Turn.newBuilder().setRole(turn.getRole());
            for (int i = 0; i < turn.getPartsCount(); i++) {
                RenderPart part = turn.getParts(i);
                String line = i == 0 ? "" : "\n";
                switch (part.getKindCase()) {
                    case CALL -> built.addParts(text(part, line + call(part.getCall(), syntax)));
                    case RESULT -> built.addParts(text(part, line + result(part.getResult())));
                    default -> built.addParts(part);
                }
            }
            plain.add(built.build());
        }
        return plain;
    }

    private static RenderPart text(RenderPart part, String text) {
        return RenderPart.newBuilder()
                .setText(text)
                .setBoundaryAfter(part.getBoundaryAfter())
                .build();
    }

    private static String call(ToolCall call, ToolSyntax syntax) {
        ObjectNode node = JSON.createObjectNode();
        node.put("name", call.getName());
        node.set(syntax.argumentsKey(), arguments(call));
        return syntax.open() + "\n" + node + "\n" + syntax.close();
    }

    static JsonNode arguments(ToolCall call) {
        return call.getArguments().isEmpty()
                ? JSON.createObjectNode()
                : parse(call.getArguments(), "arguments of " + call.getName());
    }

    private static String result(ToolResult result) {
        ObjectNode node = JSON.createObjectNode();
        node.put("name", result.getName());
        node.set("response", parse(result.getResponse(), "response of " + result.getName()));
        return "<tool_response>\n" + node + "\n</tool_response>";
    }
}
