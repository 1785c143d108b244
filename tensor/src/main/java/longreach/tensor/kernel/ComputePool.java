package longreach.tensor.kernel;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A fixed set of platform threads that computes. The caller takes part, so a pool of n uses n - 1 threads of its own.
 * Workers spin for a moment between jobs (a decode step is some two hundred jobs of a few microseconds) and then park.
 *
 * <p>One job at a time: {@link #run} is called by one thread at a time, and never from inside a job.
 */
public final class ComputePool implements AutoCloseable {
    /** A share of a job; {@code part} is in [0, parts). */
    @FunctionalInterface
    public interface Job {
        void run(int part, int parts);
    }

    // Long enough to bridge the serial work between two matrix products, short enough to cost an idle server nothing.
    private static final int SPINS = 20_000;

    private final Thread[] workers;
    private final AtomicInteger pending = new AtomicInteger();
    private volatile Job job;
    private volatile int generation;
    private volatile boolean closed;
    private volatile Throwable failure;

    /** @param threads how many threads compute, the caller's included; at least 1 */
    public ComputePool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads: " + threads + " (expected: at least 1)");
        }
        workers = new Thread[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            int part = i + 1;
            workers[i] = Thread.ofPlatform().daemon().name("compute-" + part).start(() -> work(part));
        }
    }

    public int threads() {
        return workers.length + 1;
    }

    /**
     * Runs the job once for each part, part 0 on this thread, and returns when all have ended.
     *
     * @throws IllegalStateException when a part failed; its cause is the first failure
     */
    public void run(Job job) {
        if (workers.length == 0) {
            job.run(0, 1);
            return;
        }
        pending.set(workers.length);
        this.job = job;
        generation++;
        for (Thread worker : workers) {
            java.util.concurrent.locks.LockSupport.unpark(worker);
        }
        try {
            job.run(0, threads());
        } finally {
            while (pending.get() != 0) {
                Thread.onSpinWait();
            }
        }
        Throwable failed = failure;
        if (failed != null) {
            failure = null;
            throw new IllegalStateException("compute job failed", failed);
        }
    }

    private void work(int part) {
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
                    java.util.concurrent.locks.LockSupport.park(this);
                }
            }
            seen = generation;
            try {
                job.run(part, threads());
            } catch (Throwable t) {
                failure = t;
            } finally {
                pending.decrementAndGet();
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        for (Thread worker : workers) {
            java.util.concurrent.locks.LockSupport.unpark(worker);
        }
    }
}
