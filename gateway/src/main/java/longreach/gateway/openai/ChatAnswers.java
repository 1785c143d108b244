package longreach.gateway.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import java.util.UUID;
import longreach.gemini.v1beta.Candidate;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerateContentResponse.UsageMetadata;
import longreach.gemini.v1beta.LogprobsResult;
import longreach.gemini.v1beta.Part;

/** Writes Gemini answers as chat completions; one object for each request, since all its messages share an id. */
public final class ChatAnswers {
    private static final JsonFormat.Printer ARGUMENTS = JsonFormat.printer().omittingInsignificantWhitespace();

    private final String id = "chatcmpl-" + UUID.randomUUID().toString().replace("-", "");
    private final String model;
    private final long created;

    public ChatAnswers(String model, Clock clock) {
        this.model = model;
        created = clock.instant().getEpochSecond();
    }

    /** @param answers one for each choice, each whole */
    public JsonObject whole(List<GenerateContentResponse> answers) {
        var choices = new JsonArray();
        for (int i = 0; i < answers.size(); i++) {
            var candidate = answers.get(i).getCandidates(0);
            var message = new JsonObject();
            message.addProperty("role", "assistant");
            var text = text(candidate, false);
            var calls = calls(candidate);
            message.add("content", text.isEmpty() && !calls.isEmpty() ? JsonNull.INSTANCE : string(text));
            var thoughts = text(candidate, true);
            if (!thoughts.isEmpty()) {
                message.addProperty("reasoning_content", thoughts);
            }
            message.add("refusal", JsonNull.INSTANCE);
            if (!calls.isEmpty()) {
                message.add("tool_calls", calls);
            }
            var choice = new JsonObject();
            choice.addProperty("index", i);
            choice.add("message", message);
            choice.add("logprobs", logprobs(candidate));
            choice.addProperty("finish_reason", reason(candidate, !calls.isEmpty()));
            choices.add(choice);
        }
        var out = envelope("chat.completion");
        out.add("choices", choices);
        out.add(
                "usage",
                usage(answers.stream()
                        .map(GenerateContentResponse::getUsageMetadata)
                        .toList()));
        return out;
    }

    /** The first message of a streamed choice. */
    public JsonObject opening(int index) {
        var delta = new JsonObject();
        delta.addProperty("role", "assistant");
        delta.addProperty("content", "");
        return chunk(index, delta, JsonNull.INSTANCE, null);
    }

    /** @param called whether an earlier piece of the choice had a function call */
    public JsonObject piece(int index, GenerateContentResponse piece, boolean called) {
        var candidate = piece.getCandidates(0);
        var delta = new JsonObject();
        var text = text(candidate, false);
        if (!text.isEmpty()) {
            delta.addProperty("content", text);
        }
        var thoughts = text(candidate, true);
        if (!thoughts.isEmpty()) {
            delta.addProperty("reasoning_content", thoughts);
        }
        var calls = calls(candidate);
        if (!calls.isEmpty()) {
            delta.add("tool_calls", calls);
        }
        boolean last = candidate.getFinishReason() != Candidate.FinishReason.FINISH_REASON_UNSPECIFIED;
        return chunk(index, delta, logprobs(candidate), last ? reason(candidate, called || !calls.isEmpty()) : null);
    }

    public static boolean calls(GenerateContentResponse piece) {
        return !calls(piece.getCandidates(0)).isEmpty();
    }

    /** What was used, as the last message of a stream. */
    public JsonObject usageChunk(List<UsageMetadata> used) {
        var out = envelope("chat.completion.chunk");
        out.add("choices", new JsonArray());
        out.add("usage", usage(used));
        return out;
    }

    private JsonObject chunk(int index, JsonObject delta, com.google.gson.JsonElement logprobs, String reason) {
        var choice = new JsonObject();
        choice.addProperty("index", index);
        choice.add("delta", delta);
        choice.add("logprobs", logprobs);
        choice.add("finish_reason", reason == null ? JsonNull.INSTANCE : string(reason));
        var choices = new JsonArray();
        choices.add(choice);
        var out = envelope("chat.completion.chunk");
        out.add("choices", choices);
        return out;
    }

