package longreach.gateway.interaction;

import static longreach.gateway.error.ApiException.badField;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.Fields;
import longreach.gemini.v1beta.FunctionCallingConfig;
import longreach.gemini.v1beta.FunctionDeclaration;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerationConfig;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.ThinkingConfig;
import longreach.gemini.v1beta.Tool;
import longreach.gemini.v1beta.ToolConfig;

/**
 * An interaction as it was asked for. Ranges are checked where every request's are.
 *
 * @param model as the caller wrote it
 * @param proto everything but the input
 * @param input what is said now, not looked at yet: functions' results in it name calls of the interaction before
 * @param previous the id of the interaction that this one follows; empty: none
 * @param told the request's fields that are told again with the interaction, without the bytes of media
 */
public record InteractionRequest(
        String model,
        GenerateContentRequest proto,
        JsonElement input,
        Optional<String> previous,
        boolean store,
        boolean stream,
        boolean background,
        JsonObject told) {
    private static final int MAX_LABELS = 64;
    private static final String LABEL_KEY = "[\\p{Ll}\\p{Lo}][\\p{Ll}\\p{Lo}\\p{N}_-]{0,62}";
    private static final String LABEL_VALUE = "[\\p{Ll}\\p{Lo}\\p{N}_-]{0,63}";
    /** Most thoughts by how hard the model shall think. */
    private static final Map<String, Integer> THINKING =
            Map.of("minimal", 0, "low", 1024, "medium", 8192, "high", 24_576, "xhigh", 24_576);
    /** Told again as they came. */
    private static final List<String> TOLD =
            List.of("system_instruction", "tools", "generation_config", "response_format", "labels", "cached_content");

    private static final List<String> THRESHOLDS =
            List.of("block_low_and_above", "block_medium_and_above", "block_only_high", "block_none", "off");

    /** @throws ApiException INVALID_ARGUMENT, naming the field as interactions call it */
    public static InteractionRequest parse(JsonObject body) {
        var fields = new Fields(body, "");
        if (fields.has("agent")) {
            throw ApiException.unimplemented("agent: set (expected: model; no agents are served)");
        }
        var model = fields.text("model")
                .filter(name -> !name.isBlank())
                .orElseThrow(() -> badField("model", "empty", "a model's name, as GET models lists them"));
        if (!fields.has("input")) {
            throw badField("input", "absent", "a string, a content, or a list of contents or steps");
        }
        boolean store = !fields.has("store") || fields.flag("store");
        boolean background = fields.flag("background");
        if (background && !store) {
            throw badField("background", true, "store: true, or nobody could ask for the outcome");
        }
        for (var name : List.of("environment", "webhook_config", "continuation_token")) {
            if (fields.has(name)) {
                throw ApiException.unimplemented(name + ": set (expected: absent; it is not served)");
            }
        }
        var proto = GenerateContentRequest.newBuilder().setModel("models/" + model.replaceFirst("^models/", ""));
        fields.text("system_instruction")
                .filter(text -> !text.isEmpty())
                .ifPresent(text -> proto.getSystemInstructionBuilder()
                        .addParts(Part.newBuilder().setText(text)));
        fields.text("cached_content").ifPresent(proto::setCachedContent);
        var config = config(fields, proto);
        responseFormat(fields, config);
        proto.setGenerationConfig(config);
        tools(fields, proto);
        checkSafety(fields);
        checkLabels(fields);
        var previous = fields.text("previous_interaction_id").filter(id -> !id.isEmpty());
        if (previous.isPresent() && !proto.getCachedContent().isEmpty()) {
            throw badField("cached_content", "set beside previous_interaction_id", "one of the two");
        }
        return new InteractionRequest(
                proto.getModel().substring("models/".length()),
                proto.build(),
                fields.any("input"),
                previous,
                store,
                fields.flag("stream"),
                background,
                told(body));
    }

    private static JsonObject told(JsonObject body) {
        var told = new JsonObject();
        for (var name : TOLD) {
            if (body.has(name) && !body.get(name).isJsonNull()) {
                told.add(name, body.get(name));
            }
        }
        told.add("input", withoutBytes(body.get("input")));
        return told;
    }

    private static JsonElement withoutBytes(JsonElement input) {
        return switch (input) {
            case JsonArray array -> {
                var out = new JsonArray();
                array.forEach(each -> out.add(withoutBytes(each)));
                yield out;
            }
            case JsonObject object -> {
                var out = new JsonObject();
                object.entrySet().forEach(entry -> {
                    if (!entry.getKey().equals("data")) {
                        out.add(entry.getKey(), withoutBytes(entry.getValue()));
                    }
                });
                yield out;
            }
            default -> input;
        };
    }

    private static GenerationConfig.Builder config(Fields fields, GenerateContentRequest.Builder proto) {
        var config = GenerationConfig.newBuilder();
        var given = fields.child("generation_config");
        if (given.isEmpty()) {
            return config;
        }
        var from = given.get();
        from.number("temperature").ifPresent(value -> config.setTemperature(value.floatValue()));
        from.number("top_p").ifPresent(value -> config.setTopP(value.floatValue()));
        from.integer("top_k").ifPresent(config::setTopK);
        from.integer("seed").ifPresent(config::setSeed);
        from.integer("max_output_tokens").ifPresent(config::setMaxOutputTokens);
        from.number("presence_penalty").ifPresent(value -> config.setPresencePenalty(value.floatValue()));
        from.number("frequency_penalty").ifPresent(value -> config.setFrequencyPenalty(value.floatValue()));
        from.list("stop_sequences").ifPresent(list -> {
            for (int i = 0; i < list.size(); i++) {
                config.addStopSequences(string(list.get(i), from.at("stop_sequences[" + i + "]")));
            }
        });
        thinking(from, config);
        if (from.has("tool_choice")) {
            proto.setToolConfig(ToolConfig.newBuilder().setFunctionCallingConfig(choice(from)));
        }
        return config;
    }

    private static void thinking(Fields from, GenerationConfig.Builder config) {
        var thinking = ThinkingConfig.newBuilder();
        from.text("thinking_level").ifPresent(level -> {
            var budget = THINKING.get(level);
            if (budget == null) {
                throw badField(from.at("thinking_level"), shorten(level), "minimal, low, medium, high or xhigh");
            }
            thinking.setThinkingBudget(budget);
        });
        from.text("thinking_summaries").ifPresent(summaries -> {
            switch (summaries) {
                case "auto" -> thinking.setIncludeThoughts(true);
                case "none" -> thinking.setIncludeThoughts(false);
                default -> throw badField(from.at("thinking_summaries"), shorten(summaries), "auto or none");
            }
        });
        if (from.has("thinking_level") || from.has("thinking_summaries")) {
            config.setThinkingConfig(thinking);
        }
    }

    private static FunctionCallingConfig.Builder choice(Fields from) {
        var out = FunctionCallingConfig.newBuilder();
        if (!(from.any("tool_choice") instanceof JsonObject)) {
            return out.setMode(mode(from.text("tool_choice").orElse(""), from.at("tool_choice")));
        }
        var choice = from.child("tool_choice").orElseThrow();
        var allowed = choice.child("allowed_tools")
                .orElseThrow(() -> badField(choice.at("allowed_tools"), "absent", "mode and tools"));
        allowed.list("tools").ifPresent(list -> {
            for (int i = 0; i < list.size(); i++) {
                out.addAllowedFunctionNames(string(list.get(i), allowed.at("tools[" + i + "]")));
            }
        });
        return out.setMode(mode(allowed.text("mode").orElse("auto"), allowed.at("mode")));
    }

    private static FunctionCallingConfig.Mode mode(String mode, String path) {
        return switch (mode) {
            case "auto" -> FunctionCallingConfig.Mode.AUTO;
            case "any" -> FunctionCallingConfig.Mode.ANY;
            case "none" -> FunctionCallingConfig.Mode.NONE;
            case "validated" -> FunctionCallingConfig.Mode.VALIDATED;
            default -> throw badField(path, shorten(mode), "auto, any, none, validated, or allowed_tools");
        };
    }

    /** One format, a list with one of text, or the schema alone. */
    private static void responseFormat(Fields fields, GenerationConfig.Builder config) {
        fields.text("response_mime_type").ifPresent(config::setResponseMimeType);
        if (!fields.has("response_format")) {
            return;
        }
        if (fields.any("response_format") instanceof JsonArray) {
            var list = fields.list("response_format").orElseThrow();
            if (list.size() > 1) {
                throw badField("response_format", list.size() + " formats", "one, of type text");
            }
            if (!list.isEmpty()) {
                format(Fields.of(list.get(0), "response_format[0]"), config);
            }
            return;
        }
        format(fields.child("response_format").orElseThrow(), config);
    }

    private static void format(Fields format, GenerationConfig.Builder config) {
        var type = format.text("type").orElse("");
        if (List.of("audio", "image", "video").contains(type)) {
            throw badField(format.at("type"), type, "text");
        }
        if (!type.equals("text")) {
            schema(format.object(), config, format.path());
            return;
        }
        format.text("mime_type").ifPresent(config::setResponseMimeType);
        format.child("schema").ifPresent(schema -> schema(schema.object(), config, schema.path()));
    }

    private static void schema(JsonObject schema, GenerationConfig.Builder config, String path) {
        if (config.getResponseMimeType().isEmpty()) {
            config.setResponseMimeType("application/json");
        }
        merge(schema, config.getResponseJsonSchemaOrderedBuilder(), path);
    }

    private static void tools(Fields fields, GenerateContentRequest.Builder proto) {
        var list = fields.list("tools").filter(tools -> !tools.isEmpty());
        if (list.isEmpty()) {
            return;
        }
        var tool = Tool.newBuilder();
        for (int i = 0; i < list.get().size(); i++) {
            var one = Fields.of(list.get().get(i), "tools[" + i + "]");
            var type = one.text("type").orElse("");
            if (!type.equals("function")) {
                throw ApiException.unimplemented(
                        one.at("type") + ": " + shorten(type) + " (expected: function; no other tool is served)");
            }
            var declared = FunctionDeclaration.newBuilder()
                    .setName(one.text("name").orElse(""))
                    .setDescription(one.text("description").orElse(""));
            one.child("parameters")
                    .ifPresent(parameters ->
                            merge(parameters.object(), declared.getParametersJsonSchemaBuilder(), parameters.path()));
            tool.addFunctionDeclarations(declared);
        }
        proto.addTools(tool);
    }

    /** Nothing is filtered here, whatever they say; what they say must make sense. */
    private static void checkSafety(Fields fields) {
        fields.list("safety_settings").ifPresent(list -> {
            for (int i = 0; i < list.size(); i++) {
                var setting = Fields.of(list.get(i), "safety_settings[" + i + "]");
                if (setting.text("type").orElse("").isEmpty()) {
                    throw badField(setting.at("type"), "absent", "a category of harm");
                }
                var threshold = setting.text("threshold").orElse("");
                if (!THRESHOLDS.contains(threshold)) {
                    throw badField(setting.at("threshold"), shorten(threshold), String.join(", ", THRESHOLDS));
                }
            }
        });
    }

    private static void checkLabels(Fields fields) {
        var labels = fields.child("labels");
        if (labels.isEmpty()) {
            return;
        }
        var names = labels.get().object().keySet();
        if (names.size() > MAX_LABELS) {
            throw badField("labels", names.size() + " of them", "at most " + MAX_LABELS);
        }
        for (var name : names) {
            if (!name.matches(LABEL_KEY)) {
                throw badField(
                        "labels", '"' + shorten(name) + '"', "a lower-case letter, then letters, digits, _ and -, 63");
            }
            if (!labels.get().text(name).orElse("").matches(LABEL_VALUE)) {
                throw badField(
                        labels.get().at(name), "another value", "at most 63 lower-case letters, digits, _ and -");
            }
        }
    }

    static String string(JsonElement value, String path) {
        if (value instanceof JsonPrimitive text && text.isString()) {
            return text.getAsString();
        }
        throw badField(path, "something else", "a string");
    }

    static void merge(JsonObject json, Message.Builder into, String path) {
        try {
            JsonFormat.parser().merge(json.toString(), into);
        } catch (java.io.IOException | IllegalArgumentException e) {
            throw badField(path, "not the JSON of an object", "a JSON object");
        }
    }

    static String shorten(String text) {
        return text.length() <= 60 ? text : text.substring(0, 57) + "...";
    }
}
