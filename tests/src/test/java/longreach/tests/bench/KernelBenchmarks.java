package longreach.tests.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.kernel.MachineLimits;
import longreach.tensor.kernel.Matrix;
import longreach.tensor.kernel.ScalarKernels;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Every kernel under JMH, on one thread unless {@code -p threads=} says otherwise, with the scalar kernels beside. Each
 * set-up first compares the kernel's result with the scalar one. The table at the end holds each figure against what
 * this machine's memory and arithmetic allow.
 *
 * <p>Arguments are JMH's: {@code -f 3} for figures that are published (one fork is the default, for a look),
 * {@code -p kernels=vector -p type=Q4_K prefill}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class KernelBenchmarks {
    private static final int TOKENS = 48;
    private static final int CONTEXT = 1024;

    /** What all of them need: kernels, and numbers of sane size. */
    @State(Scope.Benchmark)
    public static class Machine {
        @Param({"vector", "onednn", "scalar"})
        public String kernels;

        @Param("1")
        public int threads;

        private final Random random = new Random(7);
        private Arena arena;
        private Kernels chosen;
        private Kernels scalar;

        @Setup(Level.Trial)
        public void open() {
            arena = Arena.ofShared();
            chosen = KernelSelector.create(kernels, new ComputePool(threads));
            scalar = new ScalarKernels(new ComputePool(1));
        }

        @TearDown(Level.Trial)
        public void close() {
            chosen.pool().close();
            scalar.pool().close();
            arena.close();
        }

        private float[] floats(int n) {
            float[] x = new float[n];
            for (int i = 0; i < n; i++) {
                x[i] = (float) random.nextGaussian();
            }
            return x;
        }
    }

    /** A matrix of some 16 MiB of f32, which packed is larger than a core's own caches. */
    @State(Scope.Benchmark)
    public static class Product {
        static final int ROWS = 4096;
        static final int COLS = 1024;

        @Param({"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q5_K", "Q6_K"})
        public TensorType type;

        private Kernels kernels;
        private Matrix matrix;
        private float[] x;
        private float[] y;

        @Setup(Level.Trial)
        public void open(Machine machine) {
            kernels = machine.chosen;
            x = machine.floats(TOKENS * COLS);
            y = new float[TOKENS * ROWS];
            Tensor tensor = tensor(machine);
            matrix = kernels.prepare(tensor, machine.arena);
            float[] expected = new float[ROWS];
            machine.scalar.matmul(machine.scalar.prepare(tensor, machine.arena), x, 0, 1, expected, 0);
            kernels.decodeExact(matrix, x, 0, 1, y, 0);
            check(y, expected, 1e-4);
            kernels.decode(matrix, x, 0, 1, y, 0);
            check(y, expected, 2e-2);
            kernels.matmulUniform(matrix, x, 0, TOKENS, y, 0);
            check(y, expected, 1e-4);
        }

        private Tensor tensor(Machine machine) {
            byte[] bytes = new byte[(int) (ROWS * Dequantiser.bytes(type, COLS))];
            machine.random.nextBytes(bytes);
            MemorySegment data = machine.arena.allocate(bytes.length, 64);
            data.copyFrom(MemorySegment.ofArray(bytes));
            for (int block = 0; block < bytes.length; block += type.blockBytes) {
                switch (type) {
                    case F32 ->
                        data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, block, (float) machine.random.nextGaussian());
                    case BF16 -> {
                        int bits = Float.floatToIntBits((float) machine.random.nextGaussian());
                        data.set(ValueLayout.JAVA_SHORT_UNALIGNED, block, (short) (bits >> 16));
                    }
                    case F16, Q4_0, Q8_0 -> scale(data, block, machine.random);
                    case Q4_1, Q4_K, Q5_K -> {
                        scale(data, block, machine.random);
                        scale(data, block + 2, machine.random);
                    }
                    case Q6_K -> scale(data, block + 208, machine.random);
                }
            }
            return new Tensor("random", type, new long[] {ROWS, COLS}, data);
        }

        private static void scale(MemorySegment data, int offset, Random random) {
            short half = Float.floatToFloat16((float) random.nextGaussian() / 100);
            data.set(ValueLayout.JAVA_SHORT_UNALIGNED, offset, half);
        }
    }

    /** Grouped-query attention over pages in binary16, of a shape like SmolLM2's. */
    @State(Scope.Benchmark)
    public static class Attention {
        private static final AttentionShape SHAPE = AttentionShape.causal(9, 3, 64);

        private Kernels kernels;
        private KvPage[] pages;
        private float[] q;
        private float[] out;

        @Setup(Level.Trial)
        public void open(Machine machine) {
            kernels = machine.chosen;
            q = machine.floats(TOKENS * SHAPE.queryWidth());
            out = new float[q.length];
            float[] k = machine.floats(CONTEXT * SHAPE.kvWidth());
            float[] v = machine.floats(CONTEXT * SHAPE.kvWidth());
            pages = pages(kernels, machine.arena, k, v);
            float[] expected = new float[q.length];
            machine.scalar.attention(
                    SHAPE,
                    q,
                    0,
                    TOKENS,
                    pages(machine.scalar, machine.arena, k, v),
                    CONTEXT - TOKENS,
                    CONTEXT,
                    expected,
                    0);
            kernels.attention(SHAPE, q, 0, TOKENS, pages, CONTEXT - TOKENS, CONTEXT, out, 0);
            check(out, expected, 1e-4);
        }

        private static KvPage[] pages(Kernels kernels, Arena arena, float[] k, float[] v) {
            KvPage[] pages = new KvPage[CONTEXT / KvPage.POSITIONS];
            for (int i = 0; i < pages.length; i++) {
                long bytes = kernels.kvPageBytes(SHAPE, KvPage.Type.F16);
                pages[i] = new KvPage(arena.allocate(bytes, 64), KvPage.Type.F16);
                int from = i * KvPage.POSITIONS * SHAPE.kvWidth();
                kernels.writeKv(SHAPE, pages[i], 0, k, from, v, from, KvPage.POSITIONS);
            }
            return pages;
        }
    }

    /** Element-wise work over {@link #TOKENS} tokens. */
    @State(Scope.Benchmark)
    public static class Elements {
        static final int WIDTH = 1536;

        private Kernels kernels;
        private float[] x;
        private float[] y;
        private float[] w;

        @Setup(Level.Trial)
        public void open(Machine machine) {
            kernels = machine.chosen;
            x = machine.floats(TOKENS * WIDTH);
            y = machine.floats(TOKENS * WIDTH);
            w = machine.floats(WIDTH);
        }
    }

    private static void check(float[] actual, float[] expected, double tolerance) {
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= tolerance * largest)) {
                throw new IllegalStateException(
                        "element " + i + ": " + actual[i] + " (expected: " + expected[i] + ", as scalar)");
            }
        }
    }

    @Benchmark
    public float[] decode(Machine machine, Product p) {
        p.kernels.decode(p.matrix, p.x, 0, 1, p.y, 0);
        return p.y;
    }

    @Benchmark
    public float[] decodeExact(Machine machine, Product p) {
        p.kernels.decodeExact(p.matrix, p.x, 0, 1, p.y, 0);
        return p.y;
    }

    @Benchmark
    public float[] prefill(Machine machine, Product p) {
        p.kernels.matmulUniform(p.matrix, p.x, 0, TOKENS, p.y, 0);
        return p.y;
    }

    @Benchmark
    public float[] attentionDecode(Machine machine, Attention a) {
        a.kernels.attention(Attention.SHAPE, a.q, 0, 1, a.pages, CONTEXT - 1, CONTEXT, a.out, 0);
        return a.out;
    }

    @Benchmark
    public float[] attentionPrefill(Machine machine, Attention a) {
        a.kernels.attention(Attention.SHAPE, a.q, 0, TOKENS, a.pages, CONTEXT - TOKENS, CONTEXT, a.out, 0);
        return a.out;
    }

    @Benchmark
    public float[] rmsNorm(Machine machine, Elements e) {
        e.kernels.rmsNorm(e.x, 0, e.w, 1e-5f, TOKENS, Elements.WIDTH, e.y, 0);
        return e.y;
    }

    @Benchmark
    public float[] siluMul(Machine machine, Elements e) {
        e.kernels.siluMul(e.x, 0, e.y, 0, TOKENS * Elements.WIDTH);
        return e.x;
    }

    @Benchmark
    public float[] geluTanhMul(Machine machine, Elements e) {
        e.kernels.geluTanhMul(e.x, 0, e.y, 0, TOKENS * Elements.WIDTH);
        return e.x;
    }

    @Benchmark
    public float[] rope(Machine machine, Elements e) {
        e.kernels.rope(e.x, 0, TOKENS, Elements.WIDTH / 64, 64, false, e.w, e.w, 0);
        return e.x;
    }

    @Benchmark
    public float[] softmax(Machine machine, Elements e) {
        e.kernels.softmax(e.y, 0, TOKENS * Elements.WIDTH);
        return e.y;
    }

    /** Operations of one call, and the bytes that it must read; what bounds it is the slower of the two. */
    private record Work(double flops, double bytes) {
        static Work of(String benchmark, String type) {
            AttentionShape shape = Attention.SHAPE;
            double elements = (double) TOKENS * Elements.WIDTH;
            double scores = 4.0 * shape.queryWidth() * CONTEXT;
            double pages = 2.0 * 2 * shape.kvWidth() * CONTEXT;
            return switch (benchmark) {
                case "decode", "decodeExact" ->
                    new Work(
                            2.0 * Product.ROWS * Product.COLS,
                            Product.ROWS * Dequantiser.bytes(TensorType.valueOf(type), Product.COLS));
                case "prefill" ->
                    new Work(
                            2.0 * Product.ROWS * Product.COLS * TOKENS,
                            Product.ROWS * Dequantiser.bytes(TensorType.valueOf(type), Product.COLS));
                case "attentionDecode" -> new Work(scores, pages);
                case "attentionPrefill" -> new Work(TOKENS * scores, pages);
                case "siluMul", "geluTanhMul" -> new Work(2 * elements, 8 * elements);
                default -> new Work(2 * elements, 4 * elements);
            };
        }
    }

    /** Runs what JMH's arguments choose, then holds the figures against the machine. */
    public static void main(String[] args) throws Exception {
        var given = new CommandLineOptions(args);
        var options = new OptionsBuilder().parent(given);
        if (given.getIncludes().isEmpty()) {
            options.include(KernelBenchmarks.class.getName());
        }
        Collection<RunResult> results = new Runner(options.build()).run();
        MachineLimits limits;
        try (var pool = new ComputePool(threads(results))) {
            limits = MachineLimits.measure(pool, 500);
        }
        System.out.printf(
                Locale.ROOT,
                "%n%d threads: memory reads %.1f GB/s, f32 multiply-adds %.1f GFLOP/s%n%-18s %-8s %-6s %12s %9s %9s%n",
                limits.threads(),
                limits.readBytesPerSecond() / 1e9,
                limits.flopsPerSecond() / 1e9,
                "kernel",
                "kernels",
                "type",
                "us",
                "% reads",
                "% flops");
        for (RunResult result : results) {
            var params = result.getParams();
            String name = params.getBenchmark().substring(params.getBenchmark().lastIndexOf('.') + 1);
            boolean product = List.of("decode", "decodeExact", "prefill").contains(name);
            String type = product ? params.getParam("type") : "";
            Work work = Work.of(name, type);
            double microseconds = result.getPrimaryResult().getScore();
            System.out.printf(
                    Locale.ROOT,
                    "%-18s %-8s %-6s %12.1f %9.0f %9.0f%n",
                    name,
                    params.getParam("kernels"),
                    type,
                    microseconds,
                    100 * work.bytes / microseconds * 1e6 / limits.readBytesPerSecond(),
                    100 * work.flops / microseconds * 1e6 / limits.flopsPerSecond());
        }
    }

    private static int threads(Collection<RunResult> results) {
        return results.stream()
                .map(result -> Integer.parseInt(result.getParams().getParam("threads")))
                .findFirst()
                .orElse(1);
    }
}