    private JsonObject envelope(String object) {
        var out = new JsonObject();
        out.addProperty("id", id);
        out.addProperty("object", object);
        out.addProperty("created", created);
        out.addProperty("model", model);
        return out;
    }

    private static com.google.gson.JsonPrimitive string(String text) {
        return new com.google.gson.JsonPrimitive(text);
    }

    private static String text(Candidate candidate, boolean thoughts) {
        var text = new StringBuilder();
        for (Part part : candidate.getContent().getPartsList()) {
            if (part.getThought() == thoughts) {
                text.append(part.getText());
            }
        }
        return text.toString();
    }

    private static JsonArray calls(Candidate candidate) {
        var calls = new JsonArray();
        for (Part part : candidate.getContent().getPartsList()) {
            if (part.hasFunctionCall()) {
                var call = part.getFunctionCall();
                var function = new JsonObject();
                function.addProperty("name", call.getName());
                try {
                    function.addProperty("arguments", ARGUMENTS.print(call.getArgs()));
                } catch (InvalidProtocolBufferException e) {
                    throw new IllegalStateException("arguments that are no JSON", e);
                }
                var out = new JsonObject();
                out.addProperty("index", calls.size());
                out.addProperty(
                        "id", call.getId().isEmpty() ? "call_" + call.getName() + "_" + calls.size() : call.getId());
                out.addProperty("type", "function");
                out.add("function", function);
                calls.add(out);
            }
        }
        return calls;
    }

    private static String reason(Candidate candidate, boolean called) {
        if (called) {
            return "tool_calls";
        }
        return switch (candidate.getFinishReason()) {
            case MAX_TOKENS -> "length";
            case SAFETY, RECITATION, BLOCKLIST, PROHIBITED_CONTENT, SPII -> "content_filter";
            default -> "stop";
        };
    }

    private static com.google.gson.JsonElement logprobs(Candidate candidate) {
        if (!candidate.hasLogprobsResult()) {
            return JsonNull.INSTANCE;
        }
        var result = candidate.getLogprobsResult();
        var content = new JsonArray();
        for (int i = 0; i < result.getChosenCandidatesCount(); i++) {
            var token = token(result.getChosenCandidates(i));
            var top = new JsonArray();
            if (i < result.getTopCandidatesCount()) {
                result.getTopCandidates(i).getCandidatesList().forEach(each -> top.add(token(each)));
            }
            token.add("top_logprobs", top);
            content.add(token);
        }
        var out = new JsonObject();
        out.add("content", content);
        out.add("refusal", JsonNull.INSTANCE);
        return out;
    }

    private static JsonObject token(LogprobsResult.Candidate candidate) {
        var out = new JsonObject();
        out.addProperty("token", candidate.getToken());
        out.addProperty("logprob", candidate.getLogProbability());
        var bytes = new JsonArray();
        for (byte each : candidate.getToken().getBytes(StandardCharsets.UTF_8)) {
            bytes.add(each & 0xff);
        }
        out.add("bytes", bytes);
        return out;
    }

    /** The prompt is one for all choices, and counts once. */
    private static JsonObject usage(List<UsageMetadata> used) {
        int prompt = used.isEmpty() ? 0 : used.getFirst().getPromptTokenCount();
        int cached = used.isEmpty() ? 0 : used.getFirst().getCachedContentTokenCount();
        int thoughts =
                used.stream().mapToInt(UsageMetadata::getThoughtsTokenCount).sum();
        int completion =
                used.stream().mapToInt(UsageMetadata::getCandidatesTokenCount).sum() + thoughts;
        var out = new JsonObject();
        out.addProperty("prompt_tokens", prompt);
        out.addProperty("completion_tokens", completion);
        out.addProperty("total_tokens", prompt + completion);
        var promptDetails = new JsonObject();
        promptDetails.addProperty("cached_tokens", cached);
        out.add("prompt_tokens_details", promptDetails);
        var completionDetails = new JsonObject();
        completionDetails.addProperty("reasoning_tokens", thoughts);
        out.add("completion_tokens_details", completionDetails);
        return out;
    }
}
