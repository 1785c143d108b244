package longreach.audio.whisper;

import static org.assertj.core.api.Assertions.assertThat;

import longreach.audio.Weights;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class DecodingRulesTest {
    private static final int VOCABULARY = 51_864;
    private static WhisperTokens tokens;
    private static DecodingRules rules;

    @BeforeAll
    static void load() {
        tokens = WhisperTokens.load(Weights.whisper().resolve("tokenizer.json"), VOCABULARY);
        rules = new DecodingRules(tokens, new int[] {1, 2}, new int[] {220, 50256});
    }

    private static float[] after(int... sampled) {
        float[] logits = new float[VOCABULARY];
        logits[1000] = 20;
        rules.apply(logits, 0, VOCABULARY, sampled, sampled.length);
        return logits;
    }

    private static boolean allowed(float[] logits, int token) {
        return logits[token] > Float.NEGATIVE_INFINITY;
    }

    @Test
    void knowsTheEnglishVocabulary() {
        assertThat(tokens.multilingual()).isFalse();
        assertThat(tokens.endOfText).isEqualTo(50256);
        assertThat(tokens.startOfTranscript).isEqualTo(50257);
        assertThat(tokens.firstTimestamp).isEqualTo(50363);
        assertThat(tokens.seconds(50363 + 50)).isEqualTo(1.0);
        assertThat(tokens.text(new int[] {843, 1770, 13, 50400, 1757}, 0, 5)).isEqualTo(" And Mr. John");
    }

    @Test
    void beginsWithATimeInTheFirstSecond() {
        float[] logits = after();
        assertThat(allowed(logits, 1000)).isFalse();
        assertThat(allowed(logits, tokens.endOfText)).isFalse();
        assertThat(allowed(logits, tokens.firstTimestamp)).isTrue();
        assertThat(allowed(logits, tokens.firstTimestamp + 50)).isTrue();
        assertThat(allowed(logits, tokens.firstTimestamp + 51)).isFalse();
    }

    @Test
    void textFollowsAStart() {
        float[] logits = after(tokens.firstTimestamp);
        assertThat(allowed(logits, 1000)).isTrue();
        assertThat(allowed(logits, 1)).isFalse();
        assertThat(allowed(logits, tokens.firstTimestamp + 10)).isFalse();
    }

    @Test
    void timeDoesNotGoBackAndASegmentIsNotEmpty() {
        float[] text = after(tokens.firstTimestamp + 10, 1000);
        assertThat(allowed(text, tokens.firstTimestamp + 10)).isFalse();
        assertThat(allowed(text, tokens.firstTimestamp + 11)).isTrue();

        float[] end = after(tokens.firstTimestamp, 1000, tokens.firstTimestamp + 40);
        assertThat(allowed(end, 1000)).isFalse();
        assertThat(allowed(end, tokens.firstTimestamp + 39)).isFalse();
        assertThat(allowed(end, tokens.firstTimestamp + 40)).isTrue();
    }

    @Test
    void likelyTimesTogetherBeatTheBestText() {
        float[] logits = new float[VOCABULARY];
        logits[1000] = 5;
        int[] sampled = {tokens.firstTimestamp, 1000};
        // 1500 timestamps at 0 sum to e^7.3.
        rules.apply(logits, 0, VOCABULARY, sampled, 2);
        assertThat(allowed(logits, 1000)).isFalse();
        assertThat(allowed(logits, tokens.endOfText)).isFalse();
    }

    @Test
    void repetitionCompresses() {
        assertThat(WindowDecoder.compressionRatio("And Mr. John Dashwood had then leisure to consider"))
                .isLessThan(1.5);
        assertThat(WindowDecoder.compressionRatio("thank you ".repeat(40))).isGreaterThan(10);
        assertThat(WindowDecoder.compressionRatio("  ")).isZero();
    }
}
