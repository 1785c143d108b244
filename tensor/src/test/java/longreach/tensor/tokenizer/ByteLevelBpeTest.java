package longreach.tensor.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import longreach.tensor.RealWeights;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.WeightsException;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ByteLevelBpeTest {
    private static ByteLevelBpe smollm2;

    private static ByteLevelBpe smollm2() {
        if (smollm2 == null) {
            try (var file = GgufFile.open(RealWeights.smollm2())) {
                smollm2 = ByteLevelBpe.of(file);
            }
        }
        return smollm2;
    }

    @Test
    void smollm2GivesTheReferencesIds() throws IOException {
        assertGolden(smollm2(), "smollm2");
        assertThat(smollm2().vocabulary()).isEqualTo(49152);
        assertThat(smollm2().id("<|im_end|>")).hasValue(2);
    }

    @Test
    void whisperGivesTheReferencesIds() throws IOException {
        Path json = RealWeights.require("whisper-tiny.en", "tokenizer.json");
        assertGolden(ByteLevelBpe.ofJson(json), "whisper-tiny.en");
    }

    private static void assertGolden(Tokenizer tokenizer, String name) throws IOException {
        JsonNode golden;
        try (InputStream in = ByteLevelBpeTest.class.getResourceAsStream("/golden/tokenizer-" + name + ".json")) {
            golden = JsonMapper.shared().readTree(in);
        }
        var softly = new SoftAssertions();
        for (JsonNode example : golden.path("cases")) {
            String text = example.path("text").asString();
            softly.assertThat(tokenizer.encode(text, false)).as(text).isEqualTo(ints(example.path("plain")));
            softly.assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(ints(example.path("special")));
        }
        softly.assertThat(golden.path("cases").size()).isGreaterThan(30);
        softly.assertAll();
    }

    private static int[] ints(JsonNode array) {
        return array.values().stream().mapToInt(JsonNode::asInt).toArray();
    }

    @Test
    void whatAUserWritesNeverBecomesAControlToken() {
        Tokenizer tokenizer = smollm2();
        var random = new Random(1);
        List<String> pieces = new ArrayList<>(List.of("<", "|", "|>", "<|", "im", "_", "start", "end", " ", "\n", "é"));
        for (int id = 0; id < tokenizer.vocabulary(); id++) {
            if (tokenizer.isControl(id)) {
                pieces.add(new String(tokenizer.bytes(id), StandardCharsets.UTF_8));
            }
        }
        for (int round = 0; round < 300; round++) {
            var text = new StringBuilder();
            for (int i = 0; i < 12; i++) {
                text.append(pieces.get(random.nextInt(pieces.size())));
            }
            assertThat(Arrays.stream(tokenizer.encode(text.toString(), false))).noneMatch(tokenizer::isControl);
        }
    }

    @Test
    void decodingGivesBackTheText() {
        Tokenizer tokenizer = smollm2();
        var random = new Random(2);
        for (int round = 0; round < 100; round++) {
            // Planes 0 to 2 and tags: SmolLM2's vocabulary has the bytes for what is in use, but not for all of UTF-8.
            String text = random.ints(40, 32, 0x2FFFF)
                    .filter(c -> Character.isDefined(c) && Character.getType(c) != Character.SURROGATE)
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            int[] ids = tokenizer.encode(text, false);
            assertThat(tokenizer.decode(ids)).isEqualTo(text);
            assertThat(streamed(tokenizer, ids)).isEqualTo(text);
        }
    }

    @Test
    void streamHoldsUnfinishedCharactersBack() {
        Tokenizer tokenizer = smollm2();
        String text = "👩‍👩‍👧‍👦 🏳️‍🌈 漢字 𝟘𝟙";
        var decoder = tokenizer.decoder();
        var whole = new StringBuilder();
        boolean held = false;
        for (int id : tokenizer.encode(text, false)) {
            String piece = decoder.accept(id);
            assertThat(piece).doesNotContain("\ufffd");
            held |= decoder.pending();
            whole.append(piece);
        }
        assertThat(held).isTrue();
        assertThat(whole.append(decoder.finish())).hasToString(text);
    }

    @Test
    void streamedEqualsWholeForAnyIds() {
        Tokenizer tokenizer = smollm2();
        var random = new Random(3);
        for (int round = 0; round < 100; round++) {
            // Half of them single bytes, which seldom are whole characters.
            int[] ids = random.ints(30, 0, 49152)
                    .map(id -> id % 2 == 0 ? 17 + id % 230 : id)
                    .toArray();
            assertThat(streamed(tokenizer, ids)).isEqualTo(tokenizer.decode(ids));
        }
    }

    private static String streamed(Tokenizer tokenizer, int[] ids) {
        var decoder = tokenizer.decoder();
        var text = new StringBuilder();
        for (int id : ids) {
            text.append(decoder.accept(id));
        }
        return text.append(decoder.finish()).toString();
    }

    @Test
    void unfinishedCharacterAtTheEndIsReplaced() {
        Tokenizer tokenizer = smollm2();
        int[] ids = tokenizer.encode("𝟘", false);
        var decoder = tokenizer.decoder();
        assertThat(decoder.accept(ids[0])).isEmpty();
        assertThat(decoder.finish()).isEqualTo("\ufffd");
        assertThat(decoder.accept(tokenizer.encode("a", false)[0])).isEqualTo("a");
    }

    @Test
    void longTextsAndHugeWordsTakeLinearTime() {
        Tokenizer tokenizer = smollm2();
        var random = new Random(4);
        for (String text : List.of(
                "lorem ipsum dolor sit amet ".repeat(8_000),
                "a".repeat(200_000),
                " ".repeat(200_000),
                "<".repeat(200_000),
                "9".repeat(100_000),
                random.ints(200_000, 'a', 'z' + 1)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString())) {
            long start = System.nanoTime();
            int[] ids = Assertions.assertTimeout(Duration.ofSeconds(20), () -> tokenizer.encode(text, true));
            assertThat(tokenizer.decode(ids)).isEqualTo(text);
            System.out.printf(
                    "tokenizer: %,d characters '%.10s...': %,d ids in %d ms%n",
                    text.length(), text, ids.length, (System.nanoTime() - start) / 1_000_000);
        }
    }

    @Test
    void idsOutsideTheVocabularyAreRefused() {
        Tokenizer tokenizer = smollm2();
        assertThatThrownBy(() -> tokenizer.bytes(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tokenizer.isControl(49152)).hasMessageContaining("49152 (expected: 0 to 49151)");
    }

    @Test
    void inconsistentFilesAreRefused(@TempDir Path directory) throws IOException {
        String good = """
                {"added_tokens": [{"id": 3, "content": "<x>", "special": true}],
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
                 "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
                """;
        Path file = directory.resolve("tokenizer.json");
        Files.writeString(file, good);
        assertThat(ByteLevelBpe.ofJson(file).encode("ab<x>a", true)).containsExactly(2, 3, 0);
        assertThat(ByteLevelBpe.ofJson(file).encode("ab<x>a", false)).containsExactly(2, 0);
        assertRefused(file, good.replace("\"b\": 1", "\"b\": 7"), "token id 7");
        assertRefused(file, good.replace("\"b\": 1", "\"b\": 0"), "token id 0");
        assertRefused(file, good.replace("a b", "a c"), "'c' is no token");
        assertRefused(file, good.replace("[\"a b\"]", "[\"ab\"]"), "model.merges");
        assertRefused(file, good.replace("\"BPE\"", "\"Unigram\""), "model.type");
        assertRefused(
                file, good.replace("\"ab\": 2", "\"\u65e5\": 2").replace("[\"a b\"]", "[]"), "byte-level alphabet");
        assertRefused(file, good.replace("\"special\": true", "\"lstrip\": true"), "lstrip");
        assertRefused(file, good.replace("ByteLevel", "Metaspace"), "pre_tokenizer.type");
        assertRefused(file, good.substring(40), "not JSON");
        assertRefused(file, "", "model.type");
        assertRefused(file, "[]", "model.type");
        assertThatThrownBy(() -> ByteLevelBpe.ofJson(directory.resolve("none"))).hasMessageContaining("missing");
    }

    private static void assertRefused(Path file, String json, String message) throws IOException {
        Files.writeString(file, json);
        assertThatThrownBy(() -> ByteLevelBpe.ofJson(file))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining(message);
    }
}
