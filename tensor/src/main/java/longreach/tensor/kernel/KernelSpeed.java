package longreach.tensor.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import longreach.tensor.kernel.PackedMatrix.Format;

/**
 * How fast one matrix kernel of this process is, measured now, beside what bounds it. A kernel whose vectors stayed
 * objects when it was compiled is ten times slower; see {@code docs/decisions/0012-packed-formats.md}.
 *
 * @param kernel "decode" (one token), "exact" (one token in f32) or "prefill" (many)
 * @param format of the weights
 * @param bytesPerSecond of weights
 * @param flopsPerSecond two operations a weight and token
 */
public record KernelSpeed(String kernel, String format, double bytesPerSecond, double flopsPerSecond) {
    /** What a whole kernel reaches of either limit at least: a third to a quarter of what was seen on any machine. */
    private static final double LEAST_OF_READS = 0.2;

    private static final double LEAST_OF_DECODE_FLOPS = 0.05;
    private static final double LEAST_OF_PREFILL_FLOPS = 0.15;

    /** 24 tokens are four tiles: the panel is paid for, and a run stays short. */
    private static final int TOKENS = 24;

    private static final int COLS = 1024;
    /** Arithmetic bounds a product with many tokens: fewer weights say the same sooner. */
    private static final int PREFILL_BYTES = 2 << 20;

    /** Whether the kernel is as fast as one whose vectors are registers. */
    public boolean isSound(MachineLimits limits) {
        double flops = flopsPerSecond / limits.flopsPerSecond();
        if (kernel.equals("prefill")) {
            return flops >= LEAST_OF_PREFILL_FLOPS;
        }
        return flops >= LEAST_OF_DECODE_FLOPS || bytesPerSecond >= LEAST_OF_READS * limits.readBytesPerSecond();
    }

    /** The share of the limit that binds this kernel: reads for one token, arithmetic for many. */
    public double share(MachineLimits limits) {
        return kernel.equals("prefill")
                ? flopsPerSecond / limits.flopsPerSecond()
                : bytesPerSecond / limits.readBytesPerSecond();
    }

    /** For example {@code decode q4k 5.1 GB/s (36 %)}. */
    public String describe(MachineLimits limits) {
        String figure = kernel.equals("prefill")
                ? "%.0f GFLOP/s".formatted(flopsPerSecond / 1e9)
                : "%.1f GB/s".formatted(bytesPerSecond / 1e9);
        return String.format(Locale.ROOT, "%s %s %s (%.0f %%)", kernel, format, figure, 100 * share(limits));
    }

    /**
     * Times decode and prefill over weights of each format. Nothing else may use the kernels meanwhile.
     *
     * @param kernels those in use: what was compiled for them is what is measured
     * @param weightBytes of the matrices; more than a cache holds for honest reads
     * @param milliseconds for each kernel
     * @param exact also times {@link Kernels#decodeExact}
     */
    static List<KernelSpeed> measure(
            Kernels kernels, Set<Format> formats, int weightBytes, int milliseconds, boolean exact) {
        List<KernelSpeed> speeds = new ArrayList<>();
        float[] x = new float[TOKENS * COLS];
        Arrays.fill(x, 0.5f);
        for (Format format : formats) {
            PackedMatrix w = zeros(format, weightBytes);
            float[] y = new float[w.rows()];
            speeds.add(time("decode", w, 1, milliseconds, () -> kernels.decode(w, x, 0, 1, y, 0)));
            if (exact) {
                speeds.add(time("exact", w, 1, milliseconds, () -> kernels.decodeExact(w, x, 0, 1, y, 0)));
            }
            PackedMatrix few = zeros(format, Math.min(weightBytes, PREFILL_BYTES));
            float[] out = new float[TOKENS * few.rows()];
            speeds.add(
                    time("prefill", few, TOKENS, milliseconds, () -> kernels.matmulUniform(few, x, 0, TOKENS, out, 0)));
        }
        return speeds;
    }

    private static PackedMatrix zeros(Format format, int weightBytes) {
        int groupBytes = COLS / format.stepCols * format.stepWords * 4;
        int rows = Math.max(1, weightBytes / groupBytes) * Lanes.GROUP;
        return PackedMatrix.zeros(format, rows, COLS, PackedMatrix.PART_WORDS);
    }

    private static KernelSpeed time(String kernel, PackedMatrix w, int tokens, int milliseconds, Runnable run) {
        long best = Long.MAX_VALUE;
        long began = System.nanoTime();
        // One run that does not count, for the caches and the pool's threads.
        for (int i = 0; i < 3 || System.nanoTime() - began < milliseconds * 1_000_000L; i++) {
            long t = System.nanoTime();
            run.run();
            if (i > 0) {
                best = Math.min(best, System.nanoTime() - t);
            }
        }
        double seconds = best / 1e9;
        return new KernelSpeed(
                kernel,
                w.format().name().toLowerCase(Locale.ROOT),
                w.bytes() / seconds,
                2.0 * w.rows() * w.cols() * tokens / seconds);
    }
}
