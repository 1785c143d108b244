package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.GROUP;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import longreach.tensor.weights.Tensor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Kernels on the Vector API, at the machine's width. One or two tokens stream the packed weights through
 * {@link Gemv}; more dequantise each group of rows once and multiply it by all tokens in register tiles. Sums are f32;
 * against the scalar kernels |error| <= cols * 2^-22 * sum |x w|.
 */
public final class VectorKernels implements Kernels {
    private static final Logger log = LoggerFactory.getLogger(VectorKernels.class);

    // Below this many tokens, dequantising a panel costs more than reading the weights once per token.
    private static final int TILED_TOKENS = 3;
    // A panel of 384 columns is 24 KiB at eight lanes: it stays in L1 beside a tile of activations.
    private static final int PANEL_COLS = 384 * 16 / GROUP;
    // A panel up to this long is not worth cutting in two.
    static final int PANEL_COLS_WHOLE = 640 * 16 / GROUP;
    // With fewer tokens, what oneDNN gains does not pay for copying panels and activations to it.
    static final int ONEDNN_TOKENS = 96;
    // From this many tokens on, weights are unpacked once for several of them.
    private static final int PAIRED_TOKENS = 3;
    // Chunks per thread: more even out a busy core, fewer claim less often.
    private static final int CHUNKS_PER_THREAD = 6;
    // Element-wise work below this is done by the caller: handing it out costs some microseconds.
    private static final int PARALLEL_ELEMENTS = 16_384;

    private final ComputePool pool;
    private final AttentionKernel attention;
    private final PageWriter pages;
    private final float[][] panels;
    private final float[][] tiles;
    // Where a product of one matrix is done as one of several.
    private final Matrix[] single = new Matrix[1];
    private final float[][] singleOut = new float[1][];
    // Prepared activations, for each token.
    private float[][] scaled = new float[0][];
    private float[][] sums = new float[0][];
    private int[] pairs = new int[0];
    private float[] scales = new float[0];
    private float[] roundedSums = new float[0];
    private final Set<PackedMatrix.Format> prepared = EnumSet.noneOf(PackedMatrix.Format.class);
    private final List<KQuantRounded.Activations> rounded = new ArrayList<>();

    // One for each thread where oneDNN multiplies the panels, else none.
    private OneDnn[] oneDnn;
    // Null where prompts of the fast precision are multiplied in f32.
    private Bf16Products bf16;
    private final Expansions expansions;
    private boolean undecided;
    private ChoiceMemory memory = ChoiceMemory.NONE;
    private MemorySegment source = MemorySegment.NULL;

    public VectorKernels(ComputePool pool) {
        this(pool, false, false);
    }

    /**
     * @param useOneDnn whether oneDNN multiplies the panels of prompts
     * @param useBf16 whether it multiplies prompts of the fast precision in bf16
     * @throws UnsupportedOperationException when it is wanted and cannot
     */
    VectorKernels(ComputePool pool, boolean useOneDnn, boolean useBf16) {
        this(pool, useOneDnn, useBf16, useBf16 ? Long.MAX_VALUE : Expansions.defaultBytes());
    }

    private VectorKernels(ComputePool pool, boolean useOneDnn, boolean useBf16, long expandedBytes) {
        this.pool = pool;
        oneDnn = useOneDnn ? OneDnn.of(pool.threads()) : new OneDnn[0];
        bf16 = useBf16 ? new Bf16Products(pool) : null;
        expansions = new Expansions(expandedBytes);
        attention = new AttentionKernel(pool);
        pages = new PageWriter(pool);
        panels = new float[pool.threads()][PANEL_COLS_WHOLE * GROUP];
        tiles = new float[pool.threads()][Tile.ROWS * GROUP];
    }

    @Override
    public String name() {
        return "vector/" + Lanes.F.vectorBitSize() + (oneDnn.length > 0 ? "+onednn" : "")
                + (bf16 == null ? "" : "+bf16");
    }

    @Override
    public ComputePool pool() {
        return pool;
    }

    /** Kernels that multiply panels in Java until {@link #decide} is called. */
    static VectorKernels undecided(ComputePool pool) {
        var kernels = new VectorKernels(pool);
        kernels.undecided = true;
        return kernels;
    }

    /** @param memory asked by {@link #decide} before it measures, and told of what that gave */
    void remembering(ChoiceMemory memory) {
        this.memory = memory;
    }

