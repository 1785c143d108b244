package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.GROUP;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Attention as matrix products over {@link Tile}: per kv head, a block of query rows against one page of keys and
 * values after the other with a running maximum and sum (online softmax, Milakov and Gimelshein 2018). Pages are
 * stored as panels, so that they only have to be widened to f32; few rows read them as they are ({@link PageRows}).
 *
 * <p>Page layout, per kv head: keys as POSITIONS / GROUP tiles [headDim, GROUP positions], then values as
 * ceil(headDim / GROUP) tiles [POSITIONS, GROUP dimensions]. A binary16 page pairs two rows of a tile in a word, the
 * earlier one low.
 */
final class AttentionKernel {
    /** Query rows of one block: enough to pay for widening a page, few enough for its scores to stay in L2. */
    private static final int BLOCK_ROWS = 96;

    /**
     * Pages that one part of a row's softmax spans. Parts are cut by position alone, never by how many queries or threads
     * there are, so that a token's result is the same to the last bit however a prompt is split into steps.
     */
    private static final int PART_PAGES = 2;

    private static final int MERGED_ALONE = 16;

    /** A share of work (multiplications) that is not worth handing to another thread. */
    private static final long INLINE_WORK = 30_000;

    private static final int POSITIONS = KvPage.POSITIONS;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ComputePool pool;
    private final Scratch[] scratches;
    private long job;
    // Results of the parts of each block: per part, block row and dimension; then maxima and sums.
    private float[] partialOut = new float[0];
    private float[] partialMax = new float[0];
    private float[] partialSum = new float[0];

    AttentionKernel(ComputePool pool) {
        this.pool = pool;
        scratches = new Scratch[pool.threads()];
        for (int i = 0; i < scratches.length; i++) {
            scratches[i] = new Scratch();
        }
    }

    /** What one thread needs for one block; grows to the largest shape seen. */
    private static final class Scratch {
        private float[] q = new float[0];
        private float[] scores = new float[0];
        private float[] panel = new float[0];
        private final float[] tile = new float[Tile.ROWS * GROUP];

        private void reserve(int rows, int dim, int valueDim) {
            q = atLeast(q, rows * dim);
            scores = atLeast(scores, rows * POSITIONS);
            panel = atLeast(panel, POSITIONS * Math.max(dim + 1, valueDim));
        }
    }

    private static float[] atLeast(float[] array, int n) {
        return array.length >= n ? array : new float[n];
    }

    private static int valueDim(AttentionShape shape) {
        return (shape.headDim() + GROUP - 1) / GROUP * GROUP;
    }

    static int keyRows(AttentionShape shape, KvPage.Type type) {
        return type == KvPage.Type.F32 ? shape.headDim() : (shape.headDim() + 1) / 2;
    }

    static long keyBytes(AttentionShape shape, KvPage.Type type) {
        return 4L * POSITIONS * keyRows(shape, type);
    }

    static long headBytes(AttentionShape shape, KvPage.Type type) {
        return keyBytes(shape, type) + (long) type.bytes * POSITIONS * valueDim(shape);
    }

    static long pageBytes(AttentionShape shape, KvPage.Type type) {
        return shape.kvHeads() * headBytes(shape, type);
    }

