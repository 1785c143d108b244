package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
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
 * @param isSure whether the times were steady, or oneDNN so far ahead that it does not matter
 * @param reason why not, or how much faster it is
 */
record OneDnnTrial(boolean isAhead, boolean isBf16Ahead, boolean isSure, String reason) {
    private static final Logger log = LoggerFactory.getLogger(OneDnnTrial.class);
    private static final int TOKENS = 480;
    private static final int MATRIX_ROWS = 512;
    private static final int MATRIX_COLS = 576;
    // Below this it would not be worth a native library.
    private static final double LEAST_GAIN = 1.05;
    // Below this it would not be worth two bytes a weight, and rounding.
    private static final double LEAST_BF16_GAIN = 1.5;
    // Compiled code is as fast again and again; what still gets faster is not compiled yet.
    private static final int STEADY_MILLISECONDS = 300;
    private static final int LEAST_RUNS = 50;
    // A compiler that starts anew takes a second or two on a busy machine.
    private static final int MOST_MILLISECONDS = 4000;
    // What never became steady may be this much faster than it looked.
    private static final double UNSTEADY_GAIN = 2;

    /**
     * @param neededBytes what the weights would take in bf16
     * @param mostBytes what they may take
     */
    static OneDnnTrial run(ComputePool pool, long neededBytes, long mostBytes) {
        Time java = time(new VectorKernels(pool));
        Time f32 = Time.NEVER;
        Time bf16 = Time.NEVER;
        StringBuilder reason = new StringBuilder(String.format(Locale.ROOT, "Java %.0f GFLOP/s", java.rate()));
        try {
            f32 = time(new VectorKernels(pool, true, false));
            reason.append(String.format(Locale.ROOT, ", oneDNN %.0f: %.2f", f32.rate(), f32.gain(java)));
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
                bf16 = time(new VectorKernels(pool, false, true));
                reason.append(String.format(Locale.ROOT, ", oneDNN in bf16 %.0f: %.2f", bf16.rate(), bf16.gain(java)));
            } catch (UnsupportedOperationException e) {
                reason.append(", ").append(e.getMessage());
            }
        }
        boolean steady = java.steady && f32.steady && bf16.steady;
        if (!steady) {
            reason.append(" (the machine is busy: only twice the gain counts)");
        }
        Time exact = f32.seconds < java.seconds ? f32 : java;
        boolean bf16Ahead = bf16.gain(exact) > LEAST_BF16_GAIN * bf16.caution(exact);
        var result = new OneDnnTrial(
                f32.gain(java) > LEAST_GAIN * f32.caution(java), bf16Ahead, steady || bf16Ahead, reason.toString());
        log.info(
                "products of prompts: {}{} ({})",
                result.isAhead ? "oneDNN" : "Java",
                result.isBf16Ahead ? ", in the fast precision oneDNN in bf16" : "",
                result.reason);
        return result;
    }

    /** What {@link #choice} tells of; empty for anything else. */
    static Optional<OneDnnTrial> of(String choice) {
        for (boolean f32 : new boolean[] {false, true}) {
            for (boolean bf16 : new boolean[] {false, true}) {
                var each = new OneDnnTrial(f32, bf16, true, "remembered");
                if (each.choice().equals(choice)) {
                    return Optional.of(each);
                }
            }
        }
        return Optional.empty();
    }

    /** As it is remembered. */
    String choice() {
        return (isAhead ? "onednn" : "java") + (isBf16Ahead ? "+bf16" : "");
    }

    /**
     * Of one product for a prompt.
     *
     * @param steady whether several runs in turn were nearly as fast as the fastest
     */
    private record Time(double seconds, boolean steady) {
        /** Of what cannot be used. */
        static final Time NEVER = new Time(Double.POSITIVE_INFINITY, true);

        double rate() {
            return 2e-9 * TOKENS * MATRIX_COLS * MATRIX_ROWS / seconds;
        }

        double gain(Time other) {
            return other.seconds / seconds;
        }

        double caution(Time other) {
            return steady && other.steady ? 1 : UNSTEADY_GAIN;
        }
    }

    private static Time time(VectorKernels kernels) {
        PackedMatrix w = PackedMatrix.zeros(Format.Q4, MATRIX_ROWS, MATRIX_COLS, PackedMatrix.PART_WORDS);
        float[] x = new float[TOKENS * MATRIX_COLS];
        Arrays.fill(x, 0.5f);
        float[] y = new float[TOKENS * MATRIX_ROWS];
        try (Arena arena = Arena.ofShared()) {
            kernels.expand(w, arena);
            return time(() -> kernels.prefill(w, x, 0, TOKENS, y, 0));
        }
    }

    /** The fastest run, once several in turn were nearly as fast or time is up. */
    private static Time time(Runnable run) {
        long best = Long.MAX_VALUE;
        long began = System.nanoTime();
        long improved = began;
        for (int runs = 1; System.nanoTime() - began < MOST_MILLISECONDS * 1_000_000L; runs++) {
            long t = System.nanoTime();
            run.run();
            long took = System.nanoTime() - t;
            if (took < best - best / 20) {
                improved = System.nanoTime();
            }
            best = Math.min(best, took);
            if (runs >= LEAST_RUNS
                    && System.nanoTime() - improved > Math.max(STEADY_MILLISECONDS * 1_000_000L, 8 * best)) {
                return new Time(best / 1e9, true);
            }
        }
        return new Time(best / 1e9, false);
    }
}