    /**
     * Lets oneDNN multiply prompts from now on the way that was chosen before, else the one that is fastest, if that was left
     * open.
     */
    void decide() {
        if (!undecided) {
            return;
        }
        undecided = false;
        Optional<String> before = memory.recall();
        if (before.isPresent() && adopt(before.get())) {
            log.info("products of prompts: {} ({}, as before)", name(), before.get());
            memory.remember(before.get());
            return;
        }
        OneDnnTrial trial = OneDnnTrial.run(pool, expansions.neededBytes(), expansions.mostBytes());
        if (trial.isAhead()) {
            oneDnn = OneDnn.of(pool.threads());
        }
        if (trial.isBf16Ahead()) {
            bf16 = new Bf16Products(pool);
        }
        if (trial.isSure()) {
            memory.remember(trial.choice());
        }
    }

    /** @return whether it is a choice that these kernels have */
    private boolean adopt(String choice) {
        Optional<OneDnnTrial> known = OneDnnTrial.of(choice);
        boolean fits =
                known.isPresent() && (!known.get().isBf16Ahead() || expansions.neededBytes() <= expansions.mostBytes());
        if (!fits) {
            return false;
        }
        try {
            OneDnn[] panels = known.get().isAhead() ? OneDnn.of(pool.threads()) : oneDnn;
            bf16 = known.get().isBf16Ahead() ? new Bf16Products(pool) : null;
            oneDnn = panels;
            return true;
        } catch (UnsupportedOperationException e) {
            log.info("products of prompts: {} was chosen before, and cannot be had: {}", choice, e.getMessage());
            return false;
        }
    }

    /** The formats of the matrices that were prepared so far. */
    Set<PackedMatrix.Format> prepared() {
        return prepared;
    }

    @Override
    public Matrix prepare(Tensor weight, Arena arena) {
        PackedMatrix packed = PackedMatrix.of(weight, pool);
        prepared.add(packed.format());
        expand(packed, arena);
        if (weight.data().isMapped()) {
            // The file's pages were read and are not needed again; without this they stay in memory beside the copy.
            weight.data().unload();
        }
        return packed;
    }

    /** Lets prompts have a matrix in bf16, in memory that the arena owns. */
    void expand(PackedMatrix w, Arena arena) {
        expansions.add(w, arena);
    }

    @Override
    public void matmul(Matrix matrix, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        PackedMatrix w = checked(matrix, x, xOffset, tokens, y, yOffset);
        if (tokens >= TILED_TOKENS) {
            tiled(w, x, xOffset, tokens, y, yOffset);
        } else {
            streamed(w, x, xOffset, tokens, y, yOffset);
        }
    }

    /** A tile sums each token's columns in their order, whatever stands in its other rows. */
    @Override
    public void matmulUniform(Matrix matrix, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        tiled(checked(matrix, x, xOffset, tokens, y, yOffset), x, xOffset, tokens, y, yOffset);
    }

    @Override
    public void prefill(Matrix matrix, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        PackedMatrix w = checked(matrix, x, xOffset, tokens, y, yOffset);
        Bf16Weights expanded = bf16 == null ? null : expansions.of(w, bf16);
        if (expanded == null) {
            tiled(w, x, xOffset, tokens, y, yOffset);
        } else {
            bf16.multiply(expanded, x, xOffset, tokens, y, yOffset);
        }
    }

    @Override
    public String prefillType() {
        return bf16 == null ? "f32" : "bf16";
    }

    private static PackedMatrix checked(Matrix matrix, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        PackedMatrix w = (PackedMatrix) matrix;
        Objects.checkFromIndexSize(xOffset, Math.multiplyExact(tokens, w.cols()), x.length);
        Objects.checkFromIndexSize(yOffset, Math.multiplyExact(tokens, w.rows()), y.length);
        return w;
    }

    /** Rounds the activations for weights of 4 to 6 bits; the other formats are as fast without. */
    @Override
    public void decode(Matrix matrix, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        PackedMatrix w = checked(matrix, x, xOffset, tokens, y, yOffset);
        if (KQuantRounded.knows(w.format())) {
            roundedSuperBlocks(w, x, xOffset, tokens, y, yOffset);
            return;
        }
        if (w.format() != PackedMatrix.Format.Q4) {
            streamed(w, x, xOffset, tokens, y, yOffset);
            return;
        }
        round(w, x, xOffset, tokens);
        single[0] = w;
        singleOut[0] = y;
        roundedGroups(single, w.groups(), tokens, singleOut, 0, yOffset);
    }

