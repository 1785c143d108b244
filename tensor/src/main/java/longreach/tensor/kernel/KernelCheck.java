package longreach.tensor.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import longreach.tensor.kernel.PackedMatrix.Format;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The look at the kernels before a service is ready: are those that its model uses as fast as this machine lets them be?
 * The compiler may have left a kernel's vectors as objects, ten times slower, and nothing else would say so.
 */
public final class KernelCheck {
    private static final Logger log = LoggerFactory.getLogger(KernelCheck.class);
    private static final int LIMIT_MILLISECONDS = 15;
    private static final int KERNEL_MILLISECONDS = 8;
    // What looks slow may only not be compiled yet: it gets this long before it is called slow, and the compiler gets
    // the
    // processors between looks.
    private static final long PATIENT_MILLISECONDS = 8_000;
    private static final long COMPILER_MILLISECONDS = 100;
    private static final int WEIGHT_BYTES = 8 << 20;

    private KernelCheck() {}

    /** What was found: one line for the log, and the kernels that are much slower than they should be. */
    public record Finding(MachineLimits limits, List<KernelSpeed> speeds, List<KernelSpeed> slow, long milliseconds) {}

    /**
     * Decides whether oneDNN multiplies prompts, if that was left to be measured; then times the kernels of the formats
     * that were prepared so far, and logs what it finds: one line, and a warning for each kernel that is much too slow.
     * Run it when they are warm and nothing else computes; some 400 ms.
     */
    public static Finding run(Kernels kernels) {
        if (kernels instanceof VectorKernels vector) {
            vector.decide();
        }
        long began = System.nanoTime();
        MachineLimits limits = MachineLimits.measure(kernels.pool(), LIMIT_MILLISECONDS);
        List<KernelSpeed> speeds = new ArrayList<>();
        List<KernelSpeed> slow = new ArrayList<>();
        if (kernels instanceof VectorKernels vector) {
            for (Format format : vector.prepared()) {
                List<KernelSpeed> found = measure(vector, format, KERNEL_MILLISECONDS);
                for (long first = System.nanoTime();
                        !found.stream().allMatch(speed -> speed.isSound(limits))
                                && System.nanoTime() - first < PATIENT_MILLISECONDS * 1_000_000;
                        found = measure(vector, format, KERNEL_MILLISECONDS)) {
                    LockSupport.parkNanos(COMPILER_MILLISECONDS * 1_000_000);
                }
                speeds.addAll(found);
                found.stream().filter(speed -> !speed.isSound(limits)).forEach(slow::add);
            }
        }
        long milliseconds = (System.nanoTime() - began) / 1_000_000;
        log.info(
                "kernels {} on {} threads: memory {} GB/s, f32 {} GFLOP/s; {} (checked in {} ms)",
                kernels.name(),
                limits.threads(),
                String.format(Locale.ROOT, "%.1f", limits.readBytesPerSecond() / 1e9),
                String.format(Locale.ROOT, "%.0f", limits.flopsPerSecond() / 1e9),
                speeds.stream().map(speed -> speed.describe(limits)).collect(Collectors.joining(", ")),
                milliseconds);
        for (KernelSpeed speed : slow) {
            log.warn(
                    "kernel {}: far slower than this machine allows; restart, and check that the JVM runs with the"
                            + " flags that Longreach ships (./longreach doctor)",
                    speed.describe(limits));
        }
        return new Finding(limits, speeds, slow, milliseconds);
    }

    private static List<KernelSpeed> measure(VectorKernels kernels, Format format, int milliseconds) {
        return KernelSpeed.measure(kernels, Set.of(format), WEIGHT_BYTES, milliseconds, false);
    }
}
