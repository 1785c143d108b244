package longreach.gateway.interaction;

import static longreach.gateway.error.ApiException.badField;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Struct;
import com.google.protobuf.util.Durations;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.Fields;
import longreach.gemini.v1beta.Blob;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.FileData;
import longreach.gemini.v1beta.FunctionCall;
import longreach.gemini.v1beta.FunctionResponse;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.VideoMetadata;
import longreach.v1.CachedPrompt;

/** The input of an interaction as turns: a string, one content, a list of contents, or a list of steps or turns. */
final class InteractionInput {
    private static final Set<String> CONTENTS = Set.of("text", "image", "audio", "video", "document");
    private static final Set<String> RESOLUTIONS = Set.of("low", "medium", "high", "ultra_high");
    private static final String EXPECTED =
            "text, image, audio, video, document, user_input, model_output, thought, function_call or function_result";

    private final Map<String, String> functionByCall = new HashMap<>();
    private final List<Content.Builder> turns = new ArrayList<>();

    private InteractionInput() {}

    /**
     * @param before the conversation so far, whose calls results may answer
     * @throws ApiException INVALID_ARGUMENT, naming the field
     */
    static List<Content> turns(JsonElement input, CachedPrompt before) {
        var out = new InteractionInput();
        before.getTurnsList()
                .forEach(turn -> turn.getPartsList().forEach(part -> {
                    if (part.hasCall()) {
                        out.functionByCall.put(
                                part.getCall().getId(), part.getCall().getName());
                    }
                }));
        out.read(input);
        if (out.turns.isEmpty()) {
            throw badField("input", "nothing but thoughts", "at least one content");
        }
        return out.turns.stream().map(Content.Builder::build).toList();
    }

    private void read(JsonElement input) {
        if (input instanceof JsonObject one) {
            item(new Fields(one, "input"));
            return;
        }
        if (!(input instanceof JsonArray list)) {
            add("user", text(input, "input", "a string, a content, or a list"));
            return;
        }
        if (list.isEmpty()) {
            throw badField("input", "empty", "at least one content or step");
        }
        for (int i = 0; i < list.size(); i++) {
            var at = "input[" + i + "]";
            if (list.get(i) instanceof JsonObject one) {
                item(new Fields(one, at));
            } else {
                add("user", text(list.get(i), at, "a string, a content or a step"));
            }
        }
    }

    private static Part text(JsonElement value, String path, String expected) {
        if (value instanceof JsonPrimitive text && text.isString()) {
            return Part.newBuilder().setText(text.getAsString()).build();
        }
        throw badField(path, "of another kind", expected);
    }

    private void add(String role, Part part) {
        if (turns.isEmpty() || !turns.getLast().getRole().equals(role)) {
            turns.add(Content.newBuilder().setRole(role));
        }
        turns.getLast().addParts(part);
    }

    private void item(Fields item) {
        var type = item.text("type").orElse("");
        if (type.isEmpty() && item.has("role")) {
            var role = item.text("role").orElse("");
            if (!role.equals("user") && !role.equals("model")) {
                throw badField(item.at("role"), '"' + InteractionRequest.shorten(role) + '"', "\"user\" or \"model\"");
            }
            contents(item, role);
            return;
        }
        if (CONTENTS.contains(type)) {
            add("user", content(item));
            return;
        }
        switch (type) {
            case "user_input" -> contents(item, "user");
            case "model_output" -> contents(item, "model");
            // What a model thought is not said to it again.
            case "thought" -> {}
            case "function_call" -> add("model", call(item));
            case "function_result" -> add("user", result(item));
            default -> throw badField(item.at("type"), '"' + InteractionRequest.shorten(type) + '"', EXPECTED);
        }
    }

    private void contents(Fields step, String role) {
        if (!step.has("content")) {
            throw badField(step.at("content"), "absent", "a string or a list of contents");
        }
        var content = step.any("content");
        if (content instanceof JsonObject one) {
            add(role, content(new Fields(one, step.at("content"))));
            return;
        }
        if (!(content instanceof JsonArray list)) {
            add(role, text(content, step.at("content"), "a string or a list of contents"));
            return;
        }
        if (list.isEmpty()) {
            throw badField(step.at("content"), "empty", "at least one content");
        }
        for (int i = 0; i < list.size(); i++) {
            add(role, content(Fields.of(list.get(i), step.at("content[" + i + "]"))));
        }
    }

    private static Part content(Fields content) {
        var type = content.text("type").orElse("");
        return switch (type) {
            case "text" ->
                Part.newBuilder()
                        .setText(content.text("text")
                                .orElseThrow(() -> badField(content.at("text"), "absent", "the text")))
                        .build();
            case "image", "audio", "video", "document" -> media(content);
            default ->
                throw badField(
                        content.at("type"),
                        '"' + InteractionRequest.shorten(type) + '"',
                        "text, image, audio, video or document");
        };
    }

