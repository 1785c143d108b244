package longreach.vision.media;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Where decoding, drawing and recognition run: a fixed set of platform threads, because native calls would pin the
 * virtual threads that wait for them. Work comes in steps (a page, a frame), so that calls share the threads fairly.
 */
public final class ComputeGate implements AutoCloseable {
    private final ExecutorService threads;

    public ComputeGate(int count) {
        threads = Executors.newFixedThreadPool(
                count, Thread.ofPlatform().daemon().name("vision-", 0).factory());
    }

    /**
     * Runs a step and waits for it, also when interrupted: a step holds native memory that the caller frees next. Steps
     * poll for cancellation themselves.
     */
    public <T> T run(Callable<T> step) throws MediaException {
        var claimed = new AtomicBoolean();
        Future<T> future = threads.submit(() -> {
            if (!claimed.compareAndSet(false, true)) {
                throw MediaException.cancelled();
            }
            return step.call();
        });
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    // Not begun, and now never will be.
                    if (claimed.compareAndSet(false, true)) {
                        throw MediaException.cancelled();
                    }
                }
            }
        } catch (ExecutionException e) {
            throw rethrown(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static MediaException rethrown(Throwable cause) {
        return switch (cause) {
            case MediaException known -> known;
            case StackOverflowError deep ->
                MediaException.invalid("the file's structures are nested too deeply (expected: a sound file)", deep);
            case Error error -> throw error;
            case RuntimeException unexpected -> throw unexpected;
            default -> throw new IllegalStateException(cause);
        };
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
