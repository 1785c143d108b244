package longreach.lm.openai;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.Outcome;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The events of one streamed chat completion, put together. Used by one thread. */
final class ChatDeltas {
    private static final JsonMapper JSON = JsonMapper.shared();
    // An answer of a million characters is no answer.
    private static final int MAX_CHARACTERS = 4 << 20;

    private final boolean choice;
    private final StringBuilder chosen = new StringBuilder();
    private final TreeMap<Integer, Call> calls = new TreeMap<>();
    private Outcome.Reason reason;
    private JsonNode usage;
    private int chunks;
    private long characters;

    private static final class Call {
        private String id = "";
        private final StringBuilder name = new StringBuilder();
        private final StringBuilder arguments = new StringBuilder();
    }

    /** @param choice whether the answer is a JSON string of which the content is wanted */
    ChatDeltas(boolean choice) {
        this.choice = choice;
    }

    /**
     * Reads one event.
     *
     * @return the tokens in it, or null when there are none
     * @throws EngineException.Upstream when it is an error, or nothing that can be read
     */
    AnswerSink.Token add(String data) {
        JsonNode event;
        try {
            event = JSON.readTree(data);
        } catch (JacksonException e) {
            throw new EngineException.Upstream("openai: an event that is not JSON (expected: chat.completion.chunk)");
        }
        if (event.has("error")) {
            throw new EngineException.Upstream("openai: " + message(event));
        }
        if (event.path("usage").isObject()) {
            usage = event.get("usage");
        }
        JsonNode first = event.path("choices").path(0);
        JsonNode delta = first.path("delta");
        switch (first.path("finish_reason").stringValue("")) {
            case "" -> {}
            case "length" -> reason = Outcome.Reason.MAX_TOKENS;
            default -> reason = Outcome.Reason.STOP;
        }
        for (JsonNode part : delta.path("tool_calls")) {
            addCall(part);
        }
        String text = delta.path("content").stringValue("");
        // vLLM and llama.cpp have the one name, newer servers the other.
        String thought = delta.path("reasoning_content")
                .stringValue(delta.path("reasoning").stringValue(""));
        characters += text.length() + thought.length();
        if (characters > MAX_CHARACTERS) {
            throw new EngineException.Upstream(
                    "openai: " + characters + " characters (expected: at most " + MAX_CHARACTERS + ")");
        }
        AnswerSink.TokenLogprob logprob =
                logprob(first.path("logprobs").path("content").path(0));
        if (text.isEmpty() && thought.isEmpty()) {
            return null;
        }
        chunks++;
        if (choice) {
            chosen.append(text);
            return thought.isEmpty() ? null : new AnswerSink.Token(0, "", logprob, thought, List.of());
        }
        return new AnswerSink.Token(0, text, logprob, thought, List.of());
    }

    private void addCall(JsonNode part) {
        Call call = calls.computeIfAbsent(part.path("index").intValue(0), index -> new Call());
        if (part.path("id").isString()) {
            call.id = part.get("id").stringValue();
        }
        call.name.append(part.path("function").path("name").stringValue(""));
        String arguments = part.path("function").path("arguments").stringValue("");
        call.arguments.append(arguments);
        characters += arguments.length();
    }

    private static AnswerSink.TokenLogprob logprob(JsonNode node) {
        if (!node.isObject()) {
            return null;
        }
        List<AnswerSink.TokenLogprob> top = new ArrayList<>();
        for (JsonNode each : node.path("top_logprobs")) {
            top.add(new AnswerSink.TokenLogprob(
                    0, each.path("token").stringValue(""), each.path("logprob").floatValue(0), List.of()));
        }
        return new AnswerSink.TokenLogprob(
                0, node.path("token").stringValue(""), node.path("logprob").floatValue(0), top);
    }

    /** What is known only when the answer has ended: calls, and a choice. Null: nothing. */
    AnswerSink.Token last() {
        List<AnswerSink.Call> whole = new ArrayList<>();
        for (Call call : calls.values()) {
            whole.add(new AnswerSink.Call(call.id, call.name.toString(), arguments(call)));
        }
        String text = choice ? unquoted() : "";
        return whole.isEmpty() && text.isEmpty() ? null : new AnswerSink.Token(0, text, null, "", whole);
    }

    private static String arguments(Call call) {
        try {
            JsonNode arguments = JSON.readTree(call.arguments.isEmpty() ? "{}" : call.arguments.toString());
            if (arguments.isObject()) {
                return arguments.toString();
            }
        } catch (JacksonException e) {
            throw broken(call);
        }
        throw broken(call);
    }

    private static EngineException.Upstream broken(Call call) {
        return new EngineException.Upstream(
                "openai: arguments of " + call.name + " that are no JSON object (expected: one)");
    }

    /** Cut short it is no JSON string yet. */
    private String unquoted() {
        try {
            JsonNode value = JSON.readTree(chosen.toString());
            return value.isString() ? value.stringValue() : chosen.toString();
        } catch (JacksonException e) {
            return chosen.toString();
        }
    }

    /** Null: the other server has not said. */
    Outcome.Reason reason() {
        return reason;
    }

    int promptTokens(int otherwise) {
        return count("prompt_tokens", otherwise);
    }

    int outputTokens() {
        return count("completion_tokens", chunks);
    }

    private int count(String name, int otherwise) {
        return usage == null ? otherwise : Math.max(0, usage.path(name).intValue(otherwise));
    }

    /** 0 unless it is told. */
    int thoughtTokens() {
        return detail("completion_tokens_details", "reasoning_tokens");
    }

    /** 0 unless it is told. */
    int cachedTokens() {
        return detail("prompt_tokens_details", "cached_tokens");
    }

    boolean tellsCached() {
        return usage != null
                && usage.path("prompt_tokens_details").path("cached_tokens").isNumber();
    }

    private int detail(String group, String name) {
        return usage == null ? 0 : Math.max(0, usage.path(group).path(name).intValue(0));
    }

    /** What a server says went wrong, shortened. */
    static String message(JsonNode body) {
        JsonNode error = body.path("error");
        String text = error.isString()
                ? error.stringValue()
                : error.path("message").stringValue(body.path("message").stringValue(body.toString()));
        return text.length() <= 300 ? text : text.substring(0, 297) + "...";
    }
}
