package longreach.tensor.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Gemma 3's own tokenizer, 262,144 tokens in 33 MB of JSON, against the reference's ids (tests/golden/make_tokenizer.py).
 * The file is not fetched for it: {@code -Dlongreach.gemma3.tokenizer=FILE} names it.
 */
class Gemma3TokenizerTest {
    private static final String FILE = System.getProperty("longreach.gemma3.tokenizer");

    @Test
    void theReferencesIds() throws IOException {
        Assumptions.assumeTrue(FILE != null, "-Dlongreach.gemma3.tokenizer=FILE: not given");
        Tokenizer tokenizer = Tokenizer.ofJson(Path.of(FILE));
        JsonNode golden;
        try (InputStream in = getClass().getResourceAsStream("/golden/tokenizer-gemma3.json")) {
            golden = JsonMapper.shared().readTree(in);
        }
        var softly = new SoftAssertions();
        for (JsonNode example : golden.path("cases")) {
            String text = example.path("text").asString();
            softly.assertThat(tokenizer.encode(text, false)).as(text).isEqualTo(ints(example.path("plain")));
            softly.assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(ints(example.path("special")));
        }
        softly.assertAll();
        assertThat(golden.path("cases").size()).isGreaterThan(30);
    }

    private static int[] ints(JsonNode array) {
        return array.values().stream().mapToInt(JsonNode::asInt).toArray();
    }
}
