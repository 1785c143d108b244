package longreach.store.redis;

import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.SetArgs;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import longreach.store.api.ChunkHeader;
import longreach.store.api.PutOutcome;
import longreach.store.api.StoreUnavailableException;
import longreach.store.api.Tenant;
import longreach.store.codec.ChunkFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publications that wait to be written, in bounded memory, and the one thread that seals and writes them in order. While
 * one is on its way to the store, the next is sealed.
 */
final class PutQueue implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(PutQueue.class);
    /** How long nothing is sent to a store that refused a write: it is full, or may not be written. */
    private static final Duration REFUSED_PAUSE = Duration.ofSeconds(5);

    private record Pending(Tenant tenant, ChunkHeader header, Buffer buffer) {}

    private record Sent(RedisLink.Session session, RedisFuture<String> answer, Pending put, long sinceNanos) {}

    private final RedisLink link;
    private final BufferPool pool;
    private final ChunkFormat format;
    private final StoreMetrics metrics;
    private final RedisIndex index;
    private final Duration ttl;
    private final Duration stallTimeout;
    private final long maxPendingBytes;
    private final BlockingQueue<Pending> waiting = new LinkedBlockingQueue<>();
    private final Object lock = new Object();
    private final Thread writer;
    private long pendingBytes;
    private boolean closed;
    private volatile long refusedUntilNanos = System.nanoTime();

    PutQueue(
            RedisLink link,
            BufferPool pool,
            ChunkFormat format,
            StoreMetrics metrics,
            RedisIndex index,
            Duration ttl,
            Duration stallTimeout,
            long maxPendingBytes) {
        this.link = link;
        this.pool = pool;
        this.format = format;
        this.metrics = metrics;
        this.index = index;
        this.ttl = ttl;
        this.stallTimeout = stallTimeout;
        this.maxPendingBytes = maxPendingBytes;
        this.writer = Thread.ofVirtual().name("context-store-put").start(this::write);
    }

    /** @return null after reserving the memory, which {@link #add} then fills, or {@link #release} gives up */
    PutOutcome reserve(long bytes) {
        if (link.session() == null || System.nanoTime() - refusedUntilNanos < 0) {
            return PutOutcome.DROPPED_DOWN;
        }
        synchronized (lock) {
            if (closed) {
                return PutOutcome.DROPPED_CLOSED;
            }
            if (pendingBytes + bytes > maxPendingBytes) {
                return PutOutcome.DROPPED_BUSY;
            }
            pendingBytes += bytes;
            return null;
        }
    }

    void add(Tenant tenant, ChunkHeader header, Buffer buffer) {
        waiting.add(new Pending(tenant, header, buffer));
    }

    void release(Buffer buffer) {
        pool.giveBack(buffer);
        synchronized (lock) {
            pendingBytes -= buffer.bytes().byteSize();
            lock.notifyAll();
        }
    }

    boolean flush(Duration limit) {
        long deadline = System.nanoTime() + limit.toNanos();
        synchronized (lock) {
            while (pendingBytes > 0) {
                long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (millis <= 0) {
                    return false;
                }
                try {
                    lock.wait(millis);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
            return true;
        }
    }

    private void write() {
        Sent sent = null;
        try {
            while (true) {
                Pending next = sent == null ? waiting.take() : waiting.poll();
                Sent sending = next == null ? null : send(next);
                if (sent != null) {
                    finish(sent);
                }
                sent = sending;
            }
        } catch (InterruptedException e) {
            log.debug("writer stopped");
        }
    }

    private Sent send(Pending put) {
        RedisLink.Session session = link.session();
        if (session == null || System.nanoTime() - refusedUntilNanos < 0) {
            metrics.put("down");
            release(put.buffer);
            return null;
        }
        if (index.on() && !reserved(session, put)) {
            release(put.buffer);
            return null;
        }
        format.seal(put.tenant, put.header, put.buffer.bytes());
        byte[] key = RedisKeys.chunk(put.tenant, put.header.key());
        RedisFuture<String> answer = session.writer().async().set(key, put.buffer, SetArgs.Builder.px(ttl));
        return new Sent(session, answer, put, System.nanoTime());
    }

    private boolean reserved(RedisLink.Session session, Pending put) {
        try {
            boolean fits = index.reserve(
                    session, put.tenant, put.header, put.buffer.bytes().byteSize());
            if (!fits) {
                metrics.put("over_quota");
            }
            return fits;
        } catch (StoreUnavailableException e) {
            metrics.put("down");
            log.debug("a chunk is dropped: {}", e.getMessage());
            return false;
        }
    }

    private void finish(Sent sent) throws InterruptedException {
        long bytes = sent.put.buffer.bytes().byteSize();
        try {
            // A queue of one, so that this write is alone on its connection but for the one behind it.
            long nanos = stallTimeout.toNanos() + 2 * bytes * 1_000_000_000 / Patience.LEAST_BYTES_PER_SECOND;
            sent.answer.get(nanos, TimeUnit.NANOSECONDS);
            link.traffic().replied();
            link.succeeded();
            metrics.written(bytes, System.nanoTime() - sent.sinceNanos);
            release(sent.put.buffer);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RedisCommandExecutionException refused) {
                refused(refused);
            } else {
                metrics.put("down");
                link.connectionFailed(sent.session, e.getCause().toString());
            }
            release(sent.put.buffer);
        } catch (CancellationException e) {
            metrics.put("down");
            link.failed(sent.session, "connection lost");
            release(sent.put.buffer);
        } catch (TimeoutException e) {
            metrics.put("timeout");
            link.failed(sent.session, bytes + " bytes not taken in time");
            // The network may still be reading from the buffer: the collector frees it, the pool does not lend it
            // again.
            release(new Buffer(MemorySegment.NULL, sent.put.buffer.bytes()));
        }
    }

    private void refused(RedisCommandExecutionException answer) {
        boolean full = String.valueOf(answer.getMessage()).startsWith("OOM");
        metrics.put(full ? "full" : "refused");
        refusedUntilNanos = System.nanoTime() + REFUSED_PAUSE.toNanos();
        log.warn(
                "{}: write refused ({}); nothing is published for {}", link.name(), answer.getMessage(), REFUSED_PAUSE);
    }

    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
        }
        flush(Duration.ofSeconds(1));
        writer.interrupt();
    }
}
