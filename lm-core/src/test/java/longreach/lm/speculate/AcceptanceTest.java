package longreach.lm.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import longreach.lm.sample.Distribution;
import longreach.lm.sample.Draws;
import longreach.lm.sample.RandomSampler;
import longreach.lm.sample.Sampler;
import org.junit.jupiter.api.Test;

/** That speculative sampling draws from the target: by sums, by draws, and by how often it keeps a guess. */
class AcceptanceTest {
    private static final int DRAWS = 200_000;
    private static final long SEED = 20230202;
    private static final Sampler PLAIN = new RandomSampler(1, 0, 1, 0);
    private static final Sampler CUT = new RandomSampler(0.8f, 6, 0.9f, 0);

    private final Acceptance acceptance = new Acceptance();

    private static Distribution distribution(double... weights) {
        var d = new Distribution();
        d.clear(weights.length);
        for (int i = 0; i < weights.length; i++) {
            d.add(i, weights[i]);
        }
        return d;
    }

    private static double minimum(Distribution p, Distribution q, int vocabulary) {
        double sum = 0;
        for (int id = 0; id < vocabulary; id++) {
            sum += Math.min(p.probability(id), q.probability(id));
        }
        return sum;
    }

    /** sum over x of p(x) [keep(x) 1(y = x) + (1 - keep(x)) residual(y)] = q(y). */
    @Test
    void theSumOverEveryOutcomeIsTheTarget() {
        double[][] vectors = {
            {1, 2, 3, 4},
            {4, 3, 2, 1},
            {0, 0, 1, 0},
            {1, 0, 0, 1},
            {1, 1, 1, 1},
            {0.5, 0, 0.25, 0.25},
            {1e-9, 1, 1e-3, 7}
        };
        for (double[] draft : vectors) {
            for (double[] target : vectors) {
                Distribution p = distribution(draft);
                Distribution q = distribution(target);
                var residual = new Distribution();
                acceptance.residual(p, q, residual);
                for (int y = 0; y < target.length; y++) {
                    double outcome = 0;
                    for (int x = 0; x < draft.length; x++) {
                        if (p.probability(x) > 0) {
                            double keep = Math.min(1, q.probability(x) / p.probability(x));
                            outcome += p.probability(x) * ((y == x ? keep : 0) + (1 - keep) * residual.probability(y));
                        }
                    }
                    assertThat(outcome).isCloseTo(q.probability(y), within(1e-15));
                }
            }
        }
    }

    /** The rule as it runs keeps a guess with the probability that the sum above supposes. */
    @Test
    void aGuessIsKeptWithTheRatioOfItsProbabilities() {
        Distribution p = distribution(4, 3, 2, 1);
        Distribution q = distribution(1, 2, 3, 4);
        int steps = 1 << 16;
        for (int x = 0; x < 4; x++) {
            int kept = 0;
            for (int u = 0; u < steps; u++) {
                kept += acceptance.choose(p, q, x, (u + 0.5) / steps, 0) == x ? 1 : 0;
            }
            double expected = Math.min(1, q.probability(x) / p.probability(x));
            // A replacement is never the token that was refused: its residual is 0.
            assertThat((double) kept / steps).isCloseTo(expected, within(1e-4));
        }
        Distribution same = distribution(1, 2, 3, 4);
        assertThat(acceptance.choose(same, q, 0, Math.nextDown(1.0), 0)).isZero();
        Distribution other = distribution(0, 0, 0, 0, 1);
        assertThat(acceptance.choose(other, q, 4, 0, 0.999)).isEqualTo(3);
        // A token that the target cuts off is refused whatever is drawn.
        assertThat(acceptance.choose(p, distribution(0, 1, 0, 0), 0, 0, 0.5)).isEqualTo(1);
    }

    /** Two models over a toy vocabulary whose next token depends on the last one. */
    private static final class Toy {
        static final int VOCABULARY = 12;
        final float[][] target = new float[VOCABULARY][VOCABULARY];
        final float[][] draft = new float[VOCABULARY][VOCABULARY];

        Toy(long seed) {
            var random = new Random(seed);
            for (int from = 0; from < VOCABULARY; from++) {
                for (int to = 0; to < VOCABULARY; to++) {
                    target[from][to] = (float) random.nextGaussian() * 1.5f;
                    draft[from][to] = target[from][to] + (float) random.nextGaussian();
                }
            }
        }

        static Distribution of(Sampler sampler, float[] logits) {
            var d = new Distribution();
            sampler.distribution(logits, 0, VOCABULARY, d);
            return d;
        }
    }

    /** What becomes of a guess. */
    private interface Rule {
        int choose(Distribution p, Distribution q, int drafted, double accept, double redraw);
    }

