package longreach.tensor.kernel;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SCRATCHPAD;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.Loader;

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
    /** Rows that one product may have. The largest keeps activations and results in L2 beside the weights. */
    private static final int[] ROWS = {16, 32, 64, 128};

    private static final int MOST_ROWS = 128;

    /** Blocks of the matrix's rows in one product; measured on a Sapphire Rapids: less of them, or many more, are slower. */
    private static final int BLOCKS = 3;

    private static final int WIDTH = BLOCKS * Bf16Weights.BLOCK;

    // Products of a chunk of work, unless that gives too few chunks: enough for rounding the activations to count
    // little.
    private static final int CHUNK_PRODUCTS = 4;
    private static final int CHUNKS_PER_THREAD = 6;
    private static final int PAGE = 64;

    private final ComputePool pool;
    private final Worker[] workers;
    private final Set<Integer> checked = new HashSet<>();
    private long job;

    /** @throws UnsupportedOperationException when the library does not load, or has no fast product of this kind here */
    Bf16Products(ComputePool pool) {
        this.pool = pool;
        try {
            Loader.load(org.bytedeco.dnnl.global.dnnl.class);
            workers = new Worker[pool.threads()];
            for (int i = 0; i < workers.length; i++) {
                workers[i] = new Worker();
            }
            check(Bf16Weights.DEPTH);
        } catch (LinkageError | RuntimeException e) {
            throw new UnsupportedOperationException("oneDNN in bf16: " + e.getMessage(), e);
        }
    }

    /**
     * The matrix for {@link #multiply}.
     *
     * @param arena owns it
     * @throws UnsupportedOperationException when products of this many columns depend on how many rows they have
     */
    Bf16Weights weights(PackedMatrix w, Arena arena) {
        try {
            check(Bf16Weights.depth(w.cols()));
        } catch (RuntimeException e) {
            throw new UnsupportedOperationException("oneDNN in bf16: " + e.getMessage(), e);
        }
        return Bf16Weights.of(w, pool, arena);
    }

    /** y[t, r] = sum_k x[t, k] * w[r, k], for t in [0, tokens). */
    void multiply(Bf16Weights w, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        int rowBlocks = (tokens + MOST_ROWS - 1) / MOST_ROWS;
        int products = (w.blocks() + BLOCKS - 1) / BLOCKS;
        boolean few =
                rowBlocks * ((products + CHUNK_PRODUCTS - 1) / CHUNK_PRODUCTS) < pool.threads() * CHUNKS_PER_THREAD;
        int each = few ? 1 : CHUNK_PRODUCTS;
        int pieces = (products + each - 1) / each;
        long number = ++job;
        pool.forEach(rowBlocks * pieces, (chunk, thread) -> {
            int token = chunk / pieces * MOST_ROWS;
            int from = chunk % pieces * each;
            workers[thread].multiply(
                    number,
                    w,
                    from,
                    Math.min(from + each, products),
                    x,
                    xOffset,
                    token,
                    Math.min(MOST_ROWS, tokens - token),
                    y,
                    yOffset);
        });
    }

    /** oneDNN's primitive for a number of rows and of columns, and its arguments. */
    private record Product(
            matmul primitive,
            memory source,
            memory weights,
            memory target,
            memory scratchpad,
            long scratchBytes,
            IntMemoryMap arguments,
            NativeAddress address) {}

    /** The primitives of one depth: for each number of rows and of blocks. */
    private record Depth(int depth, int stride, Product[][] products) {}

    /** What belongs to one thread number of the pool: primitives, and the native memory of their calls. */
    private static final class Worker {
        private final engine cpu = new engine(engine.kind.cpu, 0);
        private final stream queue = new stream(cpu);
        private final Arena arena = Arena.ofAuto();
        private final List<Depth> depths = new ArrayList<>();
        private final MemorySegment out = arena.allocate(4L * MOST_ROWS * WIDTH, PAGE);
        private MemorySegment source = MemorySegment.NULL;
        private MemorySegment scratch = MemorySegment.NULL;
        private Thread owner;
        // What the source holds: the rows from this token on, of this job.
        private long sourceJob;
        private int sourceToken;

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
            if (owner != Thread.currentThread()) {
                owner = Thread.currentThread();
                OpenMp.oneThread();
            }
            Depth depth = depth(w.depth());
            int size = 0;
            while (ROWS[size] < count) {
                size++;
            }
            if (sourceJob != job || sourceToken != token) {
                round(w, depth, x, xOffset + token * w.cols(), count, ROWS[size]);
                sourceJob = job;
                sourceToken = token;
            }
            for (int product = fromProduct; product < toProduct; product++) {
                int block = product * BLOCKS;
                int blocks = Math.min(BLOCKS, w.blocks() - block);
                execute(product(depth, size, blocks), source.address(), w.address(block));
                int width = blocks * Bf16Weights.BLOCK;
                int row = block * Bf16Weights.BLOCK;
                int used = Math.min(width, w.rows() - row);
                int target = yOffset + token * w.rows() + row;
                for (int i = 0; i < count; i++) {
                    MemorySegment.copy(out, ValueLayout.JAVA_FLOAT, 4L * i * width, y, target + i * w.rows(), used);
                }
            }
        }

        private void round(Bf16Weights w, Depth depth, float[] x, int offset, int count, int rows) {
            long rowBytes = 2L * depth.stride;
            if (source.byteSize() < rows * rowBytes) {
                source = arena.allocate(MOST_ROWS * rowBytes, PAGE);
            }
            for (int i = 0; i < count; i++) {
                Bf16.round(x, offset + i * w.cols(), w.cols(), source, i * rowBytes);
                if (w.cols() < depth.depth) {
                    // What the weights have zeros for must be finite.
                    source.asSlice(i * rowBytes + 2L * w.cols(), 2L * (depth.depth - w.cols()))
                            .fill((byte) 0);
                }
            }
        }

        private void execute(Product product, long source, long weights) {
            product.source.set_data_handle(product.address.at(source));
            product.weights.set_data_handle(product.address.at(weights));
            if (product.scratchBytes > 0) {
                product.scratchpad.set_data_handle(product.address.at(scratch.address()));
            }
            product.primitive.execute(queue, product.arguments);
        }

        private Depth depth(int depth) {
            for (int i = 0; i < depths.size(); i++) {
                if (depths.get(i).depth == depth) {
                    return depths.get(i);
                }
            }
            // Rows a power of two apart would share few sets of the caches.
            int stride = depth % 256 == 0 ? depth + Bf16Weights.DEPTH : depth;
            Depth added = new Depth(depth, stride, new Product[ROWS.length][BLOCKS]);
            depths.add(added);
            return added;
        }

        private Product product(Depth depth, int size, int blocks) {
            Product known = depth.products[size][blocks - 1];
            if (known == null) {
                known = make(ROWS[size], depth.depth, depth.stride, blocks * Bf16Weights.BLOCK);
                depth.products[size][blocks - 1] = known;
            }
            return known;
        }

        private Product make(int rows, int depth, int stride, int width) {
            OpenMp.oneThread();
            var bf16 = memory.data_type.bf16;
            var x = new memory.desc(new long[] {rows, depth}, bf16, new long[] {stride, 1});
            var w = new memory.desc(new long[] {depth, width}, bf16, memory.format_tag.BA16a64b2a);
            var y = new memory.desc(new long[] {rows, width}, memory.data_type.f32, memory.format_tag.ab);
            var attributes = new primitive_attr();
            attributes.set_scratchpad_mode(org.bytedeco.dnnl.global.dnnl.scratchpad_mode.user);
            var description = new matmul.primitive_desc(cpu, x, w, y, attributes, false);
            String kernel = description.impl_info_str().getString();
            if (kernel.startsWith("ref") || kernel.startsWith("gemm:ref")) {
                throw new UnsupportedOperationException("only " + kernel);
            }
            long scratchBytes = description.scratchpad_desc().get_size();
            if (scratch.byteSize() < scratchBytes) {
                scratch = arena.allocate(scratchBytes, PAGE);
            }
            var address = new NativeAddress();
            var source = new memory(x, cpu, address.at(out.address()));
            var weights = new memory(w, cpu, address.at(out.address()));
            var target = new memory(y, cpu, address.at(out.address()));
            var pad = new memory(description.scratchpad_desc(), cpu, address.at(scratch.address()));
            var arguments = new IntMemoryMap();
            arguments
                    .put(DNNL_ARG_SRC, source)
                    .put(DNNL_ARG_WEIGHTS, weights)
                    .put(DNNL_ARG_DST, target)
                    .put(DNNL_ARG_SCRATCHPAD, pad);
            return new Product(new matmul(description), source, weights, target, pad, scratchBytes, arguments, address);
        }
    }

    /** @throws UnsupportedOperationException when the bits of a row depend on how many rows are computed with it */
    private void check(int depth) {
        if (checked.contains(depth)) {
            return;
        }
        Worker worker = workers[0];
        Depth shapes = worker.depth(depth);
        Random random = new Random(depth);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(2L * MOST_ROWS * shapes.stride, PAGE);
            MemorySegment w = arena.allocate(2L * WIDTH * depth, PAGE);
            fill(x, random);
            fill(w, random);
            for (int blocks = 1; blocks <= BLOCKS; blocks++) {
                int width = blocks * Bf16Weights.BLOCK;
                float[] expected = results(worker, shapes, 0, blocks, x, w);
                requireSums(expected, width, depth, shapes.stride, x, w);
                for (int size = 1; size < ROWS.length; size++) {
                    if (!java.util.Arrays.equals(expected, results(worker, shapes, size, blocks, x, w))) {
                        throw new UnsupportedOperationException("products of " + ROWS[size] + " rows, " + width
                                + " columns and depth " + depth + " have other last bits than those of " + ROWS[0]
                                + " rows");
                    }
                }
            }
        }
        checked.add(depth);
    }

    /** All rows of x times the weights, in products of a number of rows. */
    private static float[] results(Worker worker, Depth depth, int size, int blocks, MemorySegment x, MemorySegment w) {
        int values = ROWS[size] * blocks * Bf16Weights.BLOCK;
        float[] y = new float[MOST_ROWS * blocks * Bf16Weights.BLOCK];
        for (int row = 0; row < MOST_ROWS; row += ROWS[size]) {
            worker.execute(worker.product(depth, size, blocks), x.address() + 2L * row * depth.stride, w.address());
            MemorySegment.copy(worker.out, ValueLayout.JAVA_FLOAT, 0, y, row / ROWS[size] * values, values);
        }
        return y;
    }

    /** A few of the sums, since a wrong layout would show nowhere else. */
    private static void requireSums(float[] y, int width, int depth, int stride, MemorySegment x, MemorySegment w) {
        for (int i = 0; i < MOST_ROWS * width; i += 1021) {
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < depth; k++) {
                int row = i % width;
                long block = (long) row / Bf16Weights.BLOCK * Bf16Weights.BLOCK * depth;
                long at = block + (long) k / 2 * 2 * Bf16Weights.BLOCK + row % Bf16Weights.BLOCK * 2 + k % 2;
                double product =
                        (double) Bf16.widen(x.getAtIndex(ValueLayout.JAVA_SHORT, (long) i / width * stride + k))
                                * Bf16.widen(w.getAtIndex(ValueLayout.JAVA_SHORT, at));
                sum += product;
                magnitude += Math.abs(product);
            }
            if (!(Math.abs(y[i] - sum) <= depth * 0x1p-23 * magnitude)) {
                throw new UnsupportedOperationException("a sum of depth " + depth + " is " + y[i] + ", not " + sum);
            }
        }
    }

    private static void fill(MemorySegment values, Random random) {
        for (long i = 0; i < values.byteSize() / 2; i++) {
            values.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.round((float) random.nextGaussian()));
        }
    }
}
