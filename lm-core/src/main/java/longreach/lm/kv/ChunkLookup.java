package longreach.lm.kv;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkStore;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.Tenant;
import longreach.tensor.kernel.KvPage;

/**
 * What the store has of a plan: the longest unbroken valid prefix, with the payloads that make it. To be closed; the
 * payloads are borrowed from it.
 */
public final class ChunkLookup implements AutoCloseable {
    private final LookupResult result;
    private final ChunkPlan.Prefix prefix;
    private final List<MemorySegment> payloads;
    private final String missReason;
    private final long micros;

    private ChunkLookup(
            LookupResult result,
            ChunkPlan.Prefix prefix,
            List<MemorySegment> payloads,
            String missReason,
            long micros) {
        this.result = result;
        this.prefix = prefix;
        this.payloads = payloads;
        this.missReason = missReason;
        this.micros = micros;
    }

    /** Asks for everything in one round trip and waits for as much as makes an unbroken prefix. */
    public static ChunkLookup of(ChunkStore store, Tenant tenant, ChunkPlan plan, KvShape shape, KvPage.Type type) {
        long began = System.nanoTime();
        List<ChunkSpan> wanted = plan.lookups();
        LookupResult result = store.get(
                tenant,
                KvShape.LAYOUT_VERSION,
                wanted.stream().map(ChunkSpan::key).toList());
        try {
            Map<ChunkSpan, Integer> positions = new LinkedHashMap<>();
            for (int i = 0; i < wanted.size(); i++) {
                positions.put(wanted.get(i), i);
            }
            String[] firstMiss = new String[1];
            ChunkPlan.Prefix prefix = plan.longestPrefix(span -> {
                Integer position = positions.get(span);
                if (position == null) {
                    return false;
                }
                String reason = reasonAgainst(result.entry(position), span, shape, type);
                if (reason != null && firstMiss[0] == null) {
                    firstMiss[0] = reason;
                }
                return reason == null;
            });
            List<MemorySegment> payloads = new ArrayList<>();
            for (ChunkSpan span : prefix.spans()) {
                payloads.add(
                        ((Lookup.Hit) result.entry(positions.get(span))).chunk().payload());
            }
            boolean whole = prefix.firstComputed()
                    >= plan.prompt().resumableAt(plan.prompt().length() - 1);
            return new ChunkLookup(
                    result,
                    prefix,
                    payloads,
                    whole || firstMiss[0] == null ? "" : firstMiss[0],
                    (System.nanoTime() - began) / 1000);
        } catch (RuntimeException e) {
            result.close();
            throw e;
        }
    }

    /** Null when the entry is a chunk that fits its place. */
    private static String reasonAgainst(Lookup entry, ChunkSpan span, KvShape shape, KvPage.Type type) {
        return switch (entry) {
            case Lookup.Miss miss -> miss.reason().text();
            case Lookup.Hit hit -> {
                ChunkHeader header = hit.chunk().header();
                boolean fits = header.parent().equals(span.parent())
                        && header.firstToken() == span.start()
                        && header.tokenCount() == span.tokens()
                        && header.codec() == ChunkPublisher.codec(type)
                        && hit.chunk().payload().byteSize() == shape.payloadBytes(span.tokens(), type);
                yield fits ? null : "chunk does not fit its place";
            }
        };
    }

    public int chunks() {
        return payloads.size();
    }

    public ChunkSpan span(int index) {
        return prefix.spans().get(index);
    }

    public MemorySegment payload(int index) {
        return payloads.get(index);
    }

    public int firstComputed() {
        return prefix.firstComputed();
    }

    /** Why not more was found; empty when everything that could be restored was. */
    public String missReason() {
        return missReason;
    }

    public long micros() {
        return micros;
    }

    @Override
    public void close() {
        result.close();
    }
}
