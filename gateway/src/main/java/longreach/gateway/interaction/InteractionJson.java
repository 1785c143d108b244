package longreach.gateway.interaction;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.JsonFormat;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import longreach.gemini.v1beta.GenerateContentResponse.UsageMetadata;
import longreach.gemini.v1beta.LongreachReceipt;
import longreach.gemini.v1beta.ModalityTokenCount;
import longreach.v1.InteractionCitation;
import longreach.v1.InteractionStep;
import longreach.v1.StoredInteraction;

/** Interactions, steps and deltas as their clients read them: snake_case. */
final class InteractionJson {
    private static final JsonFormat.Printer PRINTER = JsonFormat.printer().omittingInsignificantWhitespace();
    private static final JsonFormat.Printer SNAKE = PRINTER.preservingProtoFieldNames();
    private static final Pattern PAGE = Pattern.compile("#page=(\\d{1,9})$");

    private InteractionJson() {}

    static String print(MessageOrBuilder message) {
        try {
            return PRINTER.print(message);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("not printable", e);
        }
    }

    /** @param withInput whether what the caller said is told too */
    static JsonObject whole(StoredInteraction interaction, boolean withInput) {
        var out = begun(interaction);
        out.addProperty("status", status(interaction.getStatus()));
        var steps = new JsonArray();
        interaction.getStepsList().forEach(step -> steps.add(step(step)));
        out.add("steps", steps);
        if (!interaction.getUsage().isEmpty()) {
            out.add("usage", usage(interaction.getUsage()));
        }
        if (!interaction.getReceipt().isEmpty()) {
            out.add("longreach_receipt", receipt(interaction.getReceipt()));
        }
        if (!interaction.getErrorCode().isEmpty()) {
            var errors = new JsonArray();
            errors.add(error(interaction));
            out.add("errors", errors);
        }
        if (!interaction.getRequest().isEmpty()) {
            JsonParser.parseString(interaction.getRequest())
                    .getAsJsonObject()
                    .entrySet()
                    .forEach(entry -> {
                        if (withInput || !entry.getKey().equals("input")) {
                            out.add(entry.getKey(), entry.getValue());
                        }
                    });
        }
        return out;
    }

    /** What is known before anything was done. */
    static JsonObject begun(StoredInteraction interaction) {
        var out = new JsonObject();
        out.addProperty("id", interaction.getId());
        out.addProperty("object", "interaction");
        out.addProperty("model", interaction.getModel());
        out.addProperty("status", "in_progress");
        out.addProperty("created", time(interaction.getCreated()));
        out.addProperty("updated", time(interaction.getUpdated()));
        if (interaction.getBeforeCount() > 0) {
            out.addProperty("previous_interaction_id", interaction.getBefore(interaction.getBeforeCount() - 1));
        }
        return out;
    }

    private static String time(Timestamp time) {
        return Instant.ofEpochSecond(time.getSeconds())
                .truncatedTo(ChronoUnit.SECONDS)
                .toString();
    }

    static String status(StoredInteraction.Status status) {
        return switch (status) {
            case IN_PROGRESS, STATUS_UNSPECIFIED, UNRECOGNIZED -> "in_progress";
            case COMPLETED -> "completed";
            case REQUIRES_ACTION -> "requires_action";
            case INCOMPLETE -> "incomplete";
            case CANCELLED -> "cancelled";
            case FAILED -> "failed";
        };
    }

    static JsonObject error(StoredInteraction interaction) {
        var error = new JsonObject();
        error.addProperty("code", interaction.getErrorCode().toLowerCase(Locale.ROOT));
        error.addProperty("message", interaction.getErrorMessage());
        return error;
    }

    private static JsonObject step(InteractionStep step) {
        var out = start(step);
        switch (step.getKindCase()) {
            case OUTPUT -> {
                var content = text(step.getOutput().getText());
                if (step.getOutput().getCitationsCount() > 0) {
                    content.add("annotations", annotations(step.getOutput().getCitationsList()));
                }
                out.getAsJsonArray("content").add(content);
            }
            case THOUGHT -> out.getAsJsonArray("summary").add(text(step.getThought()));
            case CALL ->
                out.add("arguments", JsonParser.parseString(step.getCall().getArguments()));
            case KIND_NOT_SET -> {}
        }
        return out;
    }