    /**
     * See {@link Kernels#attention}.
     *
     * @param bf16 one for each thread, for {@link Kernels#prefillAttention} over pages that they take; else null
     */
    void attend(
            Bf16Pages[] bf16,
            AttentionShape shape,
            float[] q,
            int qOffset,
            int tokens,
            KvPage[] pages,
            int start,
            int length,
            float[] out,
            int outOffset) {
        int group = shape.queryHeads() / shape.kvHeads();
        int blockTokens = Math.clamp((bf16 == null ? BLOCK_ROWS : Bf16Pages.MOST_ROWS) / group, 1, tokens);
        int blocks = (tokens + blockTokens - 1) / blockTokens;
        int items = blocks * shape.kvHeads();
        int usedPages = (length + POSITIONS - 1) / POSITIONS;
        // No query of these sees a position before the first one's window: whole parts below it are left out.
        int seenFrom = shape.window() == 0 ? 0 : Math.max(0, start - shape.window() + 1);
        int firstPart = seenFrom / (POSITIONS * PART_PAGES);
        int parts = (usedPages + PART_PAGES - 1) / PART_PAGES - firstPart;
        int rows = blockTokens * group;
        int valueDim = valueDim(shape);
        partialOut = atLeast(partialOut, items * parts * rows * valueDim);
        partialMax = atLeast(partialMax, items * parts * rows);
        partialSum = atLeast(partialSum, items * parts * rows);
        long number = ++job;
        ComputePool.ChunkJob job = (chunk, thread) -> {
            // In bf16 all blocks over the same pages follow each other: a thread rounds those once.
            int part = bf16 == null ? chunk % parts : chunk / items;
            int item = bf16 == null ? chunk / parts : chunk % blocks * shape.kvHeads() + chunk % items / blocks;
            int token = item / shape.kvHeads() * blockTokens;
            block(
                    shape,
                    item % shape.kvHeads(),
                    q,
                    qOffset + token * shape.queryWidth(),
                    Math.min(blockTokens, tokens - token),
                    pages,
                    (firstPart + part) * PART_PAGES,
                    Math.min(usedPages, (firstPart + part + 1) * PART_PAGES),
                    start + token,
                    length,
                    (item * parts + part) * rows,
                    scratches[thread],
                    bf16 == null ? null : bf16[thread],
                    number);
        };
        ComputePool.ChunkJob merge = (item, thread) -> {
            int token = item / shape.kvHeads() * blockTokens;
            int head = item % shape.kvHeads() * group;
            for (int r = 0; r < Math.min(blockTokens, tokens - token) * group; r++) {
                int target =
                        outOffset + (token + r / group) * shape.queryWidth() + (head + r % group) * shape.headDim();
                merge(item * parts * rows + r, rows, parts, valueDim, shape.headDim(), out, target);
            }
        };
        if ((long) tokens * (length - seenFrom) * shape.queryWidth() < INLINE_WORK) {
            for (int chunk = 0; chunk < items * parts; chunk++) {
                job.run(chunk, 0);
            }
        } else {
            pool.forEach(items * parts, job);
        }
        if (tokens < MERGED_ALONE) {
            // Less work than waking a thread for it.
            for (int item = 0; item < items; item++) {
                merge.run(item, 0);
            }
        } else {
            pool.forEach(items, merge);
        }
    }

    /** One row's result from its parts, {@code stride} rows apart: the sum weighted by e^(max of part - max). */
    private void merge(int row, int stride, int parts, int valueDim, int dim, float[] out, int outOffset) {
        float max = Float.NEGATIVE_INFINITY;
        for (int part = 0; part < parts; part++) {
            max = Math.max(max, partialMax[row + part * stride]);
        }
        float sum = 0;
        for (int part = 0; part < parts; part++) {
            int r = row + part * stride;
            if (partialSum[r] > 0) {
                sum += partialSum[r] * (float) Math.exp(partialMax[r] - max);
            }
        }
        Arrays.fill(out, outOffset, outOffset + dim, 0);
        for (int part = 0; part < parts; part++) {
            int r = row + part * stride;
            float weight = partialSum[r] > 0 ? (float) Math.exp(partialMax[r] - max) / sum : 0;
            for (int d = 0; d < dim; d++) {
                out[outOffset + d] += partialOut[r * valueDim + d] * weight;
            }
        }
    }

