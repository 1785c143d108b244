package longreach.tensor.kernel;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import longreach.tensor.kernel.PackedMatrix.Format;

/** Every matrix kernel's speed beside the machine's limits, as a table for people. */
public final class KernelReport {
    // Larger than the last-level caches of most machines; packed weights of this size are read from memory.
    private static final int WEIGHT_BYTES = 64 << 20;
    private static final int MILLISECONDS = 600;

    private KernelReport() {}

    /** Names of the weight formats, as {@link #print} takes them. */
    public static List<String> formats() {
        return Arrays.stream(Format.values()).map(KernelReport::name).toList();
    }

    /**
     * Measures with one thread and with all, some seconds for each format.
     *
     * @param formats whose kernels are timed; names of {@link #formats}
     * @throws IllegalArgumentException for an unknown format
     */
    public static void print(int threads, Set<String> formats, PrintStream out) {
        Set<Format> chosen = formats.stream()
                .map(KernelReport::format)
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Format.class)));
        for (int n : threads == 1 ? new int[] {1} : new int[] {1, threads}) {
            try (ComputePool pool = new ComputePool(n)) {
                MachineLimits limits = MachineLimits.measure(pool, MILLISECONDS);
                var kernels = new VectorKernels(pool);
                // The first round compiles; what it measures is thrown away.
                KernelSpeed.measure(kernels, chosen, 1 << 20, MILLISECONDS, true);
                out.printf(
                        Locale.ROOT,
                        "%s, %d threads: memory reads %.1f GB/s, f32 multiply-adds %.1f GFLOP/s%n",
                        kernels.name(),
                        n,
                        limits.readBytesPerSecond() / 1e9,
                        limits.flopsPerSecond() / 1e9);
                out.printf(
                        Locale.ROOT,
                        "%-8s %-8s %9s %11s %9s %11s%n",
                        "kernel",
                        "weights",
                        "GB/s",
                        "% of reads",
                        "GFLOP/s",
                        "% of peak");
                for (KernelSpeed speed : KernelSpeed.measure(kernels, chosen, WEIGHT_BYTES, MILLISECONDS, true)) {
                    out.printf(
                            Locale.ROOT,
                            "%-8s %-8s %9.2f %11.0f %9.1f %11.0f%n",
                            speed.kernel(),
                            speed.format(),
                            speed.bytesPerSecond() / 1e9,
                            100 * speed.bytesPerSecond() / limits.readBytesPerSecond(),
                            speed.flopsPerSecond() / 1e9,
                            100 * speed.flopsPerSecond() / limits.flopsPerSecond());
                }
            }
        }
    }

    private static String name(Format format) {
        return format.name().toLowerCase(Locale.ROOT);
    }

    private static Format format(String name) {
        return Arrays.stream(Format.values())
                .filter(format -> name(format).equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "weights: " + name + " (expected: one of " + String.join(", ", formats()) + ")"));
    }
}
