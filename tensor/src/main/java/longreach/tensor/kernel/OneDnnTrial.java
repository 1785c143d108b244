package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Locale;
import longreach.tensor.kernel.PackedMatrix.Format;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether oneDNN makes a step of a long prompt faster than {@link Tile} on this machine, in f32 and in bf16; measured on
 * whole products, what is copied for oneDNN included, when the Java kernels are warm. Takes some tenths of a second, and is
 * logged.
 *
 * @param isAhead whether it is to be used for panels in f32
 * @param isBf16Ahead whether it is to be used in bf16 for prompts of the fast precision
 * @param reason why not, or how much faster it is
 */
record OneDnnTrial(boolean isAhead, boolean isBf16Ahead, String reason) {
    private static final Logger log = LoggerFactory.getLogger(OneDnnTrial.class);
    private static final int TOKENS = 480;
    private static final int MATRIX_ROWS = 512;
    private static final int MATRIX_COLS = 576;
    // Below this it would not be worth a native library.
    private static final double LEAST_GAIN = 1.05;
    // Below this it would not be worth two bytes a weight, and rounding.
    private static final double LEAST_BF16_GAIN = 1.5;
    // Compiled code is as fast again and again; what still gets faster is not compiled yet.
    private static final int STEADY_MILLISECONDS = 100;
    private static final int MOST_MILLISECONDS = 1000;

    /**
     * @param neededBytes what the weights would take in bf16
     * @param mostBytes what they may take
     */
    static OneDnnTrial run(ComputePool pool, long neededBytes, long mostBytes) {
        double java = seconds(new VectorKernels(pool));
        double f32 = Double.POSITIVE_INFINITY;
        double bf16 = Double.POSITIVE_INFINITY;
        StringBuilder reason = new StringBuilder(String.format(Locale.ROOT, "Java %.0f GFLOP/s", rate(java)));
        try {
            f32 = seconds(new VectorKernels(pool, true, false));
            reason.append(String.format(Locale.ROOT, ", oneDNN %.0f: %.2f", rate(f32), java / f32));
        } catch (UnsupportedOperationException e) {
            reason.append(", ").append(e.getMessage());
        }
        if (neededBytes > mostBytes) {
            reason.append(String.format(
                    Locale.ROOT,
                    ", weights in bf16 would take %d MiB, more than %d",
                    neededBytes >> 20,
                    mostBytes >> 20));
        } else {
            try {
                bf16 = seconds(new VectorKernels(pool, false, true));
                reason.append(String.format(Locale.ROOT, ", oneDNN in bf16 %.0f: %.2f", rate(bf16), java / bf16));
            } catch (UnsupportedOperationException e) {
                reason.append(", ").append(e.getMessage());
            }
        }
        if (java == 0 || f32 == 0 || bf16 == 0) {
            // One that is not steady may be much faster, which is not known.
            reason.append(" (the machine is too busy to compare all)");
        }
        var result = new OneDnnTrial(
                java > LEAST_GAIN * f32 && f32 > 0,
                Math.min(java, f32 == 0 ? java : f32) > LEAST_BF16_GAIN * bf16 && bf16 > 0,
                reason.toString());
        log.info(
                "products of prompts: {}{} ({})",
                result.isAhead ? "oneDNN" : "Java",
                result.isBf16Ahead ? ", in the fast precision oneDNN in bf16" : "",
                result.reason);
        return result;
    }

    private static double rate(double seconds) {
        return 2e-9 * TOKENS * MATRIX_COLS * MATRIX_ROWS / seconds;
    }

    /** Of one product for a prompt; 0 when the machine was too busy to tell. */
    private static double seconds(VectorKernels kernels) {
        PackedMatrix w = PackedMatrix.zeros(Format.Q4, MATRIX_ROWS, MATRIX_COLS, PackedMatrix.PART_WORDS);
        float[] x = new float[TOKENS * MATRIX_COLS];
        Arrays.fill(x, 0.5f);
        float[] y = new float[TOKENS * MATRIX_ROWS];
        try (Arena arena = Arena.ofShared()) {
            kernels.expand(w, arena);
            return seconds(() -> kernels.prefill(w, x, 0, TOKENS, y, 0));
        }
    }

    /** Seconds of the fastest run, when several in turn were nearly as fast; 0 when that does not come about. */
    private static double seconds(Runnable run) {
        long best = Long.MAX_VALUE;
        long began = System.nanoTime();
        long improved = began;
        while (System.nanoTime() - began < MOST_MILLISECONDS * 1_000_000L) {
            long t = System.nanoTime();
            run.run();
            long took = System.nanoTime() - t;
            if (took < best - best / 20) {
                improved = System.nanoTime();
            }
            best = Math.min(best, took);
            if (System.nanoTime() - improved > Math.max(STEADY_MILLISECONDS * 1_000_000L, 8 * best)) {
                return best / 1e9;
            }
        }
        return 0;
    }
}
