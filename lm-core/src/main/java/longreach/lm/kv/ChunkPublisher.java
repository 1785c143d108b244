package longreach.lm.kv;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkStore;
import longreach.store.api.Codec;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.PutOutcome;
import longreach.store.api.Tenant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands finished chunks to the store from a thread of its own, so that no request waits for it. Its queue is bounded:
 * when it is full, a chunk is not published, and will be computed again by whoever needs it.
 */
public final class ChunkPublisher implements AutoCloseable {
    // Each waiting chunk holds its raw rows, some 6 MB for a small model.
    private static final int MAX_WAITING = 32;

    /** Most that f32 elements may differ by, however a prompt was cut into steps. */
    private static final double CLOSE = 1e-3;

    private static final Logger log = LoggerFactory.getLogger(ChunkPublisher.class);

    private sealed interface Task {}

    private record Publication(Tenant tenant, ChunkSpan span, ChunkStage stage) implements Task {}

    private record CheckpointPublication(Tenant tenant, CheckpointPlan.Place place, CheckpointStage stage)
            implements Task {}

    private record Comparison(Tenant tenant, ChunkSpan span, ChunkStage stage) implements Task {}

    private record Marker(CountDownLatch reached) implements Task {}

    private final ChunkStore store;
    private final KvShape shape;
    private final Codec codec;
    private final Audited audited;
    private final ArrayBlockingQueue<Task> waiting = new ArrayBlockingQueue<>(MAX_WAITING);
    private final Thread thread;

    /** Told of every comparison. */
    public interface Audited {
        /**
         * @param result "equal", "close" (in f32, where a prompt's cut moves the last bits), "differs", or why there was
         *     nothing to compare with
         * @param difference the largest of an element
         */
        void compared(String result, double difference);
    }

    public ChunkPublisher(ChunkStore store, KvPool pool) {
        this(store, pool, (result, difference) -> {});
    }

    public ChunkPublisher(ChunkStore store, KvPool pool, Audited audited) {
        this.audited = audited;
        this.store = store;
        this.shape = pool.shape();
        this.codec = pool.codec();
        thread = Thread.ofVirtual().name("chunk-publisher").start(this::work);
    }

    /** @return whether the chunk was taken; false as well when the cache keeps no raw rows of it */
    public boolean offer(Tenant tenant, KvCache cache, ChunkSpan span) {
        ChunkStage stage = cache.retainStage(span);
        if (stage == null) {
            return false;
        }
        if (waiting.offer(new Publication(tenant, span, stage))) {
            return true;
        }
        stage.release();
        return false;
    }

    /**
     * Compares a chunk that was computed with the one in the store, which it replaces when that differs.
     *
     * @return whether it will be
     */
    public boolean compare(Tenant tenant, KvCache cache, ChunkSpan span) {
        ChunkStage stage = cache.retainStage(span);
        if (stage != null && !waiting.offer(new Comparison(tenant, span, stage))) {
            stage.release();
            return false;
        }
        return stage != null;
    }

    /** @return whether the checkpoint was taken; false as well when the cache does not have what it takes */
    public boolean offer(Tenant tenant, KvCache cache, CheckpointPlan.Place place) {
        CheckpointStage stage = cache.retainCheckpoint(place.position());
        if (stage == null) {
            return false;
        }
        if (waiting.offer(new CheckpointPublication(tenant, place, stage))) {
            return true;
        }
        stage.release();
        return false;
    }

