package longreach.lm.rpc;

import java.util.List;
import longreach.lm.engine.AnswerForm;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.ServedModel;
import longreach.lm.engine.ThinkMarkers;
import longreach.lm.grammar.Constraints;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.ToolSyntax;
import longreach.v1.Constraint;
import longreach.v1.Open;
import longreach.v1.ToolUse;

/** What a request wants an answer to be made of. */
final class AnswerForms {
    // A template may put a line break behind the marker that begins thoughts.
    private static final int MARKER_WITHIN = 4;

    private AnswerForms() {}

    static AnswerForm of(Open open, ServedModel model, TokenStream prompt) {
        Constraints.Form text = open.hasConstraint() ? text(open.getConstraint()) : null;
        AnswerForm.Thinking thinking = thinking(open, model.thinking(), prompt);
        if (open.hasTools()) {
            ToolSyntax syntax = model.template().calls();
            var calls = calls(open.getTools(), syntax, text);
            return new AnswerForm(model.constraints().mask(calls), syntax, thinking);
        }
        return new AnswerForm(text == null ? null : model.constraints().mask(text), null, thinking);
    }

    private static Constraints.Form text(Constraint constraint) {
        return switch (constraint.getKindCase()) {
            case JSON_SCHEMA -> new Constraints.Json(constraint.getJsonSchema());
            case CHOICE -> new Constraints.Choice(constraint.getChoice().getTextsList());
            case KIND_NOT_SET ->
                throw new EngineException.InvalidRequest("constraint: empty (expected: json_schema or choice)");
        };
    }

    private static Constraints.Form calls(ToolUse tools, ToolSyntax syntax, Constraints.Form text) {
        List<Constraints.Function> functions = tools.getDeclarationsList().stream()
                .map(tool -> new Constraints.Function(tool.getName(), tool.getParametersSchema()))
                .toList();
        boolean required = switch (tools.getMode()) {
            case AUTO -> false;
            case REQUIRED -> true;
            case UNRECOGNIZED ->
                throw new EngineException.InvalidRequest(
                        "tools.mode: " + tools.getModeValue() + " (expected: AUTO or REQUIRED)");
        };
        return new Constraints.Calls(
                syntax, functions, Requests.unsigned("tools.max_calls", tools.getMaxCalls()), required, text);
    }

    /** Null for a model that does not think. */
    private static AnswerForm.Thinking thinking(Open open, ThinkMarkers markers, TokenStream prompt) {
        if (markers == null) {
            return null;
        }
        int budget = open.getThinking().hasBudget()
                ? Requests.unsigned("thinking.budget", open.getThinking().getBudget())
                : Integer.MAX_VALUE;
        return new AnswerForm.Thinking(markers, begun(markers, prompt), budget);
    }

    /** Whether the prompt ends inside thoughts. */
    private static boolean begun(ThinkMarkers markers, TokenStream prompt) {
        for (int p = prompt.length() - 1; p >= Math.max(0, prompt.length() - MARKER_WITHIN); p--) {
            if (prompt.id(p) == markers.open()) {
                return true;
            }
            if (prompt.id(p) == markers.close()) {
                return false;
            }
        }
        return false;
    }
}
