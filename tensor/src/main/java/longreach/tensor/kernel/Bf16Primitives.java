package longreach.tensor.kernel;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SCRATCHPAD;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.Loader;

/**
 * oneDNN's bf16 matmul for one thread of a pool: rows of activations times blocks of {@link Bf16Weights}' layout, sums in
 * f32. A product has one of four numbers of rows; {@link #check} makes sure that they all give the same bits, so that a
 * row's result does not depend on how many are computed with it.
 */
final class Bf16Primitives {
    /** Rows of the largest product: it keeps activations and results in L2 beside the weights. */
    static final int MOST_ROWS = 128;

    /** Blocks of the widest product. */
    static final int MOST_BLOCKS = 4;

    private static final int[] ROWS = {16, 32, 64, MOST_ROWS};
    private static final int BLOCK = Bf16Weights.BLOCK;
    private static final int PAGE = 64;

    /** What a product leaves: f32[rows, blocks * BLOCK]; valid until the next. */
    final MemorySegment out;

    private final engine cpu = new engine(engine.kind.cpu, 0);
    private final stream queue = new stream(cpu);
    private final Arena arena = Arena.ofAuto();
    private final List<Depth> depths = new ArrayList<>();
    private MemorySegment scratch = MemorySegment.NULL;
    private Thread owner;

    private Bf16Primitives() {
        out = arena.allocate(4L * MOST_ROWS * MOST_BLOCKS * BLOCK, PAGE);
    }

    /** oneDNN's primitive for a number of rows and of columns, and its arguments. */
    private record Product(
            matmul primitive,
            memory source,
            memory weights,
            memory scratchpad,
            long scratchBytes,
            IntMemoryMap arguments,
            NativeAddress address) {}

    /**
     * The products of one depth: for each number of rows and of blocks.
     *
     * @param stride elements from one row of activations to the next
     */
    record Depth(int depth, int stride, Product[][] products) {}

    /**
     * One instance for each thread of a pool.
     *
     * @throws UnsupportedOperationException when the library does not load, or has no fast product of this kind here
     */
    static Bf16Primitives[] of(int threads) {
        try {
            Loader.load(org.bytedeco.dnnl.global.dnnl.class);
            Bf16Primitives[] instances = new Bf16Primitives[threads];
            for (int i = 0; i < threads; i++) {
                instances[i] = new Bf16Primitives();
            }
            instances[0].check(Bf16Weights.DEPTH, 1);
            return instances;
        } catch (LinkageError | RuntimeException e) {
            throw new UnsupportedOperationException("oneDNN in bf16: " + e.getMessage(), e);
        }
    }

    /** @param depth a multiple of {@link Bf16Weights#DEPTH} */
    Depth depth(int depth) {
        for (int i = 0; i < depths.size(); i++) {
            if (depths.get(i).depth == depth) {
                return depths.get(i);
            }
        }
        // Rows a power of two apart would share few sets of the caches.
        int stride = depth % 256 == 0 ? depth + Bf16Weights.DEPTH : depth;
        Depth added = new Depth(depth, stride, new Product[ROWS.length][MOST_BLOCKS]);
        depths.add(added);
        return added;
    }

    /** Rows of activations that a product of {@code count} rows reads, at most {@link #MOST_ROWS}. */
    static int padded(int count) {
        return ROWS[size(count)];
    }

    private static int size(int count) {
        int size = 0;
        while (ROWS[size] < count) {
            size++;
        }
        return size;
    }

    /**
     * {@link #out} = the rows at {@code source} times {@code blocks} blocks at {@code weights}.
     *
     * @param source address of bf16[padded(count), stride]
     */
    void multiply(Depth depth, int count, int blocks, long source, long weights) {
        if (owner != Thread.currentThread()) {
            owner = Thread.currentThread();
            OpenMp.oneThread();
        }
        Product product = product(depth, size(count), blocks);
        product.source.set_data_handle(product.address.at(source));
        product.weights.set_data_handle(product.address.at(weights));
        if (product.scratchBytes > 0) {
            product.scratchpad.set_data_handle(product.address.at(scratch.address()));
        }
        product.primitive.execute(queue, product.arguments);
    }

    private Product product(Depth depth, int size, int blocks) {
        Product known = depth.products[size][blocks - 1];
        if (known == null) {
            known = make(ROWS[size], depth.depth, depth.stride, blocks * BLOCK);
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
        return new Product(new matmul(description), source, weights, pad, scratchBytes, arguments, address);
    }

    /**
     * Makes sure, on random numbers, that products of this depth and up to so many blocks are right, and the same to the
     * last bit for every number of rows.
     *
     * @throws UnsupportedOperationException when they are not
     */
    void check(int depth, int mostBlocks) {
        Depth shapes = depth(depth);
        Random random = new Random(depth);
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment x = confined.allocate(2L * MOST_ROWS * shapes.stride, PAGE);
            MemorySegment w = confined.allocate(2L * mostBlocks * BLOCK * depth, PAGE);
            fill(x, random);
            fill(w, random);
            for (int blocks = 1; blocks <= mostBlocks; blocks++) {
                float[] expected = results(shapes, ROWS[0], blocks, x, w);
                requireSums(expected, blocks * BLOCK, shapes, x, w);
                for (int size = 1; size < ROWS.length; size++) {
                    if (!Arrays.equals(expected, results(shapes, ROWS[size], blocks, x, w))) {
                        throw new UnsupportedOperationException("products of " + ROWS[size] + " rows, "
                                + blocks * BLOCK + " columns and depth " + depth
                                + " have other last bits than those of " + ROWS[0] + " rows");
                    }
                }
            }
        } catch (RuntimeException e) {
            throw new UnsupportedOperationException("oneDNN in bf16: " + e.getMessage(), e);
        }
    }

    /** All rows of x times the weights, in products of {@code rows} rows. */
    private float[] results(Depth depth, int rows, int blocks, MemorySegment x, MemorySegment w) {
        int values = rows * blocks * BLOCK;
        float[] y = new float[MOST_ROWS * blocks * BLOCK];
        for (int row = 0; row < MOST_ROWS; row += rows) {
            multiply(depth, rows, blocks, x.address() + 2L * row * depth.stride, w.address());
            MemorySegment.copy(out, ValueLayout.JAVA_FLOAT, 0, y, row / rows * values, values);
        }
        return y;
    }

    /** A few of the sums: a wrong layout would show nowhere else. */
    private static void requireSums(float[] y, int width, Depth depth, MemorySegment x, MemorySegment w) {
        for (int i = 0; i < MOST_ROWS * width; i += 1021) {
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < depth.depth; k++) {
                int column = i % width;
                long block = (long) (column - column % BLOCK) * depth.depth;
                long at = block + (long) (k - k % 2) * BLOCK + column % BLOCK * 2 + k % 2;
                short factor = x.getAtIndex(ValueLayout.JAVA_SHORT, (long) i / width * depth.stride + k);
                double product = (double) Bf16.widen(factor) * Bf16.widen(w.getAtIndex(ValueLayout.JAVA_SHORT, at));
                sum += product;
                magnitude += Math.abs(product);
            }
            if (!(Math.abs(y[i] - sum) <= depth.depth * 0x1p-23 * magnitude)) {
                throw new UnsupportedOperationException(
                        "a sum of depth " + depth.depth + " is " + y[i] + ", not " + sum);
            }
        }
    }

    private static void fill(MemorySegment values, Random random) {
        for (long i = 0; i < values.byteSize() / 2; i++) {
            values.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.round((float) random.nextGaussian()));
        }
    }
}