    /** Waits until everything offered so far is in the store or given up; false when that takes longer than the limit. */
    public boolean flush(Duration limit) throws InterruptedException {
        var marker = new Marker(new CountDownLatch(1));
        long end = System.nanoTime() + limit.toNanos();
        return waiting.offer(marker, limit.toNanos(), TimeUnit.NANOSECONDS)
                && marker.reached.await(end - System.nanoTime(), TimeUnit.NANOSECONDS)
                && store.flush(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
    }

    private void work() {
        try {
            while (true) {
                switch (waiting.take()) {
                    case Publication publication -> publish(publication);
                    case CheckpointPublication publication -> publish(publication);
                    case Comparison comparison -> compare(comparison);
                    case Marker marker -> marker.reached.countDown();
                }
            }
        } catch (InterruptedException closed) {
            for (Task task = waiting.poll(); task != null; task = waiting.poll()) {
                switch (task) {
                    case Publication publication -> publication.stage.release();
                    case CheckpointPublication publication -> publication.stage.release();
                    case Comparison comparison -> comparison.stage.release();
                    case Marker marker -> marker.reached.countDown();
                }
            }
        }
    }

    private void publish(Publication publication) {
        ChunkSpan span = publication.span;
        try {
            var header = new ChunkHeader(
                    KvShape.LAYOUT_VERSION,
                    span.key(),
                    span.parent(),
                    span.start(),
                    span.tokens(),
                    codec,
                    shape.payloadBytes(span.tokens(), codec));
            PutOutcome outcome =
                    store.put(publication.tenant, header, to -> publication.stage.copyPayload(span.tokens(), to));
            if (outcome != PutOutcome.ACCEPTED) {
                log.debug("chunk at {} not published: {}", span.start(), outcome);
            }
        } catch (RuntimeException e) {
            // The store is an optimisation: its faults must not end this thread.
            log.warn("chunk at {} not published: {}", span.start(), e.toString());
        } finally {
            publication.stage.release();
        }
    }

    private void publish(CheckpointPublication publication) {
        CheckpointPlan.Place place = publication.place;
        try {
            var header = new ChunkHeader(
                    KvShape.LAYOUT_VERSION,
                    place.key(),
                    place.chunk(),
                    place.position(),
                    publication.stage.tokens(),
                    codec,
                    publication.stage.payloadBytes());
            PutOutcome outcome = store.put(publication.tenant, header, publication.stage::copyPayload);
            if (outcome != PutOutcome.ACCEPTED) {
                log.debug("checkpoint at {} not published: {}", place.position(), outcome);
            }
        } catch (RuntimeException e) {
            log.warn("checkpoint at {} not published: {}", place.position(), e.toString());
        } finally {
            publication.stage.release();
        }
    }

    private void compare(Comparison comparison) {
        ChunkSpan span = comparison.span;
        MemorySegment computed = Arena.ofAuto().allocate(shape.payloadBytes(span.tokens(), codec), 64);
        comparison.stage.copyPayload(span.tokens(), computed);
        boolean differs = false;
        try (LookupResult result = store.get(comparison.tenant, KvShape.LAYOUT_VERSION, List.of(span.key()))) {
            switch (result.entry(0)) {
                case Lookup.Miss miss -> audited.compared(miss.reason().name().toLowerCase(Locale.ROOT), 0);
                case Lookup.Hit hit -> {
                    String reason = ChunkLookup.reasonAgainst(hit, span, shape, codec);
                    MemorySegment stored = hit.chunk().payload();
                    boolean same = reason == null && stored.mismatch(computed) == -1;
                    double difference = same ? 0 : reason == null ? difference(stored, computed, span.tokens()) : 1;
                    // NaN is no small difference.
                    differs = !same && !(codec == Codec.F32 && difference <= CLOSE);
                    audited.compared(same ? "equal" : differs ? "differs" : "close", difference);
                    if (differs) {
                        log.warn("chunk {} at {} is not what it should be: replaced", span.key(), span.start());
                    }
                }
            }
        } catch (RuntimeException e) {
            log.warn("chunk at {} not compared: {}", span.start(), e.toString());
        }
        if (differs) {
            publish(new Publication(comparison.tenant, span, comparison.stage));
        } else {
            comparison.stage.release();
        }
    }

    private double difference(MemorySegment stored, MemorySegment computed, int tokens) {
        KvCodec read = KvCodec.of(codec);
        double largest = 0;
        long at = 0;
        for (int width : shape.growingWidths()) {
            float[] a = new float[tokens * width];
            float[] b = new float[tokens * width];
            for (int half = 0; half < 2; half++) {
                read.read(stored, at, a, 0, tokens, width);
                read.read(computed, at, b, 0, tokens, width);
                at += (long) tokens * KvCodec.rowBytes(codec, width);
                for (int i = 0; i < a.length; i++) {
                    largest = Math.max(largest, Math.abs(a[i] - b[i]));
                }
            }
        }
        return largest;
    }

    /** Gives up what still waits. */
    @Override
    public void close() throws InterruptedException {
        thread.interrupt();
        thread.join();
    }
}
