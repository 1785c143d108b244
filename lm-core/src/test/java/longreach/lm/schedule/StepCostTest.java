package longreach.lm.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class StepCostTest {
    @Test
    void theLineIsLearntThroughInterruptions() {
        var cost = new StepCost();
        var random = new Random(1);
        for (int i = 0; i < 400; i++) {
            int rows = 1 + random.nextInt(8);
            long nanos = 10_000 + 2_000L * rows + random.nextInt(500);
            cost.decoded(rows, i % 50 == 49 ? 50 * nanos : nanos);
        }
        assertThat(cost.decodeNanos(1)).isCloseTo(12_250, within(2_500.0));
        assertThat(cost.decodeNanos(8) - cost.decodeNanos(1)).isCloseTo(14_000, within(4_000.0));
        for (int i = 0; i < 50; i++) {
            cost.prefilled(4, 32, (long) cost.decodeNanos(4) + 32 * 700);
        }
        assertThat(cost.nanosPerPromptToken()).isCloseTo(700, within(30.0));
    }

    @Test
    void oneRowAloneSaysNothingOfTheSlope() {
        var cost = new StepCost();
        assertThat(cost.knowsDecode()).isFalse();
        for (int i = 0; i < 10; i++) {
            cost.decoded(1, 1000);
        }
        assertThat(cost.knowsDecode()).isTrue();
        assertThat(cost.decodeNanos(1)).isCloseTo(1000, within(1e-6));
        assertThat(cost.decodeNanos(2)).isBetween(1100.0, 1400.0);
    }

    @Test
    void amongManyOnlySureGuessesAreWorthARow() {
        var plan = new StepPlan(rows -> 1 + 0.25 * rows);
        plan.begin(1, 8);
        assertThat(plan.take(0.1)).isFalse();
        assertThat(plan.take(0.4)).isTrue();
        assertThat(plan.rows()).isEqualTo(2);
        plan.begin(8, 8);
        assertThat(plan.take(0.4)).isFalse();
        assertThat(plan.take(0.95)).isTrue();
        plan.begin(1, 1);
        assertThat(plan.take(1)).isTrue();
        assertThat(plan.take(1)).isFalse();
    }
}
