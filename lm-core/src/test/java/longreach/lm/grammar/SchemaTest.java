package longreach.lm.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchemaTest {
    private static void check(String schema, List<String> in, List<String> out) {
        Grammar grammar = Languages.json(schema);
        for (String text : in) {
            assertThat(Languages.accepts(grammar, text))
                    .as("%s allows %s", schema, text)
                    .isTrue();
        }
        for (String text : out) {
            assertThat(Languages.accepts(grammar, text))
                    .as("%s allows %s", schema, text)
                    .isFalse();
        }
    }

    @Test
    void objectsKeepTheirOrderAndLeaveOutWhatIsNotRequired() {
        check(
                """
                {"type":"object","required":["b"],"properties":{
                 "a":{"type":"integer"},"b":{"type":"boolean"},"c":{"type":"null"}}}""",
                List.of(
                        "{\"b\":true}",
                        "{\"a\":1,\"b\":true}",
                        "{\"a\": 1, \"b\": false, \"c\": null}",
                        "{\"b\":true,\"c\":null}"),
                List.of(
                        "{}",
                        "{\"a\":1}",
                        "{\"b\":true,\"a\":1}",
                        "{\"b\":true,}",
                        "{,\"b\":true}",
                        "{\"b\":true,\"d\":1}",
                        "{\"b\":  true}",
                        "{ \"b\":true}",
                        "{\"b\":true}}"));
        check(
                "{\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":2}},\"propertyOrdering\":[\"b\",\"a\"]}",
                List.of("{\"b\":2,\"a\":1}", "{}"),
                List.of("{\"a\":1,\"b\":2}"));
    }

    @Test
    void otherMembersHaveKeysOfTheirOwn() {
        check(
                "{\"properties\":{\"a\":{\"type\":\"integer\"}},\"additionalProperties\":{\"type\":\"string\"}}",
                List.of("{\"a\":1,\"b\":\"x\"}", "{\"aa\":\"x\"}", "{\"\":\"x\"}", "{\"a\":1}", "{\"ü\":\"x\"}"),
                List.of("{\"a\":\"x\"}", "{\"b\":1}", "{\"b\":\"x\",\"a\":\"y\"}", "{\"\\u0061\":\"x\"}"));
        check("{\"type\":\"object\"}", List.of("{}", "{\"x\":{\"y\":[1,null]}}"), List.of("[]", "{\"x\"}"));
        check(
                "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":2,"
                        + "\"properties\":{\"a\":true,\"b\":true,\"c\":true}}",
                List.of("{\"a\":1}", "{\"b\":1,\"c\":2}", "{\"c\":[]}"),
                List.of("{}", "{\"a\":1,\"b\":1,\"c\":1}"));
    }

    @Test
    void arraysCount() {
        check(
                "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":3}",
                List.of("[1]", "[1, 2]", "[1,2,-3]"),
                List.of("[]", "[1,2,3,4]", "[1,]", "[\"a\"]", "[1.5]"));
        check(
                "{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"boolean\"}],\"items\":false,\"minItems\":1}",
                List.of("[\"a\"]", "[\"a\",true]"),
                List.of("[]", "[true]", "[\"a\",true,1]"));
        check(
                "{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"null\"}}",
                List.of("[]", "[\"a\",null,null]"),
                List.of("[null]"));
    }

    @Test
    void stringsCountCharactersInAnySpelling() {
        check(
                "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
                List.of("\"ab\"", "\"äöü\"", "\"😀a\"", "\"\\ud83d\\ude00a\"", "\"\\n\\\"\\\\\"", "\"\\u0041b\""),
                List.of("\"a\"", "\"abcd\"", "\"😀\"", "\"\\ud83d\\ude00\"", "\"a\nb\""));
        check(
                "{\"type\":\"string\"}",
                List.of("\"\"", "\"\\u00e9\"", "\"\\uD83D\\uDE00\"", "\"\u2028\""),
                List.of("\"\\ud83d\"", "\"\\ude00\"", "\"\\x\"", "\"\t\"", "\"a", "a\""));
    }

    @Test
    void utf8IsWhole() {
        Grammar grammar = Languages.json("{\"type\":\"string\"}");
        for (int[] bytes : List.of(
                new int[] {0xC0, 0x80},
                new int[] {0xED, 0xA0, 0x80},
                new int[] {0xF4, 0x90},
                new int[] {0x80},
                new int[] {0xE0, 0x80},
                new int[] {0xFF},
                new int[] {0xC3, '"'})) {
            Grammar.Position position = grammar.begin().step('"');
            for (int b : bytes) {
                position = position == null ? null : position.step(b);
            }
            assertThat(position).as(java.util.Arrays.toString(bytes)).isNull();
        }
        assertThat(Languages.accepts(grammar, "\"\uFFFF\uD7FF\uE000\u0080\u07FF\u0800\""))
                .isTrue();
    }

    @Test
    void patternsMatchAnywhereUnlessAnchored() {
        check("{\"pattern\":\"^a+b$\"}", List.of("\"ab\"", "\"aaab\""), List.of("\"b\"", "\"xab\"", "\"abx\""));
        check("{\"pattern\":\"b\"}", List.of("\"b\"", "\"abc\""), List.of("\"\"", "\"ac\""));
        check("{\"pattern\":\"^x|y$\"}", List.of("\"xa\"", "\"ay\""), List.of("\"ax\"", "\"ya\""));
        check(
                "{\"pattern\":\"^[A-Z]{2,3}-\\\\d{4}(?:[^\\\\s\\\"]|é)?$\"}",
                List.of("\"AB-1234\"", "\"ABC-0000é\"", "\"AB-1234日\""),
                List.of("\"A-1234\"", "\"AB-123\"", "\"AB-1234 \"", "\"AB-1234\\\"\""));
        check("{\"pattern\":\"^[\\\"\\\\\\\\\\n]$\"}", List.of("\"\\\"\"", "\"\\\\\"", "\"\\n\""), List.of("\"n\""));
        check(
                "{\"pattern\":\"^(ab)*$\",\"minLength\":3,\"maxLength\":6}",
                List.of("\"abab\"", "\"ababab\""),
                List.of("\"ab\"", "\"abababab\"", "\"aba\""));
        check(
                "{\"pattern\":\"^[a-z ]+$\",\"minLength\":300,\"maxLength\":301}",
                List.of('"' + "ab ".repeat(100) + '"', '"' + "a".repeat(301) + '"'),
                List.of('"' + "a".repeat(299) + '"', '"' + "a".repeat(302) + '"'));
        check(
                "{\"pattern\":\"^[a-z ]+$\",\"minLength\":300,\"maxLength\":301}",
                List.of('"' + "ab ".repeat(100) + '"', '"' + "a".repeat(301) + '"'),
                List.of('"' + "a".repeat(299) + '"', '"' + "a".repeat(302) + '"'));
        check("{\"pattern\":\"^[^a-y]{1}$\"}", List.of("\"z\"", "\"😀\"", "\"\\u0000\""), List.of("\"a\"", "\"zz\""));
    }

    @Test
    void formats() {
        check(
                "{\"type\":\"string\",\"format\":\"date\"}",
                List.of("\"2024-02-29\"", "\"2026-11-30\"", "\"2000-02-29\""),
                List.of("\"2023-02-29\"", "\"1900-02-29\"", "\"2026-13-01\"", "\"2026-04-31\"", "\"26-01-01\""));
        check(
                "{\"type\":\"string\",\"format\":\"date-time\"}",
                List.of("\"2026-11-30T23:59:59Z\"", "\"2026-11-30T00:00:00.5+02:00\""),
                List.of("\"2026-11-30\"", "\"2026-11-30T24:00:00Z\"", "\"2026-11-30T00:00:00\""));
        check("{\"format\":\"ipv4\"}", List.of("\"127.0.0.1\"", "\"255.255.255.255\""), List.of("\"256.0.0.1\""));
        check("{\"format\":\"uuid\"}", List.of("\"123e4567-e89b-12d3-a456-426614174000\""), List.of("\"123e4567\""));
        check("{\"format\":\"email\"}", List.of("\"a.b@c.org\""), List.of("\"a\"", "\"a@b\"", "\".a@c.org\""));
        check("{\"format\":\"duration\"}", List.of("\"P1DT2H\"", "\"PT5M\"", "\"P3W\""), List.of("\"P\"", "\"P1DT\""));
        check("{\"type\":\"string\",\"format\":\"no-such\"}", List.of("\"x\""), List.of("1"));
    }

    @Test
    void numbersKeepTheirBounds() {
        check(
                "{\"type\":\"integer\"}",
                List.of("0", "-1", "123456789012345"),
                List.of("01", "-0", "1.0", "1e3", "", "-", "1234567890123456"));
        check("{\"type\":\"number\"}", List.of("0", "-1.5", "1e-7", "2E+10"), List.of("1.", ".5", "00", "1e", "1e400"));
        check(
                "{\"type\":\"integer\",\"minimum\":-5,\"maximum\":123}",
                List.of("-5", "0", "9", "99", "100", "123"),
                List.of("-6", "124", "200", "1000", "-0"));
        check(
                "{\"type\":\"integer\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":10.5}",
                List.of("1", "10"),
                List.of("0", "11", "-1"));
        check(
                "{\"type\":\"number\",\"minimum\":0.25,\"exclusiveMaximum\":2}",
                List.of("0.25", "0.3", "1", "1.999", "1.0"),
                List.of("0.2", "0.249", "2", "2.0", "0", "-1", "0."));
        check(
                "{\"type\":\"number\",\"exclusiveMinimum\":-1.5,\"maximum\":-0.5}",
                List.of("-1.49", "-0.5", "-0.50", "-1"),
                List.of("-1.5", "-0.49", "0", "-2"));
        check("{\"type\":\"number\",\"minimum\":-1,\"maximum\":0}", List.of("0", "-1", "-0.5"), List.of("-0", "1"));
    }

    @Test
    void integerRangesAgreeWithCounting() {
        var random = new java.util.Random(11);
        for (int round = 0; round < 40; round++) {
            int low = random.nextInt(-1200, 1200);
            int high = low + random.nextInt(0, 1500);
            Grammar grammar =
                    Languages.json("{\"type\":\"integer\",\"minimum\":%d,\"maximum\":%d}".formatted(low, high));
            for (int n = -1300; n < 2800; n += 1 + random.nextInt(3)) {
                assertThat(Languages.accepts(grammar, String.valueOf(n)))
                        .as("%d in [%d, %d]", n, low, high)
                        .isEqualTo(low <= n && n <= high);
            }
        }
    }

    @Test
    void valuesAndAlternatives() {
        check(
                "{\"enum\":[\"a\",1,null,[1,\"x\"],{\"k\":true}]}",
                List.of("\"a\"", "1", "null", "[1,\"x\"]", "{\"k\":true}"),
                List.of("\"b\"", "a", "2"));
        check("{\"type\":\"string\",\"enum\":[\"ä\\\"\",5]}", List.of("\"ä\\\"\""), List.of("5"));
        check("{\"type\":[\"string\",\"null\"]}", List.of("\"\"", "null"), List.of("1"));
        check("{\"type\":\"STRING\",\"nullable\":true}", List.of("\"\"", "null"), List.of("1"));
        check(
                "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}]}",
                List.of("1", "[1,2]"),
                List.of("[[1]]", "\"x\""));
        check("true", List.of("{\"a\":[1,\"x\",{}]}", "[]", "\"x\"", "-2.5", "null"), List.of("", "{", "x"));
        check("{\"const\":{\"a\":1}}", List.of("{\"a\":1}"), List.of("{\"a\":2}"));
    }

    @Test
    void referencesMayBeRecursive() {
        String tree = """
                {"$defs":{"node":{"type":"object","required":["v"],"additionalProperties":false,"properties":{
                  "v":{"type":"integer"},"next":{"$ref":"#/$defs/node"},
                  "all":{"type":"array","items":{"$ref":"#/$defs/node"}}}}},
                 "$ref":"#/$defs/node"}""";
        check(
                tree,
                List.of("{\"v\":1}", "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":3}},\"all\":[{\"v\":4}]}"),
                List.of("{\"next\":{\"v\":1}}", "{\"v\":1,\"next\":{}}"));
        check(
                "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}]}",
                List.of("null", "[]", "[null,[null]]"),
                List.of("[1]"));
    }

    @Test
    void nestingStopsWhereItMustAndStillEnds() {
        Grammar grammar =
                Languages.json("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"required\":[\"n\",\"m\"],"
                        + "\"properties\":{\"n\":{\"$ref\":\"#\"},\"m\":{\"$ref\":\"#\"}}}]}");
        Grammar.Position position = grammar.begin();
        int depth = 0;
        while (position.step('{') != null) {
            position = position.step('{');
            for (char c : "\"n\":".toCharArray()) {
                position = position.step(c);
            }
            depth++;
        }
        System.out.printf("objects nest %d deep%n", depth);
        assertThat(depth).isGreaterThan(50);
        for (char c : ("null" + ",\"m\":null}".repeat(depth)).toCharArray()) {
            position = position.step(c);
            assertThat(position).isNotNull();
        }
        assertThat(position.complete() && position.ended()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            not               | {"not":{"type":"string"}}
            if                | {"if":{},"then":{}}
            patternProperties | {"patternProperties":{"a":{}}}
            uniqueItems       | {"type":"array","uniqueItems":true}
            multipleOf        | {"type":"integer","multipleOf":2}
            oneOf             | {"oneOf":[{"type":"integer"},{"type":"number"}]}
            allOf             | {"allOf":[{"type":"string"},{"minLength":2}]}
            $ref              | {"$ref":"https://example.org/schema"}
            $ref              | {"$ref":"#/$defs/none"}
            $ref              | {"$ref":"#"}
            $ref              | {"anyOf":[{"$ref":"#"},{"type":"null"}]}
            $ref              | {"type":"object","required":["x"],"properties":{"x":{"$ref":"#"}}}
            type              | {"type":"text"}
            type              | {"type":[]}
            minItems          | {"type":"array","minItems":3,"maxItems":2}
            minItems          | {"prefixItems":[true],"items":false,"minItems":2}
            minItems          | {"type":"array","minItems":-1}
            maxLength         | {"type":"string","maxLength":1.5}
            minLength         | {"type":"string","minLength":5,"maxLength":2}
            minLength         | {"type":"string","minLength":5000000000}
            pattern           | {"pattern":"(?=a)"}
            pattern           | {"pattern":"(a)\\\\1"}
            pattern           | {"pattern":"a("}
            pattern           | {"pattern":"\\\\bword"}
            pattern           | {"pattern":"[z-a]"}
            pattern           | {"pattern":"((a{1000}){1000}){1000}"}
            pattern           | {"pattern":"^abc$","maxLength":2}
            minimum           | {"type":"integer","minimum":3,"maximum":2}
            minimum           | {"type":"integer","minimum":1e1000000000}
            minimum           | {"type":"number","minimum":1e-300}
            minimum           | {"type":"integer","minimum":"3"}
            enum              | {"enum":[]}
            enum              | {"type":"string","enum":[1,2]}
            minLength         | {"enum":["a"],"minLength":2}
            required          | {"type":"object","required":["x"],"additionalProperties":false}
            required          | {"type":"object","required":"x"}
            properties        | {"properties":[]}
            maxProperties     | {"required":["a","b"],"maxProperties":1}
            propertyOrdering  | {"properties":{"a":true},"propertyOrdering":["b"]}
            schema            | {"properties":{"a":false},"required":["a"]}
            schema            | [1]
            schema            | {"type":
            """)
    void whatIsNotSupportedIsRefusedByName(String keyword, String schema) {
        assertThatThrownBy(() -> Languages.json(schema))
                .isInstanceOfSatisfying(
                        SchemaException.class, e -> assertThat(e.keyword()).isEqualTo(keyword))
                .hasMessageContaining(keyword)
                .hasMessageContaining("(expected: ");
    }

    @Test
    void hostileSchemasEndSoon() {
        long began = System.nanoTime();
        assertThatThrownBy(() -> Languages.json("{\"items\":".repeat(3000) + "true" + "}".repeat(3000)))
                .isInstanceOf(SchemaException.class);
        assertThatThrownBy(() -> Languages.json("{\"items\":".repeat(300) + "true" + "}".repeat(300)))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("nested more than");
        assertThatThrownBy(() -> Languages.json("{\"description\":\"" + "x".repeat(600_000) + "\"}"))
                .isInstanceOf(SchemaException.class);
        var many = new StringBuilder("{\"properties\":{");
        for (int i = 0; i < 2000; i++) {
            many.append(i == 0 ? "" : ",").append("\"p").append(i).append("\":true");
        }
        assertThatThrownBy(() -> Languages.json(many.append("}}").toString()))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("at most 1000");
        // Each level doubles the ways to the next one.
        var doubling = new StringBuilder("{\"$defs\":{");
        for (int i = 0; i < 40; i++) {
            doubling.append(
                    "\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"title\":\"x\",\"$ref\":\"#/$defs/d%d\"}]},"
                            .formatted(i, i + 1, i + 1));
        }
        Grammar grammar = Languages.json(doubling.append("\"d40\":{\"type\":\"null\"}},\"$ref\":\"#/$defs/d0\"}")
                .toString());
        assertThat(Languages.accepts(grammar, "null")).isTrue();
        // Two ways to read every bracket.
        Grammar ambiguous =
                Languages.json("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}},"
                        + "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#\"}}]}");
        assertThat(Languages.accepts(ambiguous, "[".repeat(20) + "null" + "]".repeat(20)))
                .isTrue();
        var patterns = new StringBuilder("{\"anyOf\":[");
        for (int i = 0; i < 2000; i++) {
            patterns.append(i == 0 ? "" : ",").append("{\"pattern\":\"^(a?b?){%d}$\"}".formatted(1000 + i));
        }
        assertThatThrownBy(() -> Languages.json(patterns.append("]}").toString()))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("(expected: ");
        double seconds = (System.nanoTime() - began) / 1e9;
        System.out.printf("hostile schemas: %.2f s%n", seconds);
        assertThat(seconds).isLessThan(60);
    }

    @Test
    void oneOfTakesBranchesThatAreToldApart() {
        check(
                """
                {"oneOf":[
                 {"type":"object","required":["kind"],"properties":{"kind":{"const":"a"},"x":{"type":"integer"}}},
                 {"type":"object","required":["kind"],"properties":{"kind":{"const":"b"},"y":{"type":"string"}}},
                 {"type":"null"}]}""",
                List.of("{\"kind\":\"a\",\"x\":1}", "{\"kind\":\"b\",\"y\":\"\"}", "null"),
                List.of("{\"kind\":\"a\",\"y\":\"\"}", "{\"kind\":\"c\"}"));
    }
}
