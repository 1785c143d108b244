package longreach.gateway.openai;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.Fields;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.Blob;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.FileData;
import longreach.gemini.v1beta.FunctionCall;
import longreach.gemini.v1beta.FunctionCallingConfig;
import longreach.gemini.v1beta.FunctionDeclaration;
import longreach.gemini.v1beta.FunctionResponse;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerationConfig;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.Tool;
import longreach.gemini.v1beta.ToolConfig;

/**
 * A chat completion as it was asked for.
 *
 * @param model as the caller wrote it
 * @param proto one candidate's request; ranges are checked where every request's are
 * @param choices how many answers
 */
public record ChatRequest(
        String model, GenerateContentRequest proto, int choices, boolean stream, boolean streamUsage) {
    private static final int MAX_CHOICES = 8;
    private static final Pattern DATA_URL = Pattern.compile("data:([^;,]{1,100})(?:;[^;,]{0,100})*;base64,");
    private static final Map<String, String> AUDIO_TYPES = Map.of(
            "wav", "audio/wav", "mp3", "audio/mpeg", "flac", "audio/flac", "ogg", "audio/ogg", "m4a", "audio/mp4");

    /**
     * @param fetches whether media may be at web addresses
     * @throws ApiException INVALID_ARGUMENT, naming the field as OpenAI calls it
     */
    public static ChatRequest parse(JsonObject body, boolean fetches) {
        var fields = new Fields(body, "");
        var model = fields.text("model")
                .filter(name -> !name.isBlank())
                .orElseThrow(() -> ApiException.badField("model", "empty", "a model's name, as GET models lists them"));
        int choices = fields.integer("n").orElse(1);
        if (choices < 1 || choices > MAX_CHOICES) {
            throw ApiException.badField("n", choices, "1 <= n <= " + MAX_CHOICES);
        }
        var proto = GenerateContentRequest.newBuilder().setModel("models/" + model.replaceFirst("^models/", ""));
        messages(fields, proto, fetches);
        tools(fields, proto);
        proto.setGenerationConfig(config(fields));
        var stream = fields.flag("stream");
        var usage = fields.child("stream_options")
                .map(options -> options.flag("include_usage"))
                .orElse(false);
        fields.text("cached_content").ifPresent(proto::setCachedContent);
        return new ChatRequest(model, proto.build(), choices, stream, usage);
    }

    /** The request of one of the answers: with a seed, each has its own. */
    public GenerateContentRequest choice(int index) {
        if (index == 0 || !proto.getGenerationConfig().hasSeed()) {
            return proto;
        }
        var changed = proto.toBuilder();
        changed.getGenerationConfigBuilder().setSeed(proto.getGenerationConfig().getSeed() + index);
        return changed.build();
    }

    private static void messages(Fields fields, GenerateContentRequest.Builder proto, boolean fetches) {
        var messages = fields.list("messages")
                .filter(list -> !list.isEmpty())
                .orElseThrow(() -> ApiException.badField("messages", "empty", "at least one message"));
        var calls = new HashMap<String, String>();
        for (int i = 0; i < messages.size(); i++) {
            var message = Fields.of(messages.get(i), "messages[" + i + "]");
            var role = message.text("role").orElse("");
            switch (role) {
                case "system", "developer" -> {
                    if (proto.getContentsCount() > 0) {
                        // The model's template has one system turn, at the beginning.
                        throw ApiException.badField(
                                message.at("role"), '"' + role + '"', "system messages before all others");
                    }
                    proto.getSystemInstructionBuilder().addAllParts(parts(message, fetches));
                }
                case "user" ->
                    proto.addContents(Content.newBuilder().setRole("user").addAllParts(parts(message, fetches)));
                case "assistant" -> proto.addContents(assistant(message, calls, fetches));
                case "tool" -> proto.addContents(result(message, calls, fetches));
                default ->
                    throw ApiException.badField(
                            message.at("role"),
                            '"' + shorten(role) + '"',
                            "system, developer, user, assistant or tool");
            }
        }
        if (proto.getContentsCount() == 0) {
            throw ApiException.badField("messages", "only system messages", "at least one of the user's");
        }
    }

    private static Content assistant(Fields message, Map<String, String> calls, boolean fetches) {
        var content = Content.newBuilder().setRole("model");
        if (message.has("content")) {
            content.addAllParts(parts(message, fetches));
        }
        message.list("tool_calls").ifPresent(list -> {
            for (int i = 0; i < list.size(); i++) {
                var call = Fields.of(list.get(i), message.at("tool_calls[" + i + "]"));
                var function = call.child("function")
                        .orElseThrow(() -> ApiException.badField(call.at("function"), "absent", "a function call"));
                var name = function.text("name").orElse("");
                var id = call.text("id").orElse("");
                calls.put(id, name);
                var arguments = Struct.newBuilder();
                merge(function.text("arguments").orElse("{}"), arguments, function.at("arguments"));
                content.addParts(Part.newBuilder()
                        .setFunctionCall(FunctionCall.newBuilder()
                                .setId(id)
                                .setName(name)
                                .setArgs(arguments)));
            }
        });
        if (content.getPartsCount() == 0) {
            throw ApiException.badField(message.at("content"), "empty", "text or tool_calls");
        }
        return content.build();
    }

    private static Content result(Fields message, Map<String, String> calls, boolean fetches) {
        var id = message.text("tool_call_id").orElse("");
        var name = calls.get(id);
        if (name == null) {
            throw ApiException.badField(message.at("tool_call_id"), shorten(id), "the id of an earlier tool call");
        }
        var text = new StringBuilder();
        parts(message, fetches).forEach(part -> text.append(part.getText()));
        return Content.newBuilder()
                .setRole("user")
                .addParts(Part.newBuilder()
                        .setFunctionResponse(FunctionResponse.newBuilder()
                                .setId(id)
                                .setName(name)
                                .setResponse(Struct.newBuilder()
                                        .putFields(
                                                "result",
                                                Value.newBuilder()
                                                        .setStringValue(text.toString())
                                                        .build()))))
                .build();
    }

    private static List<Part> parts(Fields message, boolean fetches) {
        if (message.any("content") instanceof JsonPrimitive text && text.isString()) {
            return List.of(Part.newBuilder().setText(text.getAsString()).build());
        }
        var list = message.list("content").orElseThrow();
        if (list.isEmpty()) {
            throw ApiException.badField(message.at("content"), "empty", "a string or at least one part");
        }
        var parts = new java.util.ArrayList<Part>();
        for (int i = 0; i < list.size(); i++) {
            parts.add(part(Fields.of(list.get(i), message.at("content[" + i + "]")), fetches));
        }
        return parts;
    }

    private static Part part(Fields part, boolean fetches) {
        var type = part.text("type").orElse("");
        return switch (type) {
            case "text", "input_text", "output_text" ->
                Part.newBuilder().setText(part.text("text").orElse("")).build();
            case "image_url", "video_url", "audio_url" -> {
                var holder = part.any(type);
                var url = holder instanceof JsonPrimitive plain && plain.isString()
                        ? plain.getAsString()
                        : Fields.of(holder, part.at(type)).text("url").orElse("");
                yield media(url, part.at(type) + ".url", fetches);
            }
            case "input_audio" -> {
                var audio = part.child("input_audio")
                        .orElseThrow(() -> ApiException.badField(part.at("input_audio"), "absent", "data and format"));
                var format = audio.text("format").orElse("");
                var mimeType = AUDIO_TYPES.get(format);
                if (mimeType == null) {
                    throw ApiException.badField(audio.at("format"), shorten(format), "wav, mp3, flac, ogg or m4a");
                }
                yield inline(mimeType, audio.text("data").orElse(""), audio.at("data"));
            }
            case "file" -> {
                var file = part.child("file")
                        .orElseThrow(() -> ApiException.badField(part.at("file"), "absent", "file_id or file_data"));
                yield file.text("file_id")
                        .map(id -> fileData(id.startsWith("files/") ? id : "files/" + id))
                        .orElseGet(() -> media(file.text("file_data").orElse(""), file.at("file_data"), fetches));
            }
            default ->
                throw ApiException.badField(
                        part.at("type"), '"' + shorten(type) + '"', "text, image_url, input_audio, video_url or file");
        };
    }

    /** A data URL, a file that was uploaded here, or a web address. */
    private static Part media(String url, String path, boolean fetches) {
        if (!url.startsWith("data:")) {
            return fileData(fetches && Requests.isElsewhere(url) ? url : Requests.fileName(url, path));
        }
        var match = DATA_URL.matcher(url);
        if (!match.lookingAt()) {
            throw ApiException.badField(path, "a data URL of another form", "data:TYPE;base64,...");
        }
        return inline(match.group(1), url.substring(match.end()), path);
    }

    private static Part fileData(String uri) {
        return Part.newBuilder()
                .setFileData(FileData.newBuilder().setFileUri(uri))
                .build();
    }

    private static Part inline(String mimeType, String base64, String path) {
        try {
            return Part.newBuilder()
                    .setInlineData(Blob.newBuilder()
                            .setMimeType(mimeType)
                            .setData(ByteString.copyFrom(Base64.getDecoder().decode(base64))))
                    .build();
        } catch (IllegalArgumentException e) {
            throw ApiException.badField(path, "broken base64", "standard base64");
        }
    }

    private static GenerationConfig config(Fields fields) {
        var config = GenerationConfig.newBuilder();
        fields.number("temperature").ifPresent(value -> config.setTemperature(value.floatValue()));
        fields.number("top_p").ifPresent(value -> config.setTopP(value.floatValue()));
        fields.integer("top_k").ifPresent(config::setTopK);
        fields.integer("seed").ifPresent(config::setSeed);
        fields.number("presence_penalty").ifPresent(value -> config.setPresencePenalty(value.floatValue()));
        fields.number("frequency_penalty").ifPresent(value -> config.setFrequencyPenalty(value.floatValue()));
        fields.integer("max_completion_tokens")
                .or(() -> fields.integer("max_tokens"))
                .ifPresent(config::setMaxOutputTokens);
        if (fields.has("stop")) {
            var stop = fields.any("stop");
            if (stop instanceof JsonPrimitive one && one.isString()) {
                config.addStopSequences(one.getAsString());
            } else {
                for (JsonElement each : fields.list("stop").orElseThrow()) {
                    if (!(each instanceof JsonPrimitive text && text.isString())) {
                        throw ApiException.badField("stop", "a list of something else", "strings");
                    }
                    config.addStopSequences(text.getAsString());
                }
            }
        }
        if (fields.flag("logprobs")) {
            config.setResponseLogprobs(true)
                    .setLogprobs(fields.integer("top_logprobs").orElse(0));
        } else if (fields.integer("top_logprobs").orElse(0) != 0) {
            throw ApiException.badField("top_logprobs", "set", "logprobs: true beside it");
        }
        fields.child("response_format").ifPresent(format -> responseFormat(format, config));
        return config.build();
    }

    private static void responseFormat(Fields format, GenerationConfig.Builder config) {
        var type = format.text("type").orElse("");
        switch (type) {
            case "text" -> {}
            case "json_object" -> config.setResponseMimeType("application/json");
            case "json_schema" -> {
                var schema = format.child("json_schema")
                        .orElseThrow(() -> ApiException.badField(format.at("json_schema"), "absent", "a schema"));
                config.setResponseMimeType("application/json");
                if (schema.has("schema")) {
                    merge(
                            schema.any("schema").toString(),
                            config.getResponseJsonSchemaOrderedBuilder(),
                            schema.at("schema"));
                }
            }
            default ->
                throw ApiException.badField(
                        format.at("type"), '"' + shorten(type) + '"', "text, json_object or json_schema");
        }
    }

    private static void tools(Fields fields, GenerateContentRequest.Builder proto) {
        var list = fields.list("tools").filter(tools -> !tools.isEmpty());
        if (list.isEmpty()) {
            return;
        }
        var tool = Tool.newBuilder();
        for (int i = 0; i < list.get().size(); i++) {
            var one = Fields.of(list.get().get(i), "tools[" + i + "]");
            var function = one.child("function")
                    .filter(each -> one.text("type").orElse("").equals("function"))
                    .orElseThrow(() -> ApiException.badField(one.at("type"), "another", "function"));
            var declared = FunctionDeclaration.newBuilder()
                    .setName(function.text("name").orElse(""))
                    .setDescription(function.text("description").orElse(""));
            if (function.has("parameters")) {
                merge(
                        function.any("parameters").toString(),
                        declared.getParametersJsonSchemaBuilder(),
                        function.at("parameters"));
            }
            tool.addFunctionDeclarations(declared);
        }
        proto.addTools(tool);
        if (fields.has("tool_choice")) {
            proto.setToolConfig(ToolConfig.newBuilder().setFunctionCallingConfig(choice(fields)));
        }
    }

    private static FunctionCallingConfig.Builder choice(Fields fields) {
        var config = FunctionCallingConfig.newBuilder();
        if (fields.any("tool_choice") instanceof JsonObject chosen) {
            var function = new Fields(chosen, "tool_choice")
                    .child("function")
                    .orElseThrow(() -> ApiException.badField("tool_choice.function", "absent", "a function's name"));
            return config.setMode(FunctionCallingConfig.Mode.ANY)
                    .addAllowedFunctionNames(function.text("name").orElse(""));
        }
        var mode = fields.text("tool_choice").orElse("");
        return switch (mode) {
            case "auto" -> config.setMode(FunctionCallingConfig.Mode.AUTO);
            case "none" -> config.setMode(FunctionCallingConfig.Mode.NONE);
            case "required" -> config.setMode(FunctionCallingConfig.Mode.ANY);
            default -> throw ApiException.badField("tool_choice", shorten(mode), "auto, none, required or a function");
        };
    }

    private static void merge(String json, Message.Builder into, String path) {
        try {
            JsonFormat.parser().merge(json, into);
        } catch (InvalidProtocolBufferException e) {
            throw ApiException.badField(path, "not the JSON of an object", "a JSON object");
        }
    }

    private static String shorten(String text) {
        return text.length() <= 60 ? text : text.substring(0, 57) + "...";
    }
}
