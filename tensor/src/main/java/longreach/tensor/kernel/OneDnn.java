package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.GROUP;
import static longreach.tensor.kernel.Lanes.LANES;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SCRATCHPAD;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.Loader;

/**
 * {@link Tile} through oneDNN: f32 rows of activations times a panel [columns, GROUP]. A {@link Panel} is, as it lies, one
 * of the blocked layouts that oneDNN's matmul takes weights in, so the packed weights stay what they are and nothing is
 * held twice.
 *
 * <p>Both sum a panel's columns in their order, by fused multiply-adds from zero, and so give the same bits: which of them
 * computes a product is a matter of speed alone. oneDNN does so for panels up to some thousand columns and for two rows
 * or more; rows are padded to a multiple of {@link #ROWS}. {@link #of} checks it before oneDNN is used at all.
 *
 * <p>An instance belongs to one thread number of a {@link ComputePool} and holds the native memory of its calls.
 */
final class OneDnn {
    /** Rows are padded to a multiple of this. */
    static final int ROWS = 6;

    /** Most rows of one call: sixteen columns of so many are some 3 KB, and activations stay in L2. */
    static final int MOST_ROWS = 48;

    // The panel's layout has its columns in blocks of sixteen.
    private static final int DEPTH_BLOCK = 16;
    private static final int PAGE = 64;

    private final engine cpu;
    private final stream queue;
    private final Arena arena = Arena.ofAuto();
    private final Map<Shape, Product> products = new HashMap<>();
    private final MemorySegment out = arena.allocate(4L * MOST_ROWS * GROUP, PAGE);
    private MemorySegment panel = MemorySegment.NULL;
    private int panelDepth;
    private MemorySegment scratch = MemorySegment.NULL;
    private Thread owner;

    private OneDnn() {
        cpu = new engine(engine.kind.cpu, 0);
        queue = new stream(cpu);
    }

    /** @param stride elements from one row of activations to the next */
    private record Shape(int rows, int depth, int stride) {}

    /** oneDNN's primitive for a shape, and its arguments. */
    private record Product(
            matmul primitive,
            memory source,
            memory weights,
            memory target,
            memory scratchpad,
            long scratchBytes,
            IntMemoryMap arguments,
            NativeAddress address) {}

    /**
     * One instance for each thread of a pool.
     *
     * @throws UnsupportedOperationException when the library does not load, has no fast product of this layout here, or
     *     sums otherwise than {@link Tile}
     */
    static OneDnn[] of(int threads) {
        try {
            Loader.load(org.bytedeco.dnnl.global.dnnl.class);
            OneDnn[] instances = new OneDnn[threads];
            for (int i = 0; i < threads; i++) {
                instances[i] = new OneDnn();
            }
            for (int depth : new int[] {1, 32, 576, VectorKernels.PANEL_COLS_WHOLE}) {
                for (int rows : new int[] {1, ROWS + 1}) {
                    instances[0].requireOrder(rows, depth);
                }
            }
            return instances;
        } catch (LinkageError | RuntimeException e) {
            throw new UnsupportedOperationException("oneDNN: " + e.getMessage(), e);
        }
    }

    /** Bytes that {@link #multiply} may read of {@code rows} rows of activations. */
    static long sourceBytes(int rows, int stride) {
        return 4L * ((rows + ROWS - 1) / ROWS * ROWS) * stride;
    }

    /** Takes the panel of the next products: {@code depth} columns. */
    void put(float[] values, int depth) {
        long bytes = 4L * ((depth + DEPTH_BLOCK - 1) / DEPTH_BLOCK * DEPTH_BLOCK) * GROUP;
        if (panel.byteSize() < bytes) {
            panel = arena.allocate(bytes, PAGE);
            panelDepth = 0;
        }
        if (panelDepth != depth) {
            // Columns up to the next multiple of sixteen must be zero.
            panel.asSlice(4L * depth * GROUP, bytes - 4L * depth * GROUP).fill((byte) 0);
            panelDepth = depth;
        }
        MemorySegment.copy(values, 0, panel, ValueLayout.JAVA_FLOAT, 0, depth * GROUP);
    }

    /**
     * y[i, j] = or += sum over k of x[i, k] * panel[k, j] for rows i in [0, rows), j in [0, width).
     *
     * @param x native, {@link #sourceBytes} long
     * @param column of x where the panel begins
     * @param stride elements from one row of x to the next
     * @param add whether to add to y what it holds
     * @param width at most GROUP
     */
    void multiply(
            MemorySegment x,
            int column,
            int stride,
            int rows,
            boolean add,
            float[] y,
            int yOffset,
            int yStride,
            int width) {
        if (owner != Thread.currentThread()) {
            owner = Thread.currentThread();
            OpenMp.oneThread();
        }
        for (int row = 0; row < rows; row += MOST_ROWS) {
            int count = Math.min(MOST_ROWS, rows - row);
            Product product = product(new Shape((count + ROWS - 1) / ROWS * ROWS, panelDepth, stride));
            long source = x.address() + 4L * ((long) row * stride + column);
            product.source.set_data_handle(product.address.at(source));
            product.weights.set_data_handle(product.address.at(panel.address()));
            if (product.scratchBytes > 0) {
                product.scratchpad.set_data_handle(product.address.at(scratch.address()));
            }
            product.primitive.execute(queue, product.arguments);
            int target = yOffset + row * yStride;
            if (width < GROUP) {
                storePart(out, count, add, y, target, yStride, width);
            } else if (add) {
                addWhole(out, count, y, target, yStride);
            } else {
                storeWhole(out, count, y, target, yStride);
            }
        }
    }

