package longreach.tensor.kernel;

import java.util.Arrays;
import java.util.Locale;
import longreach.tensor.kernel.PackedMatrix.Format;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether oneDNN makes a step of a long prompt faster than {@link Tile} on this machine; measured on whole products, what
 * is copied for oneDNN included, when the Java kernels are warm. Takes some tenths of a second, and is logged.
 *
 * @param isAhead whether it is to be used
 * @param reason why not, or how much faster it is
 */
record OneDnnTrial(boolean isAhead, String reason) {
    private static final Logger log = LoggerFactory.getLogger(OneDnnTrial.class);
    private static final int TOKENS = 480;
    private static final int MATRIX_ROWS = 512;
    private static final int MATRIX_COLS = 576;
    // Below this it would not be worth a native library.
    private static final double LEAST_GAIN = 1.05;
    // Compiled code is as fast again and again; what still gets faster is not compiled yet.
    private static final int STEADY_MILLISECONDS = 100;
    private static final int MOST_MILLISECONDS = 1000;

    static OneDnnTrial run(ComputePool pool) {
        OneDnnTrial result;
        try {
            result = compare(new VectorKernels(pool), new VectorKernels(pool, true));
        } catch (UnsupportedOperationException e) {
            result = new OneDnnTrial(false, e.getMessage());
        }
        log.info("products of prompts: {} ({})", result.isAhead ? "oneDNN" : "Java", result.reason);
        return result;
    }

    private static OneDnnTrial compare(Kernels java, Kernels oneDnn) {
        PackedMatrix w = PackedMatrix.zeros(Format.Q4, MATRIX_ROWS, MATRIX_COLS, PackedMatrix.PART_WORDS);
        float[] x = new float[TOKENS * MATRIX_COLS];
        Arrays.fill(x, 0.5f);
        float[] y = new float[TOKENS * MATRIX_ROWS];
        double own = seconds(() -> java.matmulUniform(w, x, 0, TOKENS, y, 0));
        double other = seconds(() -> oneDnn.matmulUniform(w, x, 0, TOKENS, y, 0));
        if (own == 0 || other == 0) {
            return new OneDnnTrial(false, "the machine is too busy to compare");
        }
        double flops = 2e-9 * TOKENS * MATRIX_COLS * MATRIX_ROWS;
        return new OneDnnTrial(
                own > LEAST_GAIN * other,
                String.format(
                        Locale.ROOT, "oneDNN %.1f, Java %.1f GFLOP/s: %.2f", flops / other, flops / own, own / other));
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