    @Override
    public void decode(Matrix[] ws, float[] x, int firstToken, int tokens, float[][] ys) {
        int groups = 0;
        for (int i = 0; i < ws.length; i++) {
            PackedMatrix w = checked(ws[i], x, firstToken * ws[i].cols(), tokens, ys[i], firstToken * ws[i].rows());
            if (w.format() != PackedMatrix.Format.Q4 || w.cols() != ws[0].cols()) {
                Kernels.super.decode(ws, x, firstToken, tokens, ys);
                return;
            }
            groups += w.groups();
        }
        if (groups == 0) {
            return;
        }
        round((PackedMatrix) ws[0], x, firstToken * ws[0].cols(), tokens);
        roundedGroups(ws, groups, tokens, ys, firstToken, 0);
    }

    /**
     * All groups of matrices of one input; group i of the first half goes together with group i of the second where that
     * pays.
     *
     * @param groups of all matrices
     * @param yOffset what is left out of each of {@code ys} before its row of {@code firstToken}
     */
    private void roundedGroups(Matrix[] ws, int groups, int tokens, float[][] ys, int firstToken, int yOffset) {
        int half = GemvPair.PAYS && tokens < PAIRED_TOKENS ? (groups + 1) / 2 : groups;
        int chunks = chunks(half);
        pool.forEach(chunks, (chunk, thread) -> {
            int to = (int) ((long) half * (chunk + 1) / chunks);
            for (int i = (int) ((long) half * chunk / chunks); i < to; i++) {
                int a = matrixOf(ws, i);
                PackedMatrix wa = (PackedMatrix) ws[a];
                int aGroup = i - groupsBefore(ws, a);
                int aOffset = yOffset + firstToken * wa.rows();
                if (half + i >= groups) {
                    rounded(wa, aGroup, tokens, ys[a], aOffset, tiles[thread]);
                    continue;
                }
                int b = matrixOf(ws, half + i);
                PackedMatrix wb = (PackedMatrix) ws[b];
                int bGroup = half + i - groupsBefore(ws, b);
                int bOffset = yOffset + firstToken * wb.rows();
                if (wa.isWhole(aGroup) && wb.isWhole(bGroup)) {
                    for (int t = 0; t < tokens; t++) {
                        int at = aOffset + t * wa.rows() + aGroup * GROUP;
                        int bt = bOffset + t * wb.rows() + bGroup * GROUP;
                        GemvPair.rounded(wa, aGroup, wb, bGroup, pairs, scales, roundedSums, t, ys[a], at, ys[b], bt);
                    }
                } else {
                    rounded(wa, aGroup, tokens, ys[a], aOffset, tiles[thread]);
                    rounded(wb, bGroup, tokens, ys[b], bOffset, tiles[thread]);
                }
            }
        });
    }

    /** Which of the matrices has a group, counted through all of them. */
    private static int matrixOf(Matrix[] ws, int group) {
        int i = 0;
        for (int left = group; left >= ((PackedMatrix) ws[i]).groups(); i++) {
            left -= ((PackedMatrix) ws[i]).groups();
        }
        return i;
    }

    private static int groupsBefore(Matrix[] ws, int matrix) {
        int groups = 0;
        for (int i = 0; i < matrix; i++) {
            groups += ((PackedMatrix) ws[i]).groups();
        }
        return groups;
    }

    private void round(PackedMatrix w, float[] x, int xOffset, int tokens) {
        int steps = tokens * w.steps();
        if (scales.length < steps) {
            pairs = new int[steps * 16];
            scales = new float[steps];
            roundedSums = new float[steps];
        }
        for (int t = 0; t < tokens; t++) {
            Gemv.roundActivations(w, x, xOffset + t * w.cols(), t, pairs, scales, roundedSums);
        }
    }

