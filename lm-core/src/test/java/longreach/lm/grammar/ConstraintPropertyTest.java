package longreach.lm.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import longreach.lm.prompt.ToolSyntax;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Whatever a model's taste, what a mask lets through is valid JSON that an independent validator accepts. */
class ConstraintPropertyTest {
    private static final long SEED = 20_261;
    private static final int SCHEMAS = 150;
    private static final int MAX_TOKENS = 400;
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(tools.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);

    private List<String> errors(String schema, String json) {
        Schema compiled = registry.getSchema(schema);
        List<String> messages = new ArrayList<>();
        compiled.validate(
                        json,
                        InputFormat.JSON,
                        context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)))
                .forEach(error -> messages.add(error.toString()));
        return messages;
    }

    @Test
    void randomAnswersToRandomSchemasAreValid() {
        System.out.println("seed " + SEED);
        var random = new Random(SEED);
        var schemas = new RandomSchemas(random);
        var text = Languages.vocabulary(SEED);
        var constraints = new Constraints(text, Languages.VOCABULARY);
        int whole = 0;
        int cut = 0;
        for (int i = 0; i < SCHEMAS; i++) {
            String schema = schemas.next();
            for (int round = 0; round < 3; round++) {
                var run = Languages.run(
                        constraints.mask(new Constraints.Json(schema)), text, random, MAX_TOKENS, round * 1.5f);
                if (!run.ended()) {
                    cut++;
                    continue;
                }
                whole++;
                assertThat(JSON.readTree(run.text())).isNotNull();
                assertThat(errors(schema, run.text()))
                        .as("schema %s%nanswer %s", schema, run.text())
                        .isEmpty();
            }
        }
        System.out.printf("%d answers whole and valid, %d cut short%n", whole, cut);
        assertThat(whole).isGreaterThan(SCHEMAS * 2);
    }

    /** What is masked out has no way to a whole text, and what is let through has: the masks are the language. */
    @Test
    void masksAreExactlyTheTokensThatTheGrammarTakes() {
        var random = new Random(SEED + 1);
        var schemas = new RandomSchemas(random);
        var text = Languages.vocabulary(SEED);
        var sets = new TokenSets(TokenTrie.of(text, Languages.VOCABULARY));
        for (int i = 0; i < 60; i++) {
            String schema = schemas.next();
            Grammar.Position position = Languages.json(schema).begin();
            for (int n = 0; n < 30 && !position.ended(); n++) {
                TokenSet set = sets.after(position);
                List<Integer> allowed = new ArrayList<>();
                for (int id = 0; id < Languages.VOCABULARY; id++) {
                    boolean may = id == 0 ? position.complete() : after(position, text.bytes(id)) != null;
                    assertThat(set.has(id))
                            .as("%s, token %d after %d tokens", schema, id, n)
                            .isEqualTo(may);
                    if (may && id != 0) {
                        allowed.add(id);
                    }
                }
                position = after(position, text.bytes(allowed.get(random.nextInt(allowed.size()))));
            }
        }
    }

    private static Grammar.Position after(Grammar.Position position, byte[] bytes) {
        Grammar.Position at = position;
        for (byte b : bytes) {
            at = at == null ? null : at.step(b & 0xFF);
        }
        return at;
    }

    @Test
    void callsAreWholeAndTheirArgumentsValid() {
        var random = new Random(SEED + 2);
        var schemas = new RandomSchemas(random);
        var text = Languages.vocabulary(SEED);
        var constraints = new Constraints(text, Languages.VOCABULARY);
        int calls = 0;
        for (int i = 0; i < 100; i++) {
            String parameters = "{\"type\":\"object\",\"properties\":{\"p\":%s},\"required\":[\"p\"]}"
                    .formatted(JSON.readTree(schemas.next()).has("$ref") ? "{\"type\":\"string\"}" : schemas.next());
            if (parameters.contains("$ref")) {
                continue;
            }
            var form = new Constraints.Calls(
                    ToolSyntax.TAGS,
                    List.of(new Constraints.Function("one", parameters), new Constraints.Function("two", "")),
                    3,
                    true,
                    null);
            var run = Languages.run(constraints.mask(form), text, random, MAX_TOKENS, 2);
            if (!run.ended()) {
                continue;
            }
            for (String call : run.text().split("</tool_call>")) {
                String body = call.strip();
                assertThat(body).startsWith("<tool_call>");
                var node = JSON.readTree(body.substring("<tool_call>".length()));
                assertThat(node.get("name").stringValue()).isIn("one", "two");
                assertThat(errors(
                                node.get("name").stringValue().equals("one") ? parameters : "{\"maxProperties\":0}",
                                node.get("arguments").toString()))
                        .isEmpty();
                calls++;
            }
        }
        System.out.printf("%d calls%n", calls);
        assertThat(calls).isGreaterThan(80);
    }

    @Test
    void aModelMayWriteTextOrCall() {
        var text = Languages.vocabulary(SEED);
        var constraints = new Constraints(text, Languages.VOCABULARY);
        var form = new Constraints.Calls(ToolSyntax.TAGS, List.of(new Constraints.Function("now", "")), 1, false, null);
        Grammar grammar = new Grammar(CallGrammar.of(form, null));
        for (String allowed : List.of(
                "",
                "It is <tool_ late.",
                "Let me see.\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
                "<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>")) {
            assertThat(Languages.accepts(grammar, allowed)).as(allowed).isTrue();
        }
        for (String refused : List.of(
                "<tool_call>",
                "x <tool_call> y",
                "<<tool_call>{}",
                "<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call> and more",
                "<tool_call>{\"name\":\"then\",\"arguments\":{}}</tool_call>")) {
            assertThat(Languages.accepts(grammar, refused)).as(refused).isFalse();
        }
        var mask = constraints.mask(form);
        var fork = mask.fork();
        mask.accept(258);
        assertThat(fork.allows(0)).isTrue();
        assertThat(mask.allows(0)).isTrue();
    }

    @Test
    void choicesAreWholeTexts() {
        var text = Languages.vocabulary(SEED);
        var constraints = new Constraints(text, Languages.VOCABULARY);
        var choices = List.of("yes", "yesterday", "日本", "the end");
        var random = new Random(SEED + 3);
        for (int i = 0; i < 50; i++) {
            var run = Languages.run(constraints.mask(new Constraints.Choice(choices)), text, random, 40, 0);
            assertThat(run.ended()).isTrue();
            assertThat(run.text()).isIn(choices);
        }
    }
}
