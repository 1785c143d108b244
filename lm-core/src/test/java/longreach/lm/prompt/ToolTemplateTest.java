package longreach.lm.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.ToolCall;
import longreach.v1.ToolDeclaration;
import longreach.v1.ToolResult;
import longreach.v1.Turn;
import org.junit.jupiter.api.Test;

/** Functions in prompts: through a template that knows them, and as plain text through one that does not. */
class ToolTemplateTest {
    private static final int END = 0xFFFF;
    private static final String PLAIN = "{% for m in messages %}{{ m['role'] }}:{{ m['content'] }}<end>{% endfor %}"
            + "{% if add_generation_prompt %}assistant:{% endif %}";
    private static final String KNOWING =
            "{% if tools %}tools:{% for t in tools %}{{ t.function | tojson }};{% endfor %}<end>"
                    + "{% endif %}{% for m in messages %}{{ m['role'] }}:{{ m['content'] }}{% if m.tool_calls %}"
                    + "{% for c in m.tool_calls %}<tool_call>{{ c.function.name }}({{ c.function.arguments | tojson }})</tool_call>"
                    + "{% endfor %}{% endif %}<end>{% endfor %}{% if add_generation_prompt %}assistant:"
                    + "{% if enable_thinking is defined and enable_thinking == false %}no thoughts:{% endif %}{% endif %}";

    /** A token is a character; the control token has an id that no character here has. */
    private static final PromptTokenizer TOKENIZER = new PromptTokenizer() {
        @Override
        public int[] encode(String text) {
            return text.chars().toArray();
        }

        @Override
        public Map<String, Integer> controlTokens() {
            return Map.of("<end>", END);
        }
    };

    private static final ToolDeclaration WEATHER = ToolDeclaration.newBuilder()
            .setName("weather")
            .setDescription("Tells the weather <end> \uE0007\uE001.")
            .setParametersSchema("{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}")
            .build();

    private static RenderPart text(String text) {
        return RenderPart.newBuilder().setText(text).build();
    }

    private static Turn turn(Turn.Role role, RenderPart... parts) {
        return Turn.newBuilder().setRole(role).addAllParts(List.of(parts)).build();
    }

    private static final List<Turn> ROUND = List.of(
            turn(Turn.Role.USER, text("How is it in Oslo?")),
            turn(
                    Turn.Role.MODEL,
                    RenderPart.newBuilder()
                            .setCall(ToolCall.newBuilder().setName("weather").setArguments("{\"city\":\"Oslo <end>\"}"))
                            .build()),
            turn(
                    Turn.Role.USER,
                    RenderPart.newBuilder()
                            .setResult(
                                    ToolResult.newBuilder().setName("weather").setResponse("{\"sky\":\"clear\"}"))
                            .build()));

    private static String shown(List<Segment> segments) {
        var shown = new StringBuilder();
        for (Segment segment : segments) {
            segment.getText()
                    .getTokenIdsList()
                    .forEach(id -> shown.append(id == END ? "⏹" : String.valueOf((char) id.intValue())));
        }
        return shown.toString();
    }

    @Test
    void aTemplateThatKnowsFunctionsWritesThemItsWay() {
        var template = new ChatTemplate(KNOWING, "", "<end>", TOKENIZER);
        String prompt = shown(template.render(List.of(text("Be brief.")), ROUND, List.of(WEATHER), false));
        assertThat(prompt)
                .startsWith("tools:{")
                .contains("\"name\":\"weather\"", "Tells the weather <end> \uE0007\uE001.", "\"city\"")
                .contains("⏹system:Be brief.⏹user:How is it in Oslo?⏹assistant:<tool_call>weather(")
                .contains("\"city\":\"Oslo <end>\"")
                .endsWith(")</tool_call>⏹tool:{\"sky\":\"clear\"}⏹assistant:no thoughts:");
        assertThat(prompt.chars().filter(c -> c == '⏹').count()).isEqualTo(5);
    }

    @Test
    void othersAreToldInWords() {
        var template = new ChatTemplate(PLAIN, "", "<end>", TOKENIZER);
        String prompt = shown(template.render(List.of(text("Be brief.")), ROUND, List.of(WEATHER), null));
        assertThat(prompt)
                .startsWith("system:Be brief.\n\nYou can call")
                .contains("\"name\":\"weather\"", "<tool_call>\n{\"name\": ", "⏹user:How is it in Oslo?⏹")
                .contains(
                        "assistant:<tool_call>\n{\"name\":\"weather\",\"arguments\":{\"city\":\"Oslo <end>\"}}\n</tool_call>⏹")
                .endsWith(
                        "<tool_response>\n{\"name\":\"weather\",\"response\":{\"sky\":\"clear\"}}\n</tool_response>⏹assistant:");
        assertThat(prompt.chars().filter(c -> c == '⏹').count()).isEqualTo(4);
    }

    @Test
    void withoutFunctionsNothingChanges() {
        for (String source : List.of(PLAIN, KNOWING)) {
            var template = new ChatTemplate(source, "", "<end>", TOKENIZER);
            var turns = List.of(turn(Turn.Role.USER, text("Hi.")));
            assertThat(template.render(List.of(), turns, List.of(), null)).isEqualTo(template.render(List.of(), turns));
            assertThat(shown(template.render(List.of(), turns))).isEqualTo("user:Hi.⏹assistant:");
        }
    }

    @Test
    void callsAndResultsStandWhereTheyBelong() {
        for (String source : List.of(PLAIN, KNOWING)) {
            var template = new ChatTemplate(source, "", "<end>", TOKENIZER);
            assertThatThrownBy(() -> template.render(List.of(), ROUND.subList(0, 2), List.of(WEATHER), null))
                    .hasMessageContaining("ends with a call");
            var swapped = turn(Turn.Role.USER, ROUND.get(1).getParts(0));
            assertThatThrownBy(() -> template.render(List.of(), List.of(swapped), List.of(WEATHER), null))
                    .hasMessageContaining("a call of the user's");
        }
    }
}