    private void roundedSuperBlocks(PackedMatrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        while (rounded.size() < tokens) {
            rounded.add(new KQuantRounded.Activations());
        }
        for (int t = 0; t < tokens; t++) {
            rounded.get(t).round(w, x, xOffset + t * w.cols());
        }
        int groups = w.groups();
        int chunks = chunks(groups);
        pool.forEach(chunks, (chunk, thread) -> {
            int to = (int) ((long) groups * (chunk + 1) / chunks);
            for (int group = (int) ((long) groups * chunk / chunks); group < to; group++) {
                int row = group * GROUP;
                for (int t = 0; t < tokens; t++) {
                    int target = yOffset + t * w.rows() + row;
                    if (row + GROUP <= w.rows()) {
                        KQuantRounded.group(w, group, rounded.get(t), y, target);
                    } else {
                        KQuantRounded.group(w, group, rounded.get(t), tiles[thread], 0);
                        System.arraycopy(tiles[thread], 0, y, target, w.rows() - row);
                    }
                }
            }
        });
    }

    @Override
    public void decodeExact(Matrix matrix, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        streamed(checked(matrix, x, xOffset, tokens, y, yOffset), x, xOffset, tokens, y, yOffset);
    }

    /** One group of rows times all tokens: its weights come from the cache for all but the first of them. */
    private void rounded(PackedMatrix w, int group, int tokens, float[] y, int yOffset, float[] tile) {
        int row = group * GROUP;
        int width = Math.min(GROUP, w.rows() - row);
        for (int t = 0; t < tokens; t += Gemv.ROUNDED_TOKENS) {
            int count = Math.min(Gemv.ROUNDED_TOKENS, tokens - t);
            float[] out = width == GROUP ? y : tile;
            int stride = width == GROUP ? w.rows() : GROUP;
            int target = width == GROUP ? yOffset + t * w.rows() + row : 0;
            if (count <= 2) {
                // Four at once cost as much for two of them: more than one by one.
                for (int i = 0; i < count; i++) {
                    Gemv.groupRounded(w, group, pairs, scales, roundedSums, t + i, out, target + i * stride);
                }
            } else {
                Gemv.fourRounded(w, group, 0, pairs, scales, roundedSums, t, count, out, target, stride);
                Gemv.fourRounded(w, group, 1, pairs, scales, roundedSums, t, count, out, target, stride);
            }
            if (width < GROUP) {
                for (int i = 0; i < count; i++) {
                    System.arraycopy(tile, i * GROUP, y, yOffset + (t + i) * w.rows() + row, width);
                }
            }
        }
    }

    private int chunks(int groups) {
        return Math.min(groups, pool.threads() == 1 ? 1 : pool.threads() * CHUNKS_PER_THREAD);
    }

    /** Every token as if on its own, one group of rows after the other for all of them. */
    private void streamed(PackedMatrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        boolean bytes = w.format() == PackedMatrix.Format.Q8;
        if (scaled.length < tokens) {
            scaled = Arrays.copyOf(scaled, tokens);
            sums = Arrays.copyOf(sums, tokens);
        }
        for (int t = 0; t < tokens; t++) {
            if (scaled[t] == null || scaled[t].length < w.paddedCols()) {
                scaled[t] = new float[w.paddedCols()];
                sums[t] = new float[w.paddedCols()];
            }
            Gemv.scaleActivations(w, x, xOffset + t * w.cols(), scaled[t], sums[t]);
        }
        if (bytes && tokens == 1 && GemvPair.PAYS) {
            streamedBytes(w, y, yOffset);
            return;
        }
        int groups = w.groups();
        int chunks = chunks(groups);
        pool.forEach(chunks, (chunk, thread) -> {
            int to = (int) ((long) groups * (chunk + 1) / chunks);
            for (int group = (int) ((long) groups * chunk / chunks); group < to; group++) {
                int row = group * GROUP;
                boolean whole = row + GROUP <= w.rows();
                int t = 0;
                for (; bytes && whole && t + Gemv.BYTE_TOKENS <= tokens; t += Gemv.BYTE_TOKENS) {
                    int target = yOffset + t * w.rows() + row;
                    Gemv.fourBytes(w, group, 0, scaled, sums, t, y, target, w.rows());
                    Gemv.fourBytes(w, group, 1, scaled, sums, t, y, target, w.rows());
                }
                for (; t < tokens; t++) {
                    int target = yOffset + t * w.rows() + row;
                    if (whole) {
                        Gemv.group(w, group, scaled[t], sums[t], y, target);
                    } else {
                        Gemv.group(w, group, scaled[t], sums[t], tiles[thread], 0);
                        System.arraycopy(tiles[thread], 0, y, target, w.rows() - row);
                    }
                }
            }
        });
    }

