package longreach.tensor.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.WeightsException;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A tokenizer of Gemma's kind, as tokenizer.json and as GGUF; tests/golden/sentencepiece_like.py made both. */
class SentencePieceBpeTest {
    private static Tokenizer json;
    private static Tokenizer gguf;

    @BeforeAll
    static void open() throws Exception {
        json = Tokenizer.ofJson(path("tokenizer.json"));
        try (var file = GgufFile.open(path("tokenizer.gguf"))) {
            gguf = Tokenizer.of(file);
        }
    }

    private static Path path(String name) throws Exception {
        return Path.of(SentencePieceBpeTest.class
                .getResource("/golden/gemma-tokenizer/" + name)
                .toURI());
    }

    @Test
    void bothGiveTheReferencesIds() throws IOException {
        JsonNode golden;
        try (InputStream in = getClass().getResourceAsStream("/golden/tokenizer-gemma.json")) {
            golden = JsonMapper.shared().readTree(in);
        }
        var softly = new SoftAssertions();
        for (JsonNode example : golden.path("cases")) {
            String text = example.path("text").asString();
            for (Tokenizer tokenizer : List.of(json, gguf)) {
                softly.assertThat(tokenizer.encode(text, false)).as(text).isEqualTo(ints(example.path("plain")));
                softly.assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(ints(example.path("special")));
            }
        }
        softly.assertThat(golden.path("cases").size()).isGreaterThan(30);
        softly.assertAll();
    }

    private static int[] ints(JsonNode array) {
        return array.values().stream().mapToInt(JsonNode::asInt).toArray();
    }

    @Test
    void bothAreTheSameVocabulary() {
        assertThat(gguf.vocabulary()).isEqualTo(json.vocabulary());
        for (int id = 0; id < json.vocabulary(); id++) {
            assertThat(gguf.bytes(id)).as("bytes of %d", id).isEqualTo(json.bytes(id));
            assertThat(gguf.isControl(id)).as("control %d", id).isEqualTo(json.isControl(id));
        }
        assertThat(json.begin()).hasValue(2);
        assertThat(gguf.begin()).hasValue(2);
        assertThat(json.id("<end_of_turn>")).isEqualTo(gguf.id("<end_of_turn>")).isPresent();
        assertThat(json.isControl(json.id("<image_soft_token>").orElseThrow())).isTrue();
        assertThat(json.isControl(json.id("<h1>").orElseThrow())).isFalse();
    }

    @Test
    void decodingGivesBackAnyText() {
        long seed = 7;
        System.out.println("texts of any characters: seed " + seed);
        var random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            int bound = round % 3 == 0 ? 0x80 : round % 3 == 1 ? 0x3000 : 0x110000;
            // U+2581 is how a space is written inside.
            String text = random.ints(60, 0, bound)
                    .filter(c -> c != SentencePieceBpe.SPACE && !(c >= 0xD800 && c < 0xE000))
                    .map(c -> random.nextInt(4) == 0 ? " \n\té<>".charAt(random.nextInt(6)) : c)
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            for (Tokenizer tokenizer : List.of(json, gguf)) {
                int[] ids = tokenizer.encode(text, false);
                assertThat(tokenizer.decode(ids)).isEqualTo(text);
                var decoder = tokenizer.decoder();
                var streamed = new StringBuilder();
                Arrays.stream(ids).forEach(id -> streamed.append(decoder.accept(id)));
                assertThat(streamed.append(decoder.finish())).hasToString(text);
            }
        }
    }

    @Test
    void whatAUserWritesNeverBecomesAControlToken() {
        var random = new Random(8);
        List<String> pieces =
                List.of("<", ">", "start", "_of_", "turn", "<end_of_turn>", "<bos>", "<0x41>", "<unk>", " ");
        for (int round = 0; round < 300; round++) {
            var text = new StringBuilder();
            for (int i = 0; i < 12; i++) {
                text.append(pieces.get(random.nextInt(pieces.size())));
            }
            int[] ids = gguf.encode(text.toString(), false);
            assertThat(Arrays.stream(ids)).noneMatch(gguf::isControl);
            assertThat(gguf.decode(ids)).isEqualTo(text.toString());
        }
    }

    @Test
    void longTextsTakeLinearTime() {
        for (String text : List.of("In the beginning God ".repeat(9_000), "a".repeat(200_000), "<".repeat(200_000))) {
            int[] ids = Assertions.assertTimeout(Duration.ofSeconds(60), () -> json.encode(text, true));
            assertThat(json.decode(ids)).isEqualTo(text);
        }
    }

    @Test
    void aLeadingSpaceIsAddedAndTakenAwayWhereTheFileSaysSo(@TempDir Path directory) throws IOException {
        String llama = """
                {"added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}],
                 "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
                   {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
                 "pre_tokenizer": null,
                 "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "merges": ["\u2581 a"],
                   "vocab": {"<unk>": 0, "<s>": 1, "a": 2, "\u2581": 3, "\u2581a": 4}}}""";
        Path file = Files.writeString(directory.resolve("tokenizer.json"), llama);
        Tokenizer tokenizer = Tokenizer.ofJson(file);
        assertThat(tokenizer.encode("a a", false)).containsExactly(4, 4);
        assertThat(tokenizer.encode("<s>a", true)).containsExactly(1, 4);
        assertThat(tokenizer.encode("z", false)).containsExactly(3, 0);
        assertThat(tokenizer.decode(4, 4)).isEqualTo("a a");
        assertThat(tokenizer.begin()).isEmpty();
        refused(file, llama.replace("\"Prepend\"", "\"Lowercase\""), "normalizer[0].type: 'Lowercase'");
        refused(file, llama.replace("\"String\": \" \"", "\"String\": \"x\""), "normalizer.pattern: 'x'");
        refused(file, llama.replace("null", "{\"type\": \"Metaspace\"}"), "pre_tokenizer: \"Metaspace\"");
        refused(file, llama.replace("\"unk_token\"", "\"ignore_merges\": true, \"unk_token\""), "model.ignore_merges");
    }

    private static void refused(Path file, String json, String message) throws IOException {
        Files.writeString(file, json);
        assertThatThrownBy(() -> Tokenizer.ofJson(file))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining(message);
    }
}