    /** Counts of the first two tokens after token 0, two guesses a round, as the engine does. */
    private static long[] firstTwo(Toy toy, Sampler sampler, Rule rule, long[] guessesAndKept) {
        Distribution[] p = new Distribution[Toy.VOCABULARY];
        Distribution[] q = new Distribution[Toy.VOCABULARY];
        for (int from = 0; from < Toy.VOCABULARY; from++) {
            p[from] = Toy.of(sampler, toy.draft[from]);
            q[from] = Toy.of(sampler, toy.target[from]);
        }
        long[] counts = new long[Toy.VOCABULARY * Toy.VOCABULARY];
        int[] drafted = new int[2];
        int[] chosen = new int[3];
        for (int run = 0; run < DRAWS; run++) {
            var draws = new Draws(SEED + run);
            int count = 0;
            while (count < 2) {
                int last = count == 0 ? 0 : chosen[count - 1];
                int from = last;
                for (int i = 0; i < 2; i++) {
                    drafted[i] = p[from].pick(draws.stream(1).at(count + i));
                    from = drafted[i];
                }
                for (int i = 0; i < 3 && count < 3; i++) {
                    if (i == 2) {
                        chosen[count] = q[last].pick(draws.at(count));
                        count++;
                        break;
                    }
                    int token = rule.choose(
                            p[last],
                            q[last],
                            drafted[i],
                            draws.stream(2).at(count),
                            draws.stream(3).at(count));
                    chosen[count++] = token;
                    if (i == 0 && count == 1) {
                        guessesAndKept[0]++;
                        guessesAndKept[1] += token == drafted[0] ? 1 : 0;
                    }
                    if (token != drafted[i]) {
                        break;
                    }
                    last = token;
                }
            }
            counts[chosen[0] * Toy.VOCABULARY + chosen[1]]++;
        }
        return counts;
    }

    private static double[] exact(Toy toy, Sampler sampler) {
        double[] probabilities = new double[Toy.VOCABULARY * Toy.VOCABULARY];
        Distribution first = Toy.of(sampler, toy.target[0]);
        for (int a = 0; a < Toy.VOCABULARY; a++) {
            Distribution second = Toy.of(sampler, toy.target[a]);
            for (int b = 0; b < Toy.VOCABULARY; b++) {
                probabilities[a * Toy.VOCABULARY + b] = first.probability(a) * second.probability(b);
            }
        }
        return probabilities;
    }

    @Test
    void twoTokensAreDrawnFromTheTarget() {
        for (long seed = 1; seed <= 2; seed++) {
            var toy = new Toy(seed);
            for (Sampler sampler : new Sampler[] {PLAIN, CUT}) {
                long[] guessesAndKept = new long[2];
                long[] counts = firstTwo(toy, sampler, acceptance::choose, guessesAndKept);
                double[] expected = exact(toy, sampler);
                for (int i = 0; i < counts.length; i++) {
                    assertThat(expected[i] > 0 || counts[i] == 0).isTrue();
                }
                ChiSquare test = ChiSquare.of(counts, expected);
                System.out.printf(
                        "toy %d, %s, seeds from %d: %s, limit %.1f%n", seed, sampler, SEED, test, test.limit());
                assertThat(test.rejects()).isFalse();

                double rate = minimum(Toy.of(sampler, toy.draft[0]), Toy.of(sampler, toy.target[0]), Toy.VOCABULARY);
                double measured = (double) guessesAndKept[1] / guessesAndKept[0];
                // Four standard deviations of a share of so many guesses.
                double margin = 4 * Math.sqrt(rate * (1 - rate) / guessesAndKept[0]);
                assertThat(measured).isCloseTo(rate, within(margin));
                // Else the draft would be no test.
                assertThat(rate).isBetween(0.2, 0.95);
            }
        }
    }

    /** The three mistakes that are easily made; the test must see each. */
    @Test
    void wrongRulesAreFoundOut() {
        var toy = new Toy(1);
        var right = new Acceptance();
        Rule redrawsFromTarget =
                (p, q, x, accept, redraw) -> accept * p.probability(x) < q.probability(x) ? x : q.pick(redraw);
        Rule keepsByTargetAlone =
                (p, q, x, accept, redraw) -> accept < q.probability(x) ? x : right.choose(p, q, x, 1, redraw);
        Rule comparesTheWrongWay = (p, q, x, accept, redraw) ->
                accept * q.probability(x) < p.probability(x) ? x : right.choose(p, q, x, 1, redraw);
        for (Rule wrong : new Rule[] {redrawsFromTarget, keepsByTargetAlone, comparesTheWrongWay}) {
            long[] counts = firstTwo(toy, PLAIN, wrong, new long[2]);
            assertThat(ChiSquare.of(counts, exact(toy, PLAIN)).rejects()).isTrue();
        }
    }

    /** A certain draft: the rule, and drawing as if there were none, keep and replace with the same probabilities. */
    @Test
    void aCopiedTokenNeedsNoRuleOfItsOwn() {
        Distribution q = distribution(1, 2, 3, 4);
        var certain = new Distribution();
        var residual = new Distribution();
        for (int x = 0; x < 4; x++) {
            certain.certain(x);
            acceptance.residual(certain, q, residual);
            for (int y = 0; y < 4; y++) {
                double byRule = (y == x ? q.probability(x) : 0) + (1 - q.probability(x)) * residual.probability(y);
                assertThat(byRule).isCloseTo(q.probability(y), within(1e-15));
            }
        }
    }
}
