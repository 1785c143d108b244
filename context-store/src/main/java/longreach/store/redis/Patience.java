package longreach.store.redis;

import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import longreach.store.api.MissReason;

/**
 * Waits for the answers of one request, as long as there is progress. Gives up when nothing at all has come in for the
 * stall timeout, when less comes in than computing anew would yield, or when the request has waited long enough in all;
 * then cuts the link. For use by one thread.
 */
final class Patience {
    /** A restored token is some 20 kB; a link slower than this restores about as slowly as a small core computes. */
    static final long LEAST_BYTES_PER_SECOND = 4L << 20;

    private static final long RATE_AFTER_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** After a pause of this process itself, what lies in the socket needs a moment to be seen. */
    private static final long SECOND_LOOK_MILLIS = 20;

    private final RedisLink link;
    private final RedisLink.Session session;
    private final long stallNanos;
    private final long totalNanos;
    private final long leastBytesPerSecond;
    private final Timer waiting;
    private final long bytesBefore;
    private long waitedNanos;
    /** Set when the link was cut or found broken: nothing more will come. */
    private MissReason givenUp;

    /** @param leastBytesPerSecond 0 where answers are a byte each, and say nothing about the link's speed */
    Patience(
            RedisLink link,
            RedisLink.Session session,
            Duration stall,
            Duration total,
            long leastBytesPerSecond,
            Timer waiting) {
        this.link = link;
        this.session = session;
        this.stallNanos = stall.toNanos();
        this.totalNanos = total.toNanos();
        this.leastBytesPerSecond = leastBytesPerSecond;
        this.waiting = waiting;
        this.bytesBefore = link.traffic().bytes();
    }

    Reply await(RedisFuture<Buffer> future) {
        if (givenUp != null && !future.isDone()) {
            return new Reply.None(givenUp);
        }
        long start = System.nanoTime();
        try {
            Buffer buffer = awaitProgressing(future, start);
            if (buffer == null) {
                return new Reply.None(MissReason.ABSENT);
            }
            return buffer == Buffer.TOO_LARGE ? new Reply.None(MissReason.TOO_LARGE) : new Reply.Value(buffer);
        } catch (ExecutionException e) {
            return new Reply.None(reasonOf(e.getCause()));
        } catch (CancellationException e) {
            return new Reply.None(giveUp(MissReason.DOWN, "connection lost"));
        } catch (TimeoutException e) {
            return new Reply.None(giveUp(MissReason.TIMEOUT, e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            givenUp = MissReason.TIMEOUT;
            return new Reply.None(MissReason.TIMEOUT);
        } finally {
            long nanos = System.nanoTime() - start;
            waitedNanos += nanos;
            waiting.record(nanos, TimeUnit.NANOSECONDS);
        }
    }

    private Buffer awaitProgressing(RedisFuture<Buffer> future, long start)
            throws ExecutionException, InterruptedException, TimeoutException {
        while (true) {
            long now = System.nanoTime();
            long quiet = now - Math.max(start, link.traffic().lastReadNanos());
            long waited = waitedNanos + now - start;
            if (future.isDone()) {
                return future.get();
            }
            if (quiet >= stallNanos) {
                try {
                    return future.get(SECOND_LOOK_MILLIS, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    if (System.nanoTime() - Math.max(start, link.traffic().lastReadNanos()) >= stallNanos) {
                        throw new TimeoutException(
                                "no answer for " + TimeUnit.NANOSECONDS.toMillis(stallNanos) + " ms");
                    }
                }
                continue;
            }
            long received = link.traffic().bytes() - bytesBefore;
            boolean crawling = waited > RATE_AFTER_NANOS && received < leastBytesPerSecond * (waited / 1e9);
            if (crawling || waited >= totalNanos) {
                throw new TimeoutException(
                        received + " bytes in " + TimeUnit.NANOSECONDS.toMillis(waited) + " ms of waiting");
            }
            try {
                return future.get(Math.min(stallNanos - quiet, totalNanos - waited), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                // The loop decides whether there was progress meanwhile.
                continue;
            }
        }
    }

    private MissReason reasonOf(Throwable cause) {
        if (cause instanceof RedisCommandExecutionException refused) {
            // The link is sound. A key of another type was not written by this system.
            boolean foreign = String.valueOf(refused.getMessage()).startsWith("WRONGTYPE");
            return foreign ? MissReason.CORRUPT : MissReason.DOWN;
        }
        if (link.hasOthers()) {
            return MissReason.DOWN;
        }
        return giveUp(MissReason.DOWN, cause.toString());
    }

    private MissReason giveUp(MissReason reason, String why) {
        if (givenUp == null) {
            givenUp = reason;
            link.failed(session, why);
        }
        return givenUp;
    }
}
