package longreach.lm.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SamplingTest {
    private static final int DRAWS = 100_000;

    private static double[] frequencies(Sampler sampler, float[] logits) {
        double[] counts = new double[logits.length];
        var draws = new Draws(42);
        for (int i = 0; i < DRAWS; i++) {
            counts[sampler.pick(logits, 0, logits.length, draws.at(i))] += 1.0 / DRAWS;
        }
        return counts;
    }

    /** Chi-square with n - 1 degrees of freedom, against a bound far beyond its 0.999 quantile for these sizes. */
    private static void assertDrawnFrom(double[] frequencies, double[] expected) {
        double chi = 0;
        for (int i = 0; i < expected.length; i++) {
            if (expected[i] == 0) {
                assertThat(frequencies[i]).isZero();
            } else {
                double d = frequencies[i] - expected[i];
                chi += DRAWS * d * d / expected[i];
            }
        }
        assertThat(chi).isLessThan(30);
    }

    private static double[] softmax(float[] logits, double temperature, boolean... kept) {
        double[] p = new double[logits.length];
        double total = 0;
        for (int i = 0; i < p.length; i++) {
            p[i] = kept.length == 0 || kept[i] ? Math.exp(logits[i] / temperature) : 0;
            total += p[i];
        }
        for (int i = 0; i < p.length; i++) {
            p[i] /= total;
        }
        return p;
    }

    @Test
    void drawsFollowTheDistribution() {
        float[] logits = {1, 3, -2, 2.5f, 0, 2.9f, -1, 1.5f};
        assertDrawnFrom(frequencies(new RandomSampler(1, 0, 1, 0), logits), softmax(logits, 1));
        assertDrawnFrom(frequencies(new RandomSampler(0.7f, 0, 1, 0), logits), softmax(logits, 0.7));
        assertDrawnFrom(
                frequencies(new RandomSampler(1, 3, 1, 0), logits),
                softmax(logits, 1, false, true, false, true, false, true, false, false));
        // 3, 2.9 and 2.5 have 0.85 of the probability; 1.5 brings it to 0.93.
        assertDrawnFrom(
                frequencies(new RandomSampler(1, 0, 0.9f, 0), logits),
                softmax(logits, 1, false, true, false, true, false, true, false, true));
        assertDrawnFrom(
                frequencies(new RandomSampler(1, 0, 1, 0.5f), logits),
                softmax(logits, 1, false, true, false, true, false, true, false, false));
        assertDrawnFrom(frequencies(new RandomSampler(1, 8, 1, 0), logits), softmax(logits, 1));
    }

    @Test
    void largeVocabulariesKeepExactlyTheBest() {
        var random = new Random(9);
        float[] logits = new float[5000];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian() * 4;
        }
        float[] sorted = logits.clone();
        Arrays.sort(sorted);
        float tenth = sorted[sorted.length - 10];
        var sampler = new RandomSampler(2, 10, 1, 0);
        var draws = new Draws(1);
        for (int i = 0; i < 2000; i++) {
            assertThat(logits[sampler.pick(logits, 0, logits.length, draws.at(i))])
                    .isGreaterThanOrEqualTo(tenth);
        }
        assertThat(new RandomSampler(1, 1, 1, 0).pick(logits, 0, logits.length, 0.99))
                .isEqualTo(new GreedySampler().pick(logits, 0, logits.length, 0));
        assertThat(new RandomSampler(1, 0, 1e-6f, 0).pick(logits, 0, logits.length, 0.99))
                .isEqualTo(new GreedySampler().pick(logits, 0, logits.length, 0));
    }

    @Test
    void penaltiesLowerWhatWasUsed() {
        var sampling = new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0.5f, 0.25f, 2, List.of(), OptionalInt.empty());
        var penalties = new Penalties(sampling, 4);
        penalties.addPrompt(0);
        penalties.addPrompt(1);
        penalties.addAnswer(2);
        penalties.addAnswer(2);
        float[] logits = {2, -2, 4, 1};
        penalties.apply(logits, 0);
        assertThat(logits).containsExactly(1, -4, 2 - 0.5f - 0.5f, 1);
    }

    @Test
    void logprobsAreOfTheModelItself() {
        float[] logits = {0, 1, 2, 3};
        double sum = Logprobs.logSumExp(logits, 0, 4);
        var best = Logprobs.best(logits, 0, 4, 2, sum);
        assertThat(best).extracting(Logprobs.Entry::id).containsExactly(3, 2);
        assertThat(Math.exp(best.getFirst().logprob())).isCloseTo(0.6439, org.assertj.core.data.Offset.offset(1e-4));
        assertThat(Logprobs.best(logits, 0, 4, 0, sum)).isEmpty();
    }

    @Test
    void valuesOutOfRangeAreNamed() {
        assertThatThrownBy(
                        () -> new Sampling(3, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.empty()))
                .hasMessage("temperature: 3.0 (expected: 0 <= temperature <= 2)");
        assertThatThrownBy(() ->
                        new Sampling(Float.NaN, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.empty()))
                .hasMessageContaining("NaN");
        assertThatThrownBy(
                        () -> new Sampling(1, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(""), OptionalInt.empty()))
                .hasMessageContaining("stopSequences");
        assertThatThrownBy(() -> new Sampling(1, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(21)))
                .hasMessage("logprobs: 21 (expected: 0 <= logprobs <= 20)");
    }

    @Test
    void stopsAreFoundWhereverTheTextIsCut() {
        String text = "alpha beta END gamma";
        for (int cut = 1; cut < 8; cut++) {
            var matcher = new StopMatcher(List.of("END", "zzz"));
            StringBuilder out = new StringBuilder();
            for (int at = 0; at < text.length() && matcher.matched() == null; at += cut) {
                out.append(matcher.add(text.substring(at, Math.min(text.length(), at + cut))));
                assertThat("alpha beta ").startsWith(out.toString());
            }
            assertThat(out.append(matcher.end()).toString()).isEqualTo("alpha beta ");
            assertThat(matcher.matched()).isEqualTo("END");
        }
        var unfinished = new StopMatcher(List.of("</answer>"));
        assertThat(unfinished.add("x </ans")).isEqualTo("x ");
        assertThat(unfinished.end()).isEqualTo("</ans");
    }

    @Test
    void charactersComeOutWhole() {
        String text = "né 日本 🎬 ok";
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int cut = 1; cut < 6; cut++) {
            var utf8 = new Utf8Assembler();
            StringBuilder out = new StringBuilder();
            for (int at = 0; at < bytes.length; at += cut) {
                String piece = utf8.add(Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + cut)));
                assertThat(piece).doesNotContain("\uFFFD");
                out.append(piece);
            }
            assertThat(out.append(utf8.end()).toString()).isEqualTo(text);
        }
        var cutOff = new Utf8Assembler();
        assertThat(cutOff.add(new byte[] {'a', (byte) 0xF0, (byte) 0x9F})).isEqualTo("a");
        assertThat(cutOff.end()).isEqualTo("\uFFFD");
        assertThat(new Utf8Assembler().add(new byte[] {(byte) 0x80, 'a'})).isEqualTo("\uFFFDa");
    }
}
