package longreach.gateway.openai;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import io.grpc.Status.Code;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import longreach.gateway.error.ErrorMapper;

/** Errors in OpenAI's shape: {@code {"error":{"message":...,"type":...,"param":...,"code":...}}}. */
public final class OpenAiErrors {
    private static final Pattern FIELD = Pattern.compile("([A-Za-z_][\\w.\\[\\]]{0,100}): ");
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("generationConfig.temperature", "temperature"),
            Map.entry("generationConfig.topP", "top_p"),
            Map.entry("generationConfig.topK", "top_k"),
            Map.entry("generationConfig.maxOutputTokens", "max_tokens"),
            Map.entry("generationConfig.presencePenalty", "presence_penalty"),
            Map.entry("generationConfig.frequencyPenalty", "frequency_penalty"),
            Map.entry("generationConfig.logprobs", "top_logprobs"),
            Map.entry("generationConfig.responseJsonSchema", "response_format"),
            Map.entry("contents", "messages"));

    private OpenAiErrors() {}

    /** Whether a path is one of those routes. */
    public static boolean concerns(String path) {
        return path.startsWith("/openai/") || path.startsWith("/v1beta/openai/");
    }

    /** OpenAI's clients take 401 for a bad key and 404 for what is missing, as HTTP has them. */
    public static int httpCode(Status status) {
        return badKey(status) ? 401 : ErrorMapper.httpCode(status);
    }

    public static String toJson(Status status) {
        var error = new JsonObject();
        error.addProperty("message", status.getMessage());
        error.addProperty("type", type(status));
        error.add("param", param(status));
        error.add("code", code(status));
        var out = new JsonObject();
        out.add("error", error);
        return out.toString();
    }

    private static String type(Status status) {
        return switch (ErrorMapper.httpCode(status)) {
            case 429 -> "rate_limit_error";
            case 400, 404, 409, 401, 403, 499 -> badKey(status) ? "authentication_error" : "invalid_request_error";
            default -> "server_error";
        };
    }

    private static JsonElement param(Status status) {
        if (status.getCode() != Code.INVALID_ARGUMENT.value() || badKey(status)) {
            return JsonNull.INSTANCE;
        }
        var match = FIELD.matcher(status.getMessage());
        if (!match.lookingAt()) {
            return JsonNull.INSTANCE;
        }
        var field = match.group(1);
        if (field.startsWith("generationConfig.stopSequences")) {
            return new JsonPrimitive("stop");
        }
        return new JsonPrimitive(NAMES.getOrDefault(field, field));
    }

    private static JsonElement code(Status status) {
        if (badKey(status)) {
            return new JsonPrimitive("invalid_api_key");
        }
        return switch (Code.values()[status.getCode()]) {
            case NOT_FOUND ->
                status.getMessage().startsWith("models/")
                        ? new JsonPrimitive("model_not_found")
                        : new JsonPrimitive("not_found");
            case RESOURCE_EXHAUSTED -> new JsonPrimitive("rate_limit_exceeded");
            default -> JsonNull.INSTANCE;
        };
    }

    private static boolean badKey(Status status) {
        List<com.google.protobuf.Any> details = status.getDetailsList();
        return status.getCode() == Code.INVALID_ARGUMENT.value()
                && details.stream().anyMatch(each -> each.is(ErrorInfo.class))
                && status.getMessage().startsWith("API key");
    }
}
