package longreach.lm.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class StepCostTest {
    @Test
    void theShapeIsLearntThroughInterruptions() {
        var cost = new StepCost();
        var random = new Random(1);
        for (int i = 0; i < 590; i++) {
            int rows = 1 + random.nextInt(8);
            // Four rows go together.
            long nanos = 10_000 + 6_000L * ((rows + 3) / 4) + random.nextInt(500);
            cost.decoded(rows, i % 50 == 49 ? 50 * nanos : nanos);
        }
        assertThat(cost.decodeNanos(4) / cost.decodeNanos(1)).isBetween(0.9, 1.15);
        assertThat(cost.decodeNanos(8) / cost.decodeNanos(1)).isBetween(1.25, 1.5);
        assertThat(cost.decodeNanos(1)).isBetween(14_000.0, 19_000.0);
    }

    @Test
    void thePaceIsFollowedAndTheShapeKept() {
        var cost = new StepCost();
        assertThat(cost.knowsDecode()).isFalse();
        for (int i = 0; i < 10; i++) {
            cost.decoded(1, 1000);
        }
        assertThat(cost.knowsDecode()).isTrue();
        assertThat(cost.decodeNanos(1)).isCloseTo(1000, within(1e-6));
        for (int i = 0; i < 40; i++) {
            cost.decoded(1, 3000);
        }
        assertThat(cost.decodeNanos(1)).isCloseTo(3000, within(30.0));
        assertThat(cost.decodeNanos(2)).isBetween(3000.0, 4500.0);
    }

    @Test
    void amongManyOnlySureGuessesAreWorthARow() {
        var plan = new StepPlan(rows -> 1 + 0.25 * rows);
        plan.begin(1, 8);
        assertThat(plan.take(new double[] {0.1}, 1, 0)).isZero();
        assertThat(plan.take(new double[] {0.4}, 1, 0)).isEqualTo(1);
        assertThat(plan.rows()).isEqualTo(2);
        plan.begin(8, 8);
        assertThat(plan.take(new double[] {0.4}, 1, 0)).isZero();
        assertThat(plan.take(new double[] {0.97}, 1, 0)).isEqualTo(1);
        plan.begin(1, 2);
        assertThat(plan.take(new double[] {1, 1, 1}, 3, 0)).isEqualTo(2);
        assertThat(plan.take(new double[] {1}, 1, 0)).isZero();
        // A guess that takes as long to make as a step gains nothing.
        plan.begin(1, 2);
        assertThat(plan.take(new double[] {1, 1}, 2, 1.25)).isZero();
    }

    /** Where rows come in fours, one more guess alone is not worth its step, but three are. */
    @Test
    void guessesThatAreWorthItOnlyTogetherAreTaken() {
        var plan = new StepPlan(rows -> rows == 1 ? 1 : rows <= 4 ? 2 : 3);
        plan.begin(1, 8);
        assertThat(plan.take(new double[] {0.9, 0.8, 0.7, 0.6}, 4, 0)).isEqualTo(3);
    }
}