    /** A step before anything is in it. */
    static JsonObject start(InteractionStep step) {
        var out = new JsonObject();
        switch (step.getKindCase()) {
            case THOUGHT -> {
                out.addProperty("type", "thought");
                out.add("summary", new JsonArray());
            }
            case CALL -> {
                out.addProperty("type", "function_call");
                out.addProperty("id", step.getCall().getId());
                out.addProperty("name", step.getCall().getName());
                out.add("arguments", new JsonObject());
            }
            case OUTPUT, KIND_NOT_SET -> {
                out.addProperty("type", "model_output");
                out.add("content", new JsonArray());
            }
        }
        return out;
    }

    /** What of a step comes in deltas. */
    static String text(InteractionStep step) {
        return switch (step.getKindCase()) {
            case OUTPUT -> step.getOutput().getText();
            case THOUGHT -> step.getThought();
            case CALL -> step.getCall().getArguments();
            case KIND_NOT_SET -> "";
        };
    }

    static JsonObject delta(InteractionStep step, String more) {
        return switch (step.getKindCase()) {
            case OUTPUT, KIND_NOT_SET -> text(more);
            case THOUGHT -> {
                var delta = new JsonObject();
                delta.addProperty("type", "thought_summary");
                delta.add("content", text(more));
                yield delta;
            }
            case CALL -> {
                var delta = new JsonObject();
                delta.addProperty("type", "arguments_delta");
                delta.addProperty("arguments", more);
                yield delta;
            }
        };
    }

    private static JsonObject text(String text) {
        var out = new JsonObject();
        out.addProperty("type", "text");
        out.addProperty("text", text);
        return out;
    }

    static JsonObject citations(InteractionStep step) {
        var delta = new JsonObject();
        delta.addProperty("type", "text_annotation_delta");
        delta.add("annotations", annotations(step.getOutput().getCitationsList()));
        return delta;
    }

    private static JsonArray annotations(List<InteractionCitation> citations) {
        var out = new JsonArray();
        for (var citation : citations) {
            var one = new JsonObject();
            one.addProperty("type", "file_citation");
            one.addProperty("document_uri", citation.getUri());
            one.addProperty("file_name", citation.getTitle());
            var page = PAGE.matcher(citation.getUri());
            if (page.find()) {
                one.addProperty("page_number", Integer.parseInt(page.group(1)));
            }
            one.addProperty("source", citation.getSource());
            one.addProperty("start_index", citation.getStart());
            one.addProperty("end_index", citation.getEnd());
            out.add(one);
        }
        return out;
    }

    private static JsonObject usage(ByteString stored) {
        try {
            var used = UsageMetadata.parseFrom(stored);
            var out = new JsonObject();
            out.addProperty("total_input_tokens", used.getPromptTokenCount());
            out.addProperty("total_cached_tokens", used.getCachedContentTokenCount());
            out.addProperty("total_output_tokens", used.getCandidatesTokenCount());
            out.addProperty("total_thought_tokens", used.getThoughtsTokenCount());
            out.addProperty("total_tool_use_tokens", used.getToolUsePromptTokenCount());
            out.addProperty("total_tokens", used.getTotalTokenCount());
            modalities(out, "input_tokens_by_modality", used.getPromptTokensDetailsList());
            modalities(out, "cached_tokens_by_modality", used.getCacheTokensDetailsList());
            modalities(out, "output_tokens_by_modality", used.getCandidatesTokensDetailsList());
            return out;
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("an interaction of another version", e);
        }
    }

    private static void modalities(JsonObject out, String name, List<ModalityTokenCount> counts) {
        var list = new JsonArray();
        for (var count : counts) {
            var one = new JsonObject();
            one.addProperty("modality", count.getModality().name().toLowerCase(Locale.ROOT));
            one.addProperty("tokens", count.getTokenCount());
            list.add(one);
        }
        out.add(name, list);
    }

    private static JsonObject receipt(ByteString stored) {
        try {
            return JsonParser.parseString(SNAKE.print(LongreachReceipt.parseFrom(stored)))
                    .getAsJsonObject();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("an interaction of another version", e);
        }
    }
}
