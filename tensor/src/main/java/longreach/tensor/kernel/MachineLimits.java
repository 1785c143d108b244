package longreach.tensor.kernel;

import static longreach.tensor.kernel.Lanes.F;
import static longreach.tensor.kernel.Lanes.I;
import static longreach.tensor.kernel.Lanes.LANES;

import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * What this machine can do at most, measured: the figures that kernels are held against.
 *
 * @param threads how many threads measured together
 * @param readBytesPerSecond memory reads, from a buffer that no cache holds
 * @param flopsPerSecond f32 multiply-adds, two operations each, from registers
 */
public record MachineLimits(int threads, double readBytesPerSecond, double flopsPerSecond) {
    // 64 MiB a thread: more than its share of any last-level cache, little enough to touch within some 30 ms.
    private static final int WORDS = 1 << 24;
    private static final int STRIDE = 8;
    // A method that is entered often is compiled as a whole; one long loop would be compiled in its middle, with its
    // vectors as objects.
    private static final int PIECE = 1 << 14;
    private static final int ROUNDS = 500;
    private static final int PIECES = 40;
    private static final int STEADY_RUNS = 6;
    private static final long MOST_NANOSECONDS = 5_000_000_000L;
    // What a thread of any machine with vectors does by far; less is code that is not compiled yet.
    private static final double LEAST_READS = 0.3e9;
    private static final double LEAST_FLOPS = 4e9;
    private static final long COMPILER_MILLISECONDS = 50;
    private static final int MULTIPLY_ADDS = 12;

    /**
     * Measures on all threads of the pool, for some {@code milliseconds} each, longer while the compiler has not caught up, and
     * the time to fill 64 MiB a thread.
     * Nothing else may use the pool meanwhile.
     */
    public static MachineLimits measure(ComputePool pool, int milliseconds) {
        int threads = pool.threads();
        int[][] buffers = new int[threads][];
        pool.run((part, parts) -> buffers[part] = new int[WORDS]);
        long[] sink = new long[threads];
        double reads = best(milliseconds, 4.0 * WORDS / LEAST_READS, () -> {
            long began = System.nanoTime();
            pool.run((part, parts) -> {
                for (int at = 0; at < WORDS; at += PIECE) {
                    sink[part] += read(buffers[part], at, PIECE);
                }
            });
            return System.nanoTime() - began;
        });
        double operations = 2.0 * LANES * MULTIPLY_ADDS * ROUNDS * PIECES;
        double multiplies = best(milliseconds, operations / LEAST_FLOPS, () -> {
            long began = System.nanoTime();
            pool.run((part, parts) -> {
                for (int i = 0; i < PIECES; i++) {
                    sink[part] += (long) multiply(ROUNDS, 1e-9f * (1 + sink[part] % 2));
                }
            });
            return System.nanoTime() - began;
        });
        return new MachineLimits(threads, 4.0 * WORDS * threads / reads, operations * threads / multiplies);
    }

    /**
     * Seconds of the fastest run. Goes on for the time, and until runs are steadily as fast: what is not compiled yet is
     * slow and gets faster.
     *
     * @param most seconds that a compiled run takes at most; before, the processors are left to the compiler now and then
     */
    private static double best(int milliseconds, double most, LongSupplier nanoseconds) {
        long best = Long.MAX_VALUE;
        long began = System.nanoTime();
        long improved = began;
        for (long now = began; now - began < MOST_NANOSECONDS; now = System.nanoTime()) {
            long took = nanoseconds.getAsLong();
            if (took < best - best / 20) {
                improved = System.nanoTime();
            }
            best = Math.min(best, took);
            if (best > most * 1e9) {
                LockSupport.parkNanos(COMPILER_MILLISECONDS * 1_000_000);
            } else if (System.nanoTime() - improved > Math.max(milliseconds * 1_000_000L, STEADY_RUNS * best)) {
                break;
            }
        }
        return best / 1e9;
    }

    private static int read(int[] w, int from, int n) {
        IntVector a = IntVector.broadcast(I, 0);
        IntVector b = a;
        IntVector c = a;
        IntVector d = a;
        for (int i = from; i + STRIDE * LANES <= from + n; i += STRIDE * LANES) {
            IntVector v0 = IntVector.fromArray(I, w, i);
            IntVector v1 = IntVector.fromArray(I, w, i + LANES);
            IntVector v2 = IntVector.fromArray(I, w, i + 2 * LANES);
            IntVector v3 = IntVector.fromArray(I, w, i + 3 * LANES);
            IntVector v4 = IntVector.fromArray(I, w, i + 4 * LANES);
            IntVector v5 = IntVector.fromArray(I, w, i + 5 * LANES);
            IntVector v6 = IntVector.fromArray(I, w, i + 6 * LANES);
            IntVector v7 = IntVector.fromArray(I, w, i + 7 * LANES);
            a = a.add(v0).add(v4);
            b = b.add(v1).add(v5);
            c = c.add(v2).add(v6);
            d = d.add(v3).add(v7);
        }
        return a.add(b).add(c.add(d)).lane(0);
    }

    private static float multiply(int rounds, float factor) {
        FloatVector m = FloatVector.broadcast(F, factor);
        FloatVector a = m;
        FloatVector b = m;
        FloatVector c = m;
        FloatVector d = m;
        FloatVector e = m;
        FloatVector f = m;
        FloatVector g = m;
        FloatVector h = m;
        FloatVector i = m;
        FloatVector j = m;
        FloatVector k = m;
        FloatVector l = m;
        for (int round = 0; round < rounds; round++) {
            a = a.fma(m, m);
            b = b.fma(m, m);
            c = c.fma(m, m);
            d = d.fma(m, m);
            e = e.fma(m, m);
            f = f.fma(m, m);
            g = g.fma(m, m);
            h = h.fma(m, m);
            i = i.fma(m, m);
            j = j.fma(m, m);
            k = k.fma(m, m);
            l = l.fma(m, m);
        }
        FloatVector sum = a.add(b).add(c).add(d).add(e).add(f);
        return sum.add(g).add(h).add(i).add(j).add(k).add(l).lane(0);
    }
}
