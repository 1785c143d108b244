package longreach.store.redis;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import longreach.store.api.Lookup;
import longreach.store.api.MissReason;
import longreach.store.api.StoreUnavailableException;
import longreach.store.codec.ChunkFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads every stored chunk now and then, verifies it, and removes what is damaged before somebody waits for it. What is
 * sealed with another key or has another version is counted and left: another deployment may live in the same server.
 */
final class Scrubber implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Scrubber.class);
    /** Little beside what a restore reads, and a day's work for more than any server's memory. */
    private static final long BYTES_PER_SECOND = 32L << 20;

    private final RedisAdmin admin;
    private final BufferPool pool;
    private final ChunkFormat format;
    private final StoreMetrics metrics;
    private final Thread thread;

    /** @param every zero: only when asked to */
    Scrubber(RedisAdmin admin, BufferPool pool, ChunkFormat format, StoreMetrics metrics, Duration every) {
        this.admin = admin;
        this.pool = pool;
        this.format = format;
        this.metrics = metrics;
        thread = every.isZero()
                ? null
                : Thread.ofVirtual().name("context-store-scrub").start(() -> work(every));
    }

    private void work(Duration every) {
        try {
            while (true) {
                Thread.sleep(every);
                try {
                    round(BYTES_PER_SECOND);
                } catch (StoreUnavailableException e) {
                    log.debug("scrub given up: {}", e.getMessage());
                }
            }
        } catch (InterruptedException closed) {
            log.debug("scrubber stopped");
        }
    }

    /**
     * Looks at every chunk once. Their times to live are left alone.
     *
     * @return how many were removed
     * @throws StoreUnavailableException when the store cannot be reached, also half-way
     */
    long round(long bytesPerSecond) throws InterruptedException {
        RedisLink.Session session = admin.session();
        List<byte[]> names = new ArrayList<>();
        admin.scan(session, RedisKeys.ALL_CHUNKS, names::addAll);
        long removed = 0;
        for (byte[] name : names) {
            Buffer value = admin.answer(session.readers().getFirst().async().get(name));
            // Gone meanwhile, or larger than anybody reads.
            if (value == null || value == Buffer.TOO_LARGE) {
                continue;
            }
            MissReason reason;
            try {
                reason = RedisKeys.readChunk(name)
                        .map(chunk -> format.openAny(chunk.namespace(), chunk.key(), value.bytes()))
                        .map(entry -> entry instanceof Lookup.Miss miss ? miss.reason() : null)
                        .orElse(null);
            } finally {
                pool.giveBack(value);
            }
            metrics.scrubbed(reason == null ? "sound" : StoreMetrics.lower(reason));
            if (reason == MissReason.CORRUPT || reason == MissReason.WRONG_KEY) {
                removed += admin.answer(session.writer().async().unlink(name));
                log.warn("a stored chunk was removed: {}", reason.text());
            }
            TimeUnit.NANOSECONDS.sleep(value.bytes().byteSize() * TimeUnit.SECONDS.toNanos(1) / bytesPerSecond);
        }
        return removed;
    }

    @Override
    public void close() {
        if (thread != null) {
            thread.interrupt();
        }
    }
}
