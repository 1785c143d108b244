package longreach.store.redis;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import longreach.store.api.MissReason;

/** Counts of the Redis tier, under {@code context.store}. */
final class StoreMetrics {
    private final MeterRegistry registry;
    private final Counter readBytes;
    private final Counter writtenBytes;
    private final Timer wait;
    private final Timer write;

    StoreMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.readBytes = registry.counter("context.store.read.bytes");
        this.writtenBytes = registry.counter("context.store.written.bytes");
        this.wait = registry.timer("context.store.wait");
        this.write = registry.timer("context.store.write");
    }

    /** @param kind "chunk" or "artifact" */
    void hit(String kind, long bytes) {
        registry.counter("context.store.lookups", "kind", kind, "result", "hit").increment();
        readBytes.increment(bytes);
    }

    void miss(String kind, MissReason reason) {
        registry.counter("context.store.lookups", "kind", kind, "result", lower(reason))
                .increment();
    }

    /** Time that a caller waited for one answer. */
    Timer waiting() {
        return wait;
    }

    /** @param outcome of a publication: "written", or why not */
    void put(String outcome) {
        registry.counter("context.store.puts", "outcome", outcome).increment();
    }

    void written(long bytes, long nanos) {
        put("written");
        writtenBytes.increment(bytes);
        write.record(nanos, TimeUnit.NANOSECONDS);
    }

    /** A chunk made room for others of its tenant. */
    void evicted() {
        registry.counter("context.store.evicted").increment();
    }

    /** @param result of looking at a stored chunk: "sound", or what is wrong with it */
    void scrubbed(String result) {
        registry.counter("context.store.scrubbed", "result", result).increment();
    }

    static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