    /**
     * One block: query rows of {@code tokens} tokens, the first at {@code position}, for one kv head over the pages
     * [firstPage, lastPage). Leaves sum of weights times values, maximum and sum of weights at partial row
     * {@code partial}.
     */
    private void block(
            AttentionShape shape,
            int kvHead,
            float[] q,
            int qOffset,
            int tokens,
            KvPage[] pages,
            int firstPage,
            int lastPage,
            int position,
            int length,
            int partial,
            Scratch scratch,
            Bf16Pages bf16,
            long job) {
        int group = shape.queryHeads() / shape.kvHeads();
        int rows = tokens * group;
        int dim = shape.headDim();
        int valueDim = valueDim(shape);
        scratch.reserve(rows, dim, valueDim);
        float largest = 0;
        for (int r = 0; r < rows; r++) {
            int source = qOffset + r / group * shape.queryWidth() + (kvHead * group + r % group) * dim;
            for (int d = 0; d < dim; d++) {
                float value = q[source + d] * shape.scale();
                scratch.q[r * dim + d] = value;
                largest = Math.max(largest, Math.abs(value));
            }
            partialMax[partial + r] = Float.NEGATIVE_INFINITY;
            partialSum[partial + r] = 0;
        }
        boolean straight = bf16 == null
                && rows <= PageRows.MAX_ROWS
                && dim % 2 == 0
                && largest < PageRows.MAX_QUERY
                && pages[lastPage - 1].type() == KvPage.Type.F16;
        if (straight) {
            VectorMath.scale(scratch.q, 0, rows * dim, PageRows.SCALE);
        }
        if (bf16 != null) {
            bf16.queries(scratch.q, rows, dim);
        }
        Arrays.fill(partialOut, partial * valueDim, (partial + rows) * valueDim, 0);
        int end = shape.causal() ? Math.min(length, position + tokens) : length;
        int begin = shape.window() == 0 ? 0 : Math.max(0, position - shape.window() + 1);
        for (int i = firstPage; i < lastPage; i++) {
            int base = i * POSITIONS;
            int n = Math.min(POSITIONS, end - base);
            if (n <= 0) {
                break;
            }
            if (base + POSITIONS <= begin) {
                continue;
            }
            MemorySegment segment = pages[i].segment();
            long head = kvHead * headBytes(shape, pages[i].type());
            if (bf16 != null) {
                bf16.page(job, pages[i], i, kvHead, head, dim, valueDim, Math.min(POSITIONS, length - base));
                bf16.scores(rows, dim);
            } else if (straight) {
                int tiles = (n + GROUP - 1) / GROUP;
                PageRows.keys(segment, head, dim / 2, tiles, scratch.q, rows, scratch.scores);
            } else {
                scores(shape, pages[i], kvHead, rows, n, scratch);
            }
            for (int r = 0; r < rows; r++) {
                int p = position + r / group;
                int to = shape.causal() ? Math.min(n, p + 1 - base) : n;
                int from = shape.window() == 0 ? 0 : Math.max(0, p - shape.window() + 1 - base);
                if (bf16 != null) {
                    weights(shape, bf16, r, from, to, partial + r, valueDim, scratch.scores);
                } else {
                    weights(shape, scratch.scores, r * POSITIONS, from, to, n, partial + r, valueDim);
                }
            }
            if (bf16 != null) {
                bf16.values(rows, dim, valueDim, partialOut, partial * valueDim);
            } else if (straight) {
                int even = n + n % 2;
                for (int r = 0; r < rows; r++) {
                    if (n < even) {
                        // Whatever is stored there counts for nothing.
                        scratch.scores[r * POSITIONS + n] = 0;
                    }
                    VectorMath.scale(scratch.scores, r * POSITIONS, even, PageRows.SCALE);
                }
                long values = head + keyBytes(shape, KvPage.Type.F16);
                PageRows.values(
                        segment, values, valueDim / GROUP, even, scratch.scores, rows, partialOut, partial * valueDim);
            } else {
                values(shape, pages[i], kvHead, rows, n, partial, scratch);
            }
        }
    }

