package longreach.lm.engine;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import longreach.lm.speculate.Speculation;

/** The engine's figures, under the names that dashboards of inference servers expect. */
public final class EngineMetrics {
    private volatile int running;
    private volatile int waiting;
    private volatile double pageShare;
    private final MeterRegistry registry;
    private final DistributionSummary auditDifference;
    private final Counter queries;
    private final Counter hits;
    private final Counter promptTokens;
    private final Counter outputTokens;
    private final Timer firstToken;
    private final Timer interToken;
    private final Map<Speculation, Counter> drafted = new EnumMap<>(Speculation.class);
    private final Map<Speculation, Counter> accepted = new EnumMap<>(Speculation.class);

    public EngineMetrics(MeterRegistry registry) {
        this.registry = registry;
        auditDifference = DistributionSummary.builder("context.audit.difference")
                .description("largest difference of a stored element from the recomputed one")
                .register(registry);
        Gauge.builder("num_requests_running", this, m -> m.running).register(registry);
        Gauge.builder("num_requests_waiting", this, m -> m.waiting).register(registry);
        Gauge.builder("kv_cache_usage_perc", this, m -> m.pageShare)
                .description("share of the KV pages that is reserved, 0 to 1")
                .register(registry);
        queries = Counter.builder("prefix_cache_queries")
                .description("prompt tokens looked up in the store")
                .register(registry);
        hits = Counter.builder("prefix_cache_hits")
                .description("prompt tokens restored from the store")
                .register(registry);
        promptTokens = Counter.builder("prompt_tokens")
                .description("prompt tokens computed")
                .register(registry);
        outputTokens = Counter.builder("generation_tokens").register(registry);
        firstToken = Timer.builder("time_to_first_token")
                .publishPercentileHistogram()
                .minimumExpectedValue(Duration.ofMillis(1))
                .maximumExpectedValue(Duration.ofMinutes(10))
                .register(registry);
        interToken = Timer.builder("inter_token_latency")
                .publishPercentileHistogram()
                .minimumExpectedValue(Duration.ofMillis(1))
                .maximumExpectedValue(Duration.ofMinutes(1))
                .register(registry);
        for (Speculation source : new Speculation[] {Speculation.LOOKUP, Speculation.DRAFT}) {
            drafted.put(source, speculative(registry, "spec_decode_num_draft_tokens", source));
            accepted.put(source, speculative(registry, "spec_decode_num_accepted_tokens", source));
        }
    }

    private static Counter speculative(MeterRegistry registry, String name, Speculation source) {
        return Counter.builder(name)
                .description("guesses at tokens, by where they came from")
                .tag("source", source.name().toLowerCase(Locale.ROOT))
                .register(registry);
    }

    void state(int running, int waiting, double memoryShare) {
        this.running = running;
        this.waiting = waiting;
        this.pageShare = memoryShare;
    }

    void lookedUp(int tokens, int restored) {
        queries.increment(tokens);
        hits.increment(restored);
    }

    void prefilled(int tokens) {
        promptTokens.increment(tokens);
    }

    void firstToken(long nanos) {
        firstToken.record(nanos, TimeUnit.NANOSECONDS);
    }

    void nextToken(long nanos) {
        interToken.record(nanos, TimeUnit.NANOSECONDS);
    }

    void speculated(Speculation source, int tokens, int kept) {
        drafted.get(source).increment(tokens);
        accepted.get(source).increment(kept);
    }

    /** A stored chunk was compared with what was computed again; the difference counts where there were both. */
    void audited(String result, double difference) {
        Counter.builder("context.audit.chunks")
                .description("stored chunks compared with what was computed again")
                .tag("result", result)
                .register(registry)
                .increment();
        auditDifference.record(difference);
    }

    void finished(Outcome outcome) {
        outputTokens.increment(outcome.outputTokens());
    }
}