    /** One prepared token times weights of eight bits, two groups at once. */
    private void streamedBytes(PackedMatrix w, float[] y, int yOffset) {
        int whole = w.rows() / GROUP;
        int half = whole / 2;
        int chunks = chunks(half);
        pool.forEach(chunks, (chunk, thread) -> {
            int to = (int) ((long) half * (chunk + 1) / chunks);
            for (int group = (int) ((long) half * chunk / chunks); group < to; group++) {
                int row = yOffset + group * GROUP;
                GemvPair.bytes(w, group, half + group, scaled[0], sums[0], y, row, row + half * GROUP);
            }
        });
        for (int group = 2 * half; group < w.groups(); group++) {
            int row = group * GROUP;
            Gemv.group(w, group, scaled[0], sums[0], tiles[0], 0);
            System.arraycopy(tiles[0], 0, y, yOffset + row, Math.min(GROUP, w.rows() - row));
        }
    }

    private void tiled(PackedMatrix w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        int groups = w.groups();
        int chunks = chunks(groups);
        if (oneDnn.length > 0 && tokens >= ONEDNN_TOKENS) {
            MemorySegment from = source(x, xOffset, tokens, w.cols());
            pool.forEach(chunks, (chunk, thread) -> {
                int to = (int) ((long) groups * (chunk + 1) / chunks);
                for (int group = (int) ((long) groups * chunk / chunks); group < to; group++) {
                    oneDnnGroup(w, group, from, tokens, y, yOffset, panels[thread], oneDnn[thread]);
                }
            });
            return;
        }
        pool.forEach(chunks, (chunk, thread) -> {
            int to = (int) ((long) groups * (chunk + 1) / chunks);
            for (int group = (int) ((long) groups * chunk / chunks); group < to; group++) {
                tiledGroup(w, group, x, xOffset, tokens, y, yOffset, panels[thread], tiles[thread]);
            }
        });
    }

    /** The activations in native memory; valid until the next call. */
    private MemorySegment source(float[] x, int xOffset, int tokens, int cols) {
        long bytes = OneDnn.sourceBytes(tokens, cols);
        if (source.byteSize() < bytes) {
            source = Arena.ofAuto().allocate(bytes, 64);
        }
        MemorySegment target = source;
        split(
                tokens,
                cols,
                (from, to) -> MemorySegment.copy(
                        x,
                        xOffset + from * cols,
                        target,
                        ValueLayout.JAVA_FLOAT,
                        4L * from * cols,
                        (to - from) * cols));
        return target;
    }

    /** As {@link #tiledGroup}, in the same passes, so that the bits are the same too. */
    private static void oneDnnGroup(
            PackedMatrix w,
            int group,
            MemorySegment x,
            int tokens,
            float[] y,
            int yOffset,
            float[] panel,
            OneDnn oneDnn) {
        int stepCols = w.format().stepCols;
        int passes = passes(w);
        int row = group * GROUP;
        int width = Math.min(GROUP, w.rows() - row);
        for (int pass = 0; pass < passes; pass++) {
            int from = (int) ((long) w.steps() * pass / passes);
            int to = (int) ((long) w.steps() * (pass + 1) / passes);
            Panel.unpack(w, group, from, to, panel);
            int col = from * stepCols;
            oneDnn.put(panel, Math.min(to * stepCols, w.cols()) - col);
            oneDnn.multiply(x, col, w.cols(), tokens, pass > 0, y, yOffset + row, w.rows(), width);
        }
    }

    /** Pieces that a group's columns are multiplied in: few enough columns for a panel to stay in L1. */
    private static int passes(PackedMatrix w) {
        int passes = w.paddedCols() <= PANEL_COLS_WHOLE ? 1 : (w.paddedCols() + PANEL_COLS - 1) / PANEL_COLS;
        return Math.min(passes, w.steps());
    }