    private static void storeWhole(MemorySegment from, int rows, float[] y, int offset, int stride) {
        for (int i = 0; i < rows; i++) {
            FloatVector v0 = FloatVector.fromMemorySegment(F, from, 4L * i * GROUP, ByteOrder.nativeOrder());
            FloatVector v1 = FloatVector.fromMemorySegment(F, from, 4L * (i * GROUP + LANES), ByteOrder.nativeOrder());
            v0.intoArray(y, offset + i * stride);
            v1.intoArray(y, offset + i * stride + LANES);
        }
    }

    private static void addWhole(MemorySegment from, int rows, float[] y, int offset, int stride) {
        for (int i = 0; i < rows; i++) {
            FloatVector v0 = FloatVector.fromMemorySegment(F, from, 4L * i * GROUP, ByteOrder.nativeOrder());
            FloatVector v1 = FloatVector.fromMemorySegment(F, from, 4L * (i * GROUP + LANES), ByteOrder.nativeOrder());
            FloatVector y0 = FloatVector.fromArray(F, y, offset + i * stride);
            FloatVector y1 = FloatVector.fromArray(F, y, offset + i * stride + LANES);
            y0.add(v0).intoArray(y, offset + i * stride);
            y1.add(v1).intoArray(y, offset + i * stride + LANES);
        }
    }

    private static void storePart(
            MemorySegment from, int rows, boolean add, float[] y, int offset, int stride, int width) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < width; j++) {
                float value = from.getAtIndex(ValueLayout.JAVA_FLOAT, i * GROUP + j);
                int at = offset + i * stride + j;
                y[at] = add ? y[at] + value : value;
            }
        }
    }

    private Product product(Shape shape) {
        return products.computeIfAbsent(shape, key -> {
            OpenMp.oneThread();
            int rows = shape.rows;
            int depth = shape.depth;
            var f32 = memory.data_type.f32;
            var source = new memory.desc(new long[] {rows, depth}, f32, new long[] {shape.stride, 1});
            var weights = new memory.desc(
                    new long[] {depth, GROUP}, f32, memory.format_tag.valueOf("BA" + DEPTH_BLOCK + "a" + GROUP + "b"));
            var target = new memory.desc(new long[] {rows, GROUP}, f32, memory.format_tag.ab);
            var attributes = new primitive_attr();
            attributes.set_scratchpad_mode(org.bytedeco.dnnl.global.dnnl.scratchpad_mode.user);
            var description = new matmul.primitive_desc(cpu, source, weights, target, attributes, false);
            String kernel = description.impl_info_str().getString();
            if (kernel.startsWith("ref") || kernel.startsWith("gemm:ref")) {
                throw new UnsupportedOperationException("only " + kernel);
            }
            long scratchBytes = description.scratchpad_desc().get_size();
            if (scratch.byteSize() < scratchBytes) {
                scratch = arena.allocate(scratchBytes, PAGE);
            }
            var address = new NativeAddress();
            var arguments = new IntMemoryMap();
            var x = new memory(source, cpu, address.at(out.address()));
            var w = new memory(weights, cpu, address.at(out.address()));
            var y = new memory(target, cpu, address.at(out.address()));
            var pad = new memory(description.scratchpad_desc(), cpu, address.at(scratch.address()));
            arguments
                    .put(DNNL_ARG_SRC, x)
                    .put(DNNL_ARG_WEIGHTS, w)
                    .put(DNNL_ARG_DST, y)
                    .put(DNNL_ARG_SCRATCHPAD, pad);
            return new Product(new matmul(description), x, w, y, pad, scratchBytes, arguments, address);
        });
    }

    /** @throws UnsupportedOperationException when columns are not summed in their order by fused multiply-adds */
    private void requireOrder(int rows, int depth) {
        Random random = new Random(depth);
        int stride = depth + 3;
        MemorySegment x = Arena.ofAuto().allocate(sourceBytes(rows, stride), PAGE);
        for (int i = 0; i < rows * stride; i++) {
            x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        float[] values = new float[depth * GROUP];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        put(values, depth);
        float[] y = new float[rows * GROUP];
        multiply(x, 2, stride, rows, false, y, 0, GROUP, GROUP);
        for (int i = 0; i < y.length; i++) {
            float sum = 0;
            for (int k = 0; k < depth; k++) {
                float factor = x.getAtIndex(ValueLayout.JAVA_FLOAT, i / GROUP * stride + 2 + k);
                sum = Math.fma(factor, values[k * GROUP + i % GROUP], sum);
            }
            if (sum != y[i]) {
                throw new UnsupportedOperationException(
                        "products of " + rows + " rows and depth " + depth + " have other last bits than Java's");
            }
        }
    }
}
