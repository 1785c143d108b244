package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Random;
import longreach.tensor.weights.TensorType;
import org.junit.jupiter.api.Test;

class KernelCheckTest {
    private static final MachineLimits LIMITS = new MachineLimits(2, 14e9, 70e9);

    @Test
    void timesTheKernelsOfWhatWasPrepared() {
        try (ComputePool pool = new ComputePool(2);
                Arena arena = Arena.ofShared()) {
            var kernels = new VectorKernels(pool);
            assertThat(KernelCheck.run(kernels).speeds()).isEmpty();
            kernels.prepare(TestTensors.random(TensorType.Q6_K, 3, 256, new Random(1)), arena);
            kernels.prepare(TestTensors.random(TensorType.Q4_0, 3, 256, new Random(1)), arena);
            KernelCheck.Finding finding = KernelCheck.run(kernels);
            assertThat(finding.speeds())
                    .extracting(speed -> speed.kernel() + " " + speed.format())
                    .containsExactly("decode q4", "prefill q4", "decode q6k", "prefill q6k");
            assertThat(finding.speeds()).allSatisfy(speed -> {
                assertThat(speed.bytesPerSecond()).isPositive();
                assertThat(speed.flopsPerSecond()).isPositive();
            });
            assertThat(finding.limits().readBytesPerSecond()).isPositive();
            assertThat(finding.limits().flopsPerSecond()).isPositive();
        }
    }

    @Test
    void aKernelWhoseVectorsAreObjectsIsFound() {
        // What was measured with and without them in registers, on the machine of these limits.
        assertThat(new KernelSpeed("decode", "q4", 5e9, 16e9).isSound(LIMITS)).isTrue();
        assertThat(new KernelSpeed("decode", "q4", 0.5e9, 1.6e9).isSound(LIMITS))
                .isFalse();
        assertThat(new KernelSpeed("decode", "f32", 13e9, 6.5e9).isSound(LIMITS))
                .isTrue();
        assertThat(new KernelSpeed("decode", "f32", 1.3e9, 0.65e9).isSound(LIMITS))
                .isFalse();
        assertThat(new KernelSpeed("prefill", "q4", 0.3e9, 48e9).isSound(LIMITS))
                .isTrue();
        assertThat(new KernelSpeed("prefill", "q4", 0.03e9, 4.8e9).isSound(LIMITS))
                .isFalse();
    }

    @Test
    void isDescribedInOneLine() {
        assertThat(new KernelSpeed("decode", "q4", 7e9, 16e9).describe(LIMITS)).isEqualTo("decode q4 7.0 GB/s (50 %)");
        assertThat(new KernelSpeed("prefill", "q4", 1e9, 35e9).describe(LIMITS))
                .isEqualTo("prefill q4 35 GFLOP/s (50 %)");
    }
}
