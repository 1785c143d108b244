package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.GROUP;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import org.slf4j.LoggerFactory;

/**
 * Whether oneDNN multiplies a prompt's panels faster than {@link Tile} on this machine; measured once in a process, when
 * the first kernels that may use it are warm, in some 200 ms, and logged.
 *
 * @param isAhead whether it is to be used
 * @param reason why not, or how much faster it is
 */
record OneDnnTrial(boolean isAhead, String reason) {
    private static final int DEPTH = 576;
    // What a step of a long prompt multiplies a panel by, nearly.
    private static final int ROWS = 10 * OneDnn.MOST_ROWS;
    // Below this it would not be worth a native library.
    private static final double LEAST_GAIN = 1.05;
    // Compiled code is as fast again and again; what still gets faster is not compiled yet.
    private static final int STEADY_MILLISECONDS = 100;
    private static final int MOST_MILLISECONDS = 1000;

    static final OneDnnTrial RESULT = run();

    private static OneDnnTrial run() {
        OneDnnTrial result;
        try {
            result = compare(OneDnn.of(1)[0]);
        } catch (UnsupportedOperationException e) {
            result = new OneDnnTrial(false, e.getMessage());
        }
        LoggerFactory.getLogger(OneDnnTrial.class)
                .info("products of prompts: {} ({})", result.isAhead ? "oneDNN" : "Java", result.reason);
        return result;
    }

    private static OneDnnTrial compare(OneDnn oneDnn) {
        float[] x = new float[ROWS * DEPTH];
        Arrays.fill(x, 0.5f);
        float[] panel = new float[DEPTH * GROUP];
        Arrays.fill(panel, 0.25f);
        float[] y = new float[ROWS * GROUP];
        // A tenth of the rows a run: where it is not compiled yet, all of them would take a second.
        int pieces = ROWS / OneDnn.MOST_ROWS;
        double java = pieces
                * seconds(() -> {
                    for (int r = 0; r < OneDnn.MOST_ROWS; r += Tile.ROWS) {
                        Tile.multiply(x, r * DEPTH, DEPTH, Tile.ROWS, panel, 0, DEPTH, y, r * GROUP, GROUP);
                    }
                });
        MemorySegment source = Arena.ofAuto().allocate(OneDnn.sourceBytes(ROWS, DEPTH), 64);
        source.fill((byte) 0);
        double other = seconds(() -> {
            oneDnn.put(panel, DEPTH);
            oneDnn.multiply(source, 0, DEPTH, ROWS, false, y, 0, GROUP, GROUP);
        });
        if (java == 0 || other == 0) {
            return new OneDnnTrial(false, "the machine is too busy to compare");
        }
        double flops = 2e-9 * ROWS * DEPTH * GROUP;
        return new OneDnnTrial(
                java > LEAST_GAIN * other,
                String.format(
                        Locale.ROOT,
                        "on one thread oneDNN %.1f, Java %.1f GFLOP/s: %.2f",
                        flops / other,
                        flops / java,
                        java / other));
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
            // A run of compiled code takes a millisecond at most, so that the steady ones are many.
            if (System.nanoTime() - improved > Math.max(STEADY_MILLISECONDS * 1_000_000L, 20 * best)) {
                return best / 1e9;
            }
        }
        return 0;
    }
}