    private static Part media(Fields content) {
        var part = Part.newBuilder();
        var mimeType = content.text("mime_type").orElse("");
        var uri = content.text("uri");
        var data = content.text("data");
        if (uri.isPresent() == data.isPresent()) {
            throw badField(content.at("data"), uri.isPresent() ? "set beside uri" : "absent", "data or uri");
        }
        if (uri.isPresent()) {
            part.setFileData(FileData.newBuilder().setFileUri(uri.get()).setMimeType(mimeType));
        } else {
            part.setInlineData(Blob.newBuilder().setMimeType(mimeType).setData(bytes(data.get(), content.at("data"))));
        }
        content.text("resolution").ifPresent(resolution -> {
            if (!RESOLUTIONS.contains(resolution)) {
                throw badField(
                        content.at("resolution"),
                        InteractionRequest.shorten(resolution),
                        "low, medium, high or ultra_high");
            }
        });
        if (content.has("processing") && content.any("processing") instanceof JsonObject) {
            processing(content.child("processing").orElseThrow(), part);
        }
        return part.build();
    }

    private static void processing(Fields from, Part.Builder part) {
        if (!from.has("fps") && !from.has("start_offset") && !from.has("end_offset")) {
            return;
        }
        var video = VideoMetadata.newBuilder();
        from.number("fps").ifPresent(video::setFps);
        from.text("start_offset").ifPresent(text -> video.setStartOffset(offset(text, from.at("start_offset"))));
        from.text("end_offset").ifPresent(text -> video.setEndOffset(offset(text, from.at("end_offset"))));
        part.setVideoMetadata(video);
    }

    private static Duration offset(String text, String path) {
        try {
            return Durations.parse(text);
        } catch (ParseException e) {
            throw badField(path, '"' + InteractionRequest.shorten(text) + '"', "seconds, as in \"12.5s\"");
        }
    }

    private static ByteString bytes(String base64, String path) {
        try {
            return ByteString.copyFrom(
                    base64.indexOf('-') >= 0 || base64.indexOf('_') >= 0
                            ? Base64.getUrlDecoder().decode(base64)
                            : Base64.getDecoder().decode(base64));
        } catch (IllegalArgumentException e) {
            throw badField(path, "broken base64", "standard or URL-safe base64");
        }
    }

    private Part call(Fields step) {
        var name = step.text("name").orElse("");
        var id = step.text("id").orElse("");
        functionByCall.put(id, name);
        var arguments = Struct.newBuilder();
        step.child("arguments").ifPresent(given -> InteractionRequest.merge(given.object(), arguments, given.path()));
        return Part.newBuilder()
                .setFunctionCall(
                        FunctionCall.newBuilder().setId(id).setName(name).setArgs(arguments))
                .build();
    }

    private Part result(Fields step) {
        var id = step.text("call_id").orElse("");
        var name = step.text("name").filter(given -> !given.isEmpty()).orElseGet(() -> functionByCall.get(id));
        if (name == null) {
            throw badField(
                    step.at("call_id"),
                    '"' + InteractionRequest.shorten(id) + '"',
                    "the id of an earlier function_call");
        }
        if (!step.has("result")) {
            throw badField(step.at("result"), "absent", "an object, a string or a list of contents");
        }
        var response = new JsonObject();
        var result = step.any("result");
        if (step.flag("is_error")) {
            response.add("error", plain(result, step.at("result")));
        } else if (result instanceof JsonObject object && !object.has("type")) {
            response = object;
        } else {
            response.add("result", plain(result, step.at("result")));
        }
        var struct = Struct.newBuilder();
        InteractionRequest.merge(response, struct, step.at("result"));
        return Part.newBuilder()
                .setFunctionResponse(
                        FunctionResponse.newBuilder().setId(id).setName(name).setResponse(struct))
                .build();
    }

    /** Of a list of text contents their text. */
    private static JsonElement plain(JsonElement result, String path) {
        if (!(result instanceof JsonArray list) || list.isEmpty()) {
            return result;
        }
        var text = new StringBuilder();
        for (var each : list) {
            if (!(each instanceof JsonObject content) || !content.has("type")) {
                return result;
            }
            if (!(content.get("text") instanceof JsonPrimitive said)) {
                throw ApiException.unimplemented(
                        path + ": media in it (expected: text; media in results are not served)");
            }
            text.append(said.getAsString());
        }
        return new JsonPrimitive(text.toString());
    }
}
