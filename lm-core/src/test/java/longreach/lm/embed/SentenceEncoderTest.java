package longreach.lm.embed;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against the reference's tokenizer and runtime; tests/golden/make_minilm.py made the file. */
class SentenceEncoderTest {
    private static final SentenceEncoder ENCODER = new SentenceEncoder();

    @AfterAll
    static void close() {
        ENCODER.close();
    }

    private static JsonNode golden() throws IOException {
        try (var in = SentenceEncoderTest.class.getResourceAsStream("/golden/minilm/texts.json")) {
            return JsonMapper.builder().build().readTree(in);
        }
    }

    @Test
    void tokensAndEmbeddingsAreTheReferences() throws IOException {
        for (JsonNode text : golden()) {
            var embedded = ENCODER.embedding(text.path("text").asString());
            List<Integer> ids = new ArrayList<>();
            text.path("ids").forEach(id -> ids.add(id.asInt()));
            assertThat(ENCODER.ids(text.path("text").asString()))
                    .as("%s", text.path("text"))
                    .isEqualTo(ids);
            assertThat(embedded.tokens())
                    .as("%s", text.path("text"))
                    .isEqualTo(text.path("ids").size());
            double cosine = 0;
            for (int i = 0; i < SentenceEncoder.DIMENSIONS; i++) {
                cosine += embedded.values()[i] * text.path("embedding").path(i).asDouble();
            }
            // The reference ran in another version of the runtime, which scales the 8-bit products a little
            // differently.
            assertThat(cosine).as("%s", text.path("text")).isGreaterThan(0.99);
        }
    }

    @Test
    void whatMeansTheSameIsNearer() {
        float[] fact = ENCODER.embedding("The ferry leaves at half past six.").values();
        float[] question =
                ENCODER.embedding("When does the boat depart in the morning?").values();
        float[] other =
                ENCODER.embedding("The committee approved the annual budget.").values();
        assertThat(dot(fact, question)).isGreaterThan(dot(fact, other) + 0.2);
        assertThat(dot(fact, fact)).isBetween(0.9999, 1.0001);
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