    private static void tiledGroup(
            PackedMatrix w,
            int group,
            float[] x,
            int xOffset,
            int tokens,
            float[] y,
            int yOffset,
            float[] panel,
            float[] tile) {
        int stepCols = w.format().stepCols;
        int passes = passes(w);
        int row = group * GROUP;
        int width = Math.min(GROUP, w.rows() - row);
        for (int pass = 0; pass < passes; pass++) {
            int from = (int) ((long) w.steps() * pass / passes);
            int to = (int) ((long) w.steps() * (pass + 1) / passes);
            Panel.unpack(w, group, from, to, panel);
            int col = from * stepCols;
            int depth = Math.min(to * stepCols, w.cols()) - col;
            boolean direct = pass == 0 && width == GROUP;
            for (int t = 0; t < tokens; t += Tile.ROWS) {
                int count = Math.min(Tile.ROWS, tokens - t);
                int source = xOffset + t * w.cols() + col;
                int target = yOffset + t * w.rows() + row;
                if (direct) {
                    Tile.multiply(x, source, w.cols(), count, panel, 0, depth, y, target, w.rows());
                    continue;
                }
                Tile.multiply(x, source, w.cols(), count, panel, 0, depth, tile, 0, GROUP);
                if (pass == 0) {
                    for (int i = 0; i < count; i++) {
                        System.arraycopy(tile, i * GROUP, y, target + i * w.rows(), width);
                    }
                } else {
                    Tile.add(tile, count, width, y, target, w.rows());
                }
            }
        }
    }

    /** A share of element-wise work: elements or tokens [from, to). */
    private interface Range {
        void run(int from, int to);
    }

