package longreach.lm.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import longreach.lm.prompt.ToolSyntax;
import longreach.lm.sample.StopMatcher;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Takes calls out of text that arrives in pieces. What a grammar let through is always read. */
final class CallReader {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final ToolSyntax syntax;
    private final List<AnswerSink.Call> whole = new ArrayList<>();
    private final StringBuilder call = new StringBuilder();
    private StopMatcher marker;
    private boolean inside;
    // Between calls stand line breaks only.
    private boolean called;

    CallReader(ToolSyntax syntax) {
        this.syntax = syntax;
        marker = new StopMatcher(List.of(syntax.open()));
    }

    /**
     * Adds text.
     *
     * @return what is certainly not part of a call
     */
    String add(String text) {
        var visible = new StringBuilder();
        String rest = text;
        while (true) {
            String piece = marker.add(rest);
            if (inside) {
                call.append(piece);
            } else if (!called) {
                visible.append(piece);
            }
            if (marker.matched() == null) {
                return visible.toString();
            }
            rest = marker.afterMatch();
            if (inside) {
                whole.add(read(call.toString().strip()));
                called = true;
                call.setLength(0);
            }
            inside = !inside;
            marker = new StopMatcher(List.of(inside ? syntax.close() : syntax.open()));
        }
    }

    private AnswerSink.Call read(String json) {
        try {
            JsonNode node = JSON.readTree(json);
            return new AnswerSink.Call(
                    "call_" + Long.toHexString(ThreadLocalRandom.current().nextLong()),
                    node.path("name").stringValue(""),
                    JSON.writeValueAsString(node.path(syntax.argumentsKey())));
        } catch (JacksonException e) {
            throw new IllegalStateException("a call that is no JSON passed its grammar", e);
        }
    }

    /** The calls that have become whole since this was last asked. */
    List<AnswerSink.Call> takeCalls() {
        List<AnswerSink.Call> taken = List.copyOf(whole);
        whole.clear();
        return taken;
    }

    /** What is held back, when nothing more follows; the beginning of a call is dropped. */
    String end() {
        return inside || called ? "" : marker.end();
    }
}
