package longreach.tensor.kernel;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed set of platform threads that computes. The caller takes part, so a pool of n uses n - 1 threads of its own.
 * A job is cut into chunks that threads claim one after the other: a thread whose core is busy with something else
 * claims fewer, and one that does not wake up in time is not waited for. Workers spin for a moment between jobs (a
 * decode step is some two hundred jobs of a few microseconds) and then park.
 *
 * <p>One job at a time: {@link #run} and {@link #forEach} are called by one thread at a time. From inside a job they run
 * on the thread that calls them, alone: work on independent things can be shared out as a whole.
 */
public final class ComputePool implements AutoCloseable {
    /** A share of a job; {@code part} is in [0, parts). */
    @FunctionalInterface
    public interface Job {
        void run(int part, int parts);
    }

    /** One chunk of a job, computed by the thread of that number in [0, threads): an index for scratch memory. */
    @FunctionalInterface
    public interface ChunkJob {
        void run(int chunk, int thread);
    }

    // Long enough to bridge the serial work between two matrix products, short enough to cost an idle server nothing.
    private static final int SPINS = 20_000;
    // A caller that waits longer than this shares its core with the one it waits for: let that one run.
    private static final int SPINS_BEFORE_YIELD = 2_000;

    /** A thread of the pool, which knows its number. */
    private final class Worker extends Thread {
        private final int number;

        private Worker(int number) {
            super("compute-" + number);
            this.number = number;
            setDaemon(true);
        }

        @Override
        public void run() {
            work(number);
        }

        private boolean isOf(ComputePool pool) {
            return pool == ComputePool.this;
        }
    }

    private final Thread[] workers;
    // 1: the worker is parked or about to be.
    private final AtomicIntegerArray parked;
    // Counts down, so that a late worker finds nothing to claim whatever was written to the other fields meanwhile.
    private final AtomicInteger unclaimed = new AtomicInteger();
    private final AtomicInteger finished = new AtomicInteger();
    // Written before unclaimed is set and read after a claim.
    private ChunkJob job;
    private int chunks;
    // The thread that called, while it works on the job; null otherwise. Others only see that it is not them.
    private Thread caller;
    private volatile int generation;
    private volatile boolean closed;
    private volatile Throwable failure;

    /** @param threads how many threads compute, the caller's included; at least 1 */
    public ComputePool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads: " + threads + " (expected: at least 1)");
        }
        workers = new Thread[threads - 1];
        parked = new AtomicIntegerArray(threads);
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
        }
        for (Thread worker : workers) {
            worker.start();
        }
    }

    public int threads() {
        return workers.length + 1;
    }

    /** The number of the calling thread: of a job that it works on, else 0, which it would have in one. */
    public int thread() {
        return Thread.currentThread() instanceof Worker worker && worker.isOf(this) ? worker.number : 0;
    }

    /**
     * Runs the job once for each part in [0, threads) and returns when all have ended. A thread may run several parts.
     *
     * @throws IllegalStateException when a part failed; its cause is the first failure
     */
    public void run(Job job) {
        int parts = threads();
        forEach(parts, (chunk, thread) -> job.run(chunk, parts));
    }

    /**
     * Runs the job for each chunk in [0, chunks) and returns when all have ended.
     *
     * @throws IllegalStateException when a chunk failed; its cause is the first failure
     */
    public void forEach(int chunks, ChunkJob job) {
        Thread thread = Thread.currentThread();
        int number = thread();
        if (workers.length == 0 || chunks <= 1 || thread == caller || number > 0) {
            for (int i = 0; i < chunks; i++) {
                job.run(i, number);
            }
            return;
        }
        this.job = job;
        this.chunks = chunks;
        finished.set(0);
        unclaimed.set(chunks);
        generation++;
        for (int i = 0; i < workers.length; i++) {
            // A worker that is about to park says so first and then looks at the generation again.
            if (parked.get(i) != 0) {
                LockSupport.unpark(workers[i]);
            }
        }
        caller = thread;
        claim(0);
        caller = null;
        for (int spins = 0; finished.get() != chunks; spins++) {
            if (spins < SPINS_BEFORE_YIELD) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        Throwable failed = failure;
        if (failed != null) {
            failure = null;
            throw new IllegalStateException("compute job failed", failed);
        }
    }

    private void claim(int thread) {
        for (int left = unclaimed.getAndDecrement(); left > 0; left = unclaimed.getAndDecrement()) {
            try {
                job.run(chunks - left, thread);
            } catch (Throwable t) {
                failure = t;
            } finally {
                finished.getAndIncrement();
            }
        }
    }

    private void work(int thread) {
        int seen = 0;
        while (true) {
            int spins = 0;
            while (generation == seen) {
                if (closed) {
                    return;
                }
                if (++spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    parked.set(thread - 1, 1);
                    if (generation == seen && !closed) {
                        LockSupport.park(this);
                    }
                    parked.set(thread - 1, 0);
                }
            }
            seen = generation;
            claim(thread);
        }
    }

    @Override
    public void close() {
        closed = true;
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
        }
    }
}
