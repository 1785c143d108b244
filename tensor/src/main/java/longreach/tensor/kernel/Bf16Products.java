package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Products of prompts through oneDNN's bf16 matmul, which multiplies in the processor's tiles (AMX) or its bf16 dot
 * products where it has them: activations and weights are rounded to bf16, products summed in f32. Against products of the
 * rounded factors |error| <= depth * 2^-23 * sum |x w|; rounding moves each factor by 2^-8 of itself at most, so against
 * the scalar product of what was not rounded |error| <= (2^-7 + 2^-16 + depth * 2^-23) * sum |x w|. Subnormals count as zero.
 *
 * <p>A token's result is the same to the last bit however many tokens are computed with it: a product has one of four
 * numbers of rows, the last ones padded, and always the same columns together, and {@link #weights} checks for every depth
 * that all four give the same bits.
 */
final class Bf16Products {
    private static final Logger log = LoggerFactory.getLogger(Bf16Products.class);
    /** Blocks of the matrix's rows in one product; measured on a Sapphire Rapids: less of them, or many more, are slower. */
    private static final int BLOCKS = 3;

    // Products of a chunk of work, unless that gives too few chunks: enough for rounding the activations to count
    // little.
    private static final int CHUNK_PRODUCTS = 4;
    private static final int CHUNKS_PER_THREAD = 6;
    private static final int PAGE = 64;

    private final ComputePool pool;
    private final Worker[] workers;
    private final Set<Integer> checked = new HashSet<>();
    private final Map<Integer, Bf16Pages[]> heads = new HashMap<>();
    private long job;

    /** @throws UnsupportedOperationException when the library does not load, or has no fast product of this kind here */
    Bf16Products(ComputePool pool) {
        this.pool = pool;
        Bf16Primitives[] primitives = Bf16Primitives.of(pool.threads());
        workers = new Worker[primitives.length];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(primitives[i]);
        }
    }

    /**
     * The matrix for {@link #multiply}.
     *
     * @param arena owns it
     * @throws UnsupportedOperationException when products of this many columns depend on how many rows they have
     */
    Bf16Weights weights(PackedMatrix w, Arena arena) {
        int depth = Bf16Weights.depth(w.cols());
        if (!checked.contains(depth)) {
            workers[0].primitives.check(depth, BLOCKS);
            checked.add(depth);
        }
        return Bf16Weights.of(w, pool, arena);
    }

    /** The products of attention over such pages, one for each thread; null where there are none. */
    Bf16Pages[] pages(AttentionShape shape, KvPage.Type type) {
        if (!Bf16Pages.takes(shape, type)) {
            return null;
        }
        if (!heads.containsKey(shape.headDim())) {
            Bf16Pages[] pages = null;
            try {
                Bf16Pages.check(workers[0].primitives, shape);
                pages = new Bf16Pages[workers.length];
                for (int i = 0; i < pages.length; i++) {
                    pages[i] = new Bf16Pages(workers[i].primitives);
                }
            } catch (UnsupportedOperationException e) {
                log.warn("attention of heads of {}: {}", shape.headDim(), e.getMessage());
            }
            heads.put(shape.headDim(), pages);
        }
        return heads.get(shape.headDim());
    }

    /** y[t, r] = sum_k x[t, k] * w[r, k], for t in [0, tokens). */
    void multiply(Bf16Weights w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        int rowBlocks = (tokens + Bf16Primitives.MOST_ROWS - 1) / Bf16Primitives.MOST_ROWS;
        int products = (w.blocks() + BLOCKS - 1) / BLOCKS;
        boolean few =
                rowBlocks * ((products + CHUNK_PRODUCTS - 1) / CHUNK_PRODUCTS) < pool.threads() * CHUNKS_PER_THREAD;
        int each = few ? 1 : CHUNK_PRODUCTS;
        int pieces = (products + each - 1) / each;
        long number = ++job;
        pool.forEach(rowBlocks * pieces, (chunk, thread) -> {
            int token = chunk / pieces * Bf16Primitives.MOST_ROWS;
            int from = chunk % pieces * each;
            workers[thread].multiply(
                    number,
                    w,
                    from,
                    Math.min(from + each, products),
                    x,
                    xOffset,
                    token,
                    Math.min(Bf16Primitives.MOST_ROWS, tokens - token),
                    y,
                    yOffset);
        });
    }

    /** What belongs to one thread number of the pool. */
    private static final class Worker {
        private final Bf16Primitives primitives;
        private final Arena arena = Arena.ofAuto();
        private MemorySegment source = MemorySegment.NULL;
        // What the source holds: the rows from this token on, of this job.
        private long sourceJob;
        private int sourceToken;

        private Worker(Bf16Primitives primitives) {
            this.primitives = primitives;
        }

        void multiply(
                long job,
                Bf16Weights w,
                int fromProduct,
                int toProduct,
                float[] x,
                int xOffset,
                int token,
                int count,
                float[] y,
                int yOffset) {
            Bf16Primitives.Depth depth = primitives.depth(w.depth());
            if (sourceJob != job || sourceToken != token) {
                round(w, depth.stride(), x, xOffset + token * w.cols(), count);
                sourceJob = job;
                sourceToken = token;
            }
            for (int product = fromProduct; product < toProduct; product++) {
                int block = product * BLOCKS;
                int blocks = Math.min(BLOCKS, w.blocks() - block);
                primitives.multiply(depth, count, blocks, source.address(), w.address(block));
                int width = blocks * Bf16Weights.BLOCK;
                int row = block * Bf16Weights.BLOCK;
                int used = Math.min(width, w.rows() - row);
                int target = yOffset + token * w.rows() + row;
                for (int i = 0; i < count; i++) {
                    MemorySegment.copy(
                            primitives.out, ValueLayout.JAVA_FLOAT, 4L * i * width, y, target + i * w.rows(), used);
                }
            }
        }

        private void round(Bf16Weights w, int stride, float[] x, int offset, int count) {
            long rowBytes = 2L * stride;
            if (source.byteSize() < Bf16Primitives.MOST_ROWS * rowBytes) {
                source = arena.allocate(Bf16Primitives.MOST_ROWS * rowBytes, PAGE);
            }
            for (int i = 0; i < count; i++) {
                Bf16.round(x, offset + i * w.cols(), w.cols(), source, i * rowBytes);
                if (w.cols() < w.depth()) {
                    // What the weights have zeros for must be finite.
                    source.asSlice(i * rowBytes + 2L * w.cols(), 2L * (w.depth() - w.cols()))
                            .fill((byte) 0);
                }
            }
        }
    }
}