    private void split(int n, int elementsEach, Range range) {
        if (pool.threads() == 1 || (long) n * elementsEach < PARALLEL_ELEMENTS) {
            range.run(0, n);
            return;
        }
        // Elements are cut at whole vectors: the same element must not be computed one way in a long step and another
        // in a
        // short one.
        int unit = elementsEach == 1 ? Lanes.LANES : 1;
        int units = n / unit;
        int chunks = Math.min(units, pool.threads() * 4);
        pool.forEach(
                chunks,
                (chunk, thread) -> range.run(
                        (int) ((long) units * chunk / chunks) * unit,
                        chunk == chunks - 1 ? n : (int) ((long) units * (chunk + 1) / chunks) * unit));
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] w, float eps, int tokens, int n, float[] y, int yOffset) {
        split(tokens, n, (from, to) -> {
            for (int t = from; t < to; t++) {
                int xt = xOffset + t * n;
                int yt = yOffset + t * n;
                float scale = (float) (1 / Math.sqrt(VectorMath.sumOfSquares(x, xt, n, 0) / n + eps));
                for (int i = 0; i < n; i++) {
                    y[yt + i] = x[xt + i] * scale * w[i];
                }
            }
        });
    }

    @Override
    public void layerNorm(
            float[] x, int xOffset, float[] w, float[] b, float eps, int tokens, int n, float[] y, int yOffset) {
        split(tokens, n, (from, to) -> {
            for (int t = from; t < to; t++) {
                int xt = xOffset + t * n;
                int yt = yOffset + t * n;
                float mean = VectorMath.sum(x, xt, n) / n;
                float scale = (float) (1 / Math.sqrt(VectorMath.sumOfSquares(x, xt, n, mean) / n + eps));
                for (int i = 0; i < n; i++) {
                    y[yt + i] = (x[xt + i] - mean) * scale * w[i] + b[i];
                }
            }
        });
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int n) {
        split(n, 1, (from, to) -> {
            for (int i = from; i < to; i++) {
                x[xOffset + i] += y[yOffset + i];
            }
        });
    }

    @Override
    public void addBias(float[] x, int xOffset, float[] b, int tokens, int n) {
        for (int t = 0; t < tokens; t++) {
            add(x, xOffset + t * n, b, 0, n);
        }
    }

    @Override
    public void siluMul(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
        split(n, 1, (from, to) -> VectorMath.siluMul(gate, gateOffset + from, up, upOffset + from, to - from));
    }

    @Override
    public void geluTanhMul(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
        split(n, 1, (from, to) -> VectorMath.geluTanhMul(gate, gateOffset + from, up, upOffset + from, to - from));
    }

    @Override
    public void geluTanh(float[] x, int xOffset, int n) {
        split(n, 1, (from, to) -> VectorMath.geluTanh(x, xOffset + from, to - from));
    }

    @Override
    public void geluErf(float[] x, int xOffset, int n) {
        split(n, 1, (from, to) -> VectorMath.geluErf(x, xOffset + from, to - from));
    }

    @Override
    public void softcap(float[] x, int xOffset, int n, float cap) {
        split(n, 1, (from, to) -> VectorMath.softcap(x, xOffset + from, to - from, cap));
    }

    @Override
    public void softmax(float[] x, int xOffset, int n) {
        float sum = VectorMath.expSum(x, xOffset, n, VectorMath.max(x, xOffset, n));
        VectorMath.scale(x, xOffset, n, 1 / sum);
    }

    @Override
    public void rope(
            float[] x,
            int xOffset,
            int tokens,
            int heads,
            int headDim,
            boolean adjacent,
            float[] cos,
            float[] sin,
            int tableOffset) {
        split(tokens, heads * headDim, (from, to) -> {
            if (adjacent) {
                Rotary.adjacent(x, xOffset, heads, headDim, cos, sin, tableOffset, from * heads, to * heads);
            } else {
                Rotary.halves(x, xOffset, heads, headDim, headDim / 2, cos, sin, tableOffset, from * heads, to * heads);
            }
        });
    }

    @Override
    public void ropePartial(
            float[] x,
            int xOffset,
            int tokens,
            int heads,
            int headDim,
            int rotated,
            float[] cos,
            float[] sin,
            int tableOffset) {
        split(
                tokens,
                heads * rotated,
                (from, to) -> Rotary.halves(
                        x, xOffset, heads, headDim, rotated / 2, cos, sin, tableOffset, from * heads, to * heads));
    }

    @Override
    public void causalConv(
            float[] x,
            int xOffset,
            int tokens,
            int channels,
            float[] w,
            float[] b,
            float[] history,
            float[] y,
            int yOffset) {
        channels(
                channels,
                tokens,
                (from, to) -> Recurrence.conv(x, xOffset, tokens, channels, w, b, history, from, to, y, yOffset));
        ScalarKernels.keepLast(x, xOffset, tokens, channels, history);
    }

    @Override
    public void rgLru(
            float[] x,
            float[] inputGate,
            float[] recurrenceGate,
            int offset,
            int tokens,
            int channels,
            float[] decay,
            boolean reset,
            float[] h) {
        channels(
                channels,
                tokens,
                (from, to) -> Recurrence.rgLru(
                        x, inputGate, recurrenceGate, offset, tokens, channels, decay, reset, h, from, to));
    }

    /** Splits channels at whole vectors: which ones are the last, fewer than a vector, does not depend on the split. */
    private void channels(int channels, int tokens, Range range) {
        int whole = channels / GROUP;
        split(whole, GROUP * tokens, (from, to) -> range.run(from * GROUP, to * GROUP));
        range.run(whole * GROUP, channels);
    }

    @Override
    public long kvPageBytes(AttentionShape shape, KvPage.Type type) {
        return AttentionKernel.pageBytes(shape, type);
    }

    @Override
    public void writeKv(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, float[] v, int vOffset, int tokens) {
        pages.write(shape, page, slot, k, kOffset, v, vOffset, tokens);
    }

    @Override
    public void writeHalves(
            AttentionShape shape, KvPage page, int slot, float[] k, int kOffset, short[] v, int vOffset, int tokens) {
        pages.writeHalves(shape, page, slot, k, kOffset, v, vOffset, tokens);
    }

    @Override
    public void attention(
            AttentionShape shape,
            float[] q,
            int qOffset,
            int tokens,
            KvPage[] pages,
            int start,
            int length,
            float[] out,
            int outOffset) {
        attention.attend(null, shape, q, qOffset, tokens, pages, start, length, out, outOffset);
    }

    @Override
    public void prefillAttention(
            AttentionShape shape,
            float[] q,
            int qOffset,
            int tokens,
            KvPage[] pages,
            int start,
            int length,
            float[] out,
            int outOffset) {
        Bf16Pages[] products =
                bf16 == null || length == 0 ? null : bf16.pages(shape, pages[(length - 1) / KvPage.POSITIONS].type());
        attention.attend(products, shape, q, qOffset, tokens, pages, start, length, out, outOffset);
    }

    @Override
    public int argmax(float[] x, int xOffset, int n) {
        float max = VectorMath.max(x, xOffset, n);
        for (int i = 0; i < n; i++) {
            if (x[xOffset + i] == max) {
                return i;
            }
        }
        return 0;
    }
}
