package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import longreach.lm.model.Precision;
import longreach.tensor.kernel.KernelSelector;
import org.junit.jupiter.api.Test;

class WarmUpTest {
    @Test
    void endsWhenStepsAreStableOrTimeIsOver() {
        var kernels = KernelSelector.select(1);
        try (var pool = kernels.pool()) {
            for (Precision precision : Precision.values()) {
                var model = TinyModel.of(kernels, precision);
                WarmUp.Outcome once = WarmUp.run(model, kernels, precision, Duration.ZERO);
                assertThat(once.rounds()).isEqualTo(1);
                assertThat(once.stable()).isFalse();
                WarmUp.Outcome outcome = WarmUp.run(model, kernels, precision, Duration.ofMinutes(1));
                assertThat(outcome.stable()).isTrue();
                assertThat(outcome.lastMilliseconds()).isPositive();
                model.close();
            }
        }
    }
}
