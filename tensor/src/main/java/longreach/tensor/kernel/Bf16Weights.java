package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.GROUP;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A matrix's weights rounded to bf16, as oneDNN's product wants them (its layout {@code BA16a64b2a}): blocks of
 * {@link #BLOCK} rows one after the other, each a run of pairs of columns, word [pair, row] with the earlier column in the
 * low half. Rows and columns that only fill the last block are zero. Two bytes a weight, beside the packed ones that
 * generated tokens use.
 *
 * @param depth columns, rounded up to a multiple of {@link #DEPTH}
 * @param data owned by the arena that it was made in
 */
record Bf16Weights(int rows, int cols, int depth, MemorySegment data) {
    static final int BLOCK = 64;
    static final int DEPTH = 32;

    // Columns that are unpacked at a time: a multiple of every format's step, and the panel stays in L1.
    private static final int PANEL_COLS = 256;
    private static final int PAGE = 64;

    static int depth(int cols) {
        return (cols + DEPTH - 1) / DEPTH * DEPTH;
    }

    private static int blocks(int rows) {
        return (rows + BLOCK - 1) / BLOCK;
    }

    static long bytes(int rows, int cols) {
        return 2L * blocks(rows) * BLOCK * depth(cols);
    }

    int blocks() {
        return blocks(rows);
    }

    /** Where a block of rows begins. @throws IllegalStateException when its arena is closed */
    long address(int block) {
        if (!data.scope().isAlive()) {
            throw new IllegalStateException("weights of a model that is closed");
        }
        return data.address() + 2L * block * BLOCK * depth;
    }

    /** Unpacks and rounds with all threads of the pool. */
    static Bf16Weights of(PackedMatrix w, ComputePool pool, Arena arena) {
        var weights =
                new Bf16Weights(w.rows(), w.cols(), depth(w.cols()), arena.allocate(bytes(w.rows(), w.cols()), PAGE));
        float[][] panels = new float[pool.threads()][PANEL_COLS * GROUP];
        pool.forEach(w.groups(), (group, thread) -> weights.fill(w, group, panels[thread]));
        return weights;
    }

    private void fill(PackedMatrix w, int group, float[] panel) {
        int row = group * GROUP;
        long begin = 2L * (row - row % BLOCK) * depth + 4L * (row % BLOCK);
        int stepCols = w.format().stepCols;
        int panelSteps = PANEL_COLS / stepCols;
        for (int from = 0; from < w.steps(); from += panelSteps) {
            int to = Math.min(from + panelSteps, w.steps());
            Panel.unpack(w, group, from, to, panel);
            int cols = (to - from) * stepCols;
            int pairs = (Math.min(from * stepCols + PANEL_COLS, depth) - from * stepCols) / 2;
            // What a format stores beyond the last column is not always zero.
            int known = Math.min(cols, w.cols() - from * stepCols);
            Arrays.fill(panel, known * GROUP, 2 * pairs * GROUP, 0);
            Bf16.pairs(panel, pairs, data, begin + 2L * from * stepCols * BLOCK, BLOCK);
        }
    }
}
