package longreach.lm.openai;

import longreach.lm.engine.EngineException;
import longreach.v1.Constraint;
import longreach.v1.Open;
import longreach.v1.Sampling;
import longreach.v1.ToolDeclaration;
import longreach.v1.ToolUse;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The body of a chat completion. */
final class ChatRequest {
    private static final JsonMapper JSON = JsonMapper.shared();

    private ChatRequest() {}

    static ObjectNode of(Open open, OpenAiSettings settings) {
        ArrayNode messages = Conversation.messages(open.getSegmentsList());
        ObjectNode body = JSON.createObjectNode().put("model", settings.model());
        body.set("messages", messages);
        body.put("stream", true);
        body.putObject("stream_options").put("include_usage", true);
        body.put("max_tokens", open.getMaxTokens());
        sampling(open.getSampling(), body);
        if (open.hasConstraint()) {
            constraint(open.getConstraint(), settings, body);
        }
        if (open.hasTools()) {
            tools(open.getTools(), body);
        }
        if (messages.get(messages.size() - 1).path("role").stringValue("").equals("assistant")) {
            // vLLM's way to have a turn continued; others pass it over.
            body.put("add_generation_prompt", false).put("continue_final_message", true);
        }
        return body;
    }

    /** Fields that OpenAI does not have are sent only when they say something. */
    private static void sampling(Sampling sampling, ObjectNode body) {
        body.put("temperature", sampling.getTemperature());
        if (sampling.getTopP() > 0 && sampling.getTopP() < 1) {
            body.put("top_p", sampling.getTopP());
        }
        if (sampling.getTopK() > 0) {
            body.put("top_k", sampling.getTopK());
        }
        if (sampling.getMinP() > 0) {
            body.put("min_p", sampling.getMinP());
        }
        if (sampling.hasSeed()) {
            // Some servers keep it in 32 bits.
            body.put("seed", sampling.getSeed() & Integer.MAX_VALUE);
        }
        if (sampling.getPresencePenalty() != 0) {
            body.put("presence_penalty", sampling.getPresencePenalty());
        }
        if (sampling.getFrequencyPenalty() != 0) {
            body.put("frequency_penalty", sampling.getFrequencyPenalty());
        }
        if (sampling.getRepetitionPenalty() > 0 && sampling.getRepetitionPenalty() != 1) {
            body.put("repetition_penalty", sampling.getRepetitionPenalty());
            body.put("repeat_penalty", sampling.getRepetitionPenalty());
        }
        if (sampling.getStopCount() > 0) {
            ArrayNode stop = body.putArray("stop");
            sampling.getStopList().forEach(stop::add);
        }
        if (sampling.hasLogprobs()) {
            body.put("logprobs", true).put("top_logprobs", sampling.getLogprobs());
        }
    }

    private static void constraint(Constraint constraint, OpenAiSettings settings, ObjectNode body) {
        JsonNode schema = switch (constraint.getKindCase()) {
            case JSON_SCHEMA -> schema(constraint.getJsonSchema(), "constraint.json_schema");
            case CHOICE -> {
                ObjectNode text = JSON.createObjectNode().put("type", "string");
                ArrayNode values = text.putArray("enum");
                constraint.getChoice().getTextsList().forEach(values::add);
                yield text;
            }
            case KIND_NOT_SET ->
                throw new EngineException.InvalidRequest("constraint: empty (expected: json_schema or choice)");
        };
        ObjectNode format = body.putObject("response_format");
        if (schema.isBoolean()) {
            format.put("type", "json_object");
            return;
        }
        switch (settings.schema()) {
            case JSON_SCHEMA -> {
                format.put("type", "json_schema");
                format.putObject("json_schema")
                        .put("name", "answer")
                        .put("strict", true)
                        .set("schema", schema);
            }
            case JSON_OBJECT -> format.put("type", "json_object").set("schema", schema);
        }
    }

    private static JsonNode schema(String text, String what) {
        try {
            return JSON.readTree(text);
        } catch (JacksonException e) {
            throw new EngineException.InvalidRequest(what + ": not JSON (expected: a JSON Schema)");
        }
    }

    private static void tools(ToolUse use, ObjectNode body) {
        ArrayNode tools = body.putArray("tools");
        for (ToolDeclaration declaration : use.getDeclarationsList()) {
            ObjectNode function = tools.addObject().put("type", "function").putObject("function");
            function.put("name", declaration.getName()).put("description", declaration.getDescription());
            function.set(
                    "parameters",
                    schema(
                            declaration.getParametersSchema().isEmpty()
                                    ? "{\"type\":\"object\",\"properties\":{}}"
                                    : declaration.getParametersSchema(),
                            "parameters of " + declaration.getName()));
        }
        boolean one = use.getMode() == ToolUse.Mode.REQUIRED && use.getDeclarationsCount() == 1;
        if (one) {
            // Understood by servers that do not know "required".
            body.putObject("tool_choice")
                    .put("type", "function")
                    .putObject("function")
                    .put("name", use.getDeclarations(0).getName());
        } else {
            body.put("tool_choice", use.getMode() == ToolUse.Mode.REQUIRED ? "required" : "auto");
        }
    }
}