    /** scores[row, p] = q[row] . k[p] for p in [0, n), and something in the rest of the last tile. */
    private void scores(AttentionShape shape, KvPage page, int kvHead, int rows, int n, Scratch scratch) {
        int dim = shape.headDim();
        int keyRows = keyRows(shape, page.type());
        int depth = page.type() == KvPage.Type.F32 ? keyRows : 2 * keyRows;
        int tiles = (n + GROUP - 1) / GROUP;
        long keys = kvHead * headBytes(shape, page.type());
        Panel.unpackPage(page.segment(), keys, tiles * keyRows, page.type(), scratch.panel, 0);
        for (int tile = 0; tile < tiles; tile++) {
            for (int r = 0; r < rows; r += Tile.ROWS) {
                Tile.multiply(
                        scratch.q,
                        r * dim,
                        dim,
                        Math.min(Tile.ROWS, rows - r),
                        scratch.panel,
                        tile * depth * GROUP,
                        dim,
                        scratch.scores,
                        r * POSITIONS + tile * GROUP,
                        POSITIONS);
            }
        }
    }

    /**
     * Turns the scores [0, n) of one row into weights relative to the new running maximum, zero outside [from, to), and
     * rescales what the row has summed so far.
     */
    private void weights(
            AttentionShape shape, float[] scores, int offset, int from, int to, int n, int row, int valueDim) {
        if (from >= to) {
            Arrays.fill(scores, offset, offset + n, 0);
            return;
        }
        if (shape.softcap() != 0) {
            VectorMath.softcap(scores, offset + from, to - from, shape.softcap());
        }
        Arrays.fill(scores, offset, offset + from, 0);
        Arrays.fill(scores, offset + to, offset + n, 0);
        float max = Math.max(partialMax[row], VectorMath.max(scores, offset + from, to - from));
        add(row, max, VectorMath.expSum(scores, offset + from, to - from, max), valueDim);
    }

    /** The same with scores and weights that lie in {@code bf16}, of its row {@code r}. */
    private void weights(
            AttentionShape shape, Bf16Pages bf16, int r, int from, int to, int row, int valueDim, float[] scratch) {
        if (from >= to) {
            bf16.noWeights(r);
            return;
        }
        if (shape.softcap() != 0) {
            bf16.softcap(r, from, to, shape.softcap(), scratch);
        }
        float max = Math.max(partialMax[row], bf16.max(r, from, to));
        add(row, max, bf16.weights(r, from, to, max), valueDim);
    }

    /** Adds weights that are relative to a maximum, and rescales what the row has summed so far to it. */
    private void add(int row, float max, float sum, int valueDim) {
        float before = partialMax[row];
        if (before == Float.NEGATIVE_INFINITY) {
            partialSum[row] = sum;
        } else {
            float shrink = (float) Math.exp(before - max);
            partialSum[row] = partialSum[row] * shrink + sum;
            if (shrink != 1) {
                VectorMath.scale(partialOut, row * valueDim, valueDim, shrink);
            }
        }
        partialMax[row] = max;
    }

    /** partialOut[row, d] += sum over p in [0, n) of scores[row, p] * v[p, d]. */
    private void values(AttentionShape shape, KvPage page, int kvHead, int rows, int n, int partial, Scratch scratch) {
        KvPage.Type type = page.type();
        int valueDim = valueDim(shape);
        int storedRows = type == KvPage.Type.F32 ? POSITIONS : POSITIONS / 2;
        int neededRows = type == KvPage.Type.F32 ? n : (n + 1) / 2;
        long values = kvHead * headBytes(shape, type) + keyBytes(shape, type);
        for (int tile = 0; tile < valueDim / GROUP; tile++) {
            long offset = values + 4L * tile * storedRows * GROUP;
            Panel.unpackPage(page.segment(), offset, neededRows, type, scratch.panel, 0);
            for (int r = 0; r < rows; r += Tile.ROWS) {
                int count = Math.min(Tile.ROWS, rows - r);
                Tile.multiply(
                        scratch.scores, r * POSITIONS, POSITIONS, count, scratch.panel, 0, n, scratch.tile, 0, GROUP);
                Tile.add(scratch.tile, count, GROUP, partialOut, (partial + r) * valueDim + tile * GROUP, valueDim);
            }
        }
    }
}
