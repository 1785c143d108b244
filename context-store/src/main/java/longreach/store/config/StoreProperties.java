package longreach.store.config;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import org.springframework.util.unit.DataSize;

/**
 * Settings of a store, under {@code context-store}.
 *
 * @param redis {@code redis://}, {@code rediss://} (TLS) or {@code redis-socket://}; {@code redis-cluster://} or
 *     {@code rediss-cluster://} with some of a cluster's hosts, separated by commas; {@code memory:local} keeps everything
 *     in this process. A user of an access-control list is named before the host: {@code user:password@}. Redis 6.2 or newer
 * @param secretFile the deployment's secret, the same for all its processes; made if it does not exist. Null: a secret
 *     of this process alone, so that nothing is found again by another
 * @param ttl after which an unused value goes; each use starts it anew
 * @param stallTimeout longest silence of the store while something is awaited
 * @param lookupTimeout longest wait in one lookup altogether
 * @param connectTimeout longest time to connect and introduce oneself; only the first attempt, at start, is waited for
 * @param maxValue largest chunk or artifact, read or written
 * @param readConnections over which the reads of a lookup are spread
 * @param maxPending memory for chunks that wait to be written; more are dropped
 * @param caFile certificates of whom to trust with TLS, PEM; null: whom the JVM trusts
 * @param scrubEvery how often all chunks are verified in the background; zero: never
 * @param memory bound of the {@code memory:local} tier
 * @param tenantQuota of each tenant's chunks together; the oldest that no other chunk continues make room for new ones, but
 *     for those of cached contents. 0: none
 */
@ConfigurationProperties(StoreProperties.PREFIX)
public record StoreProperties(
        @DefaultValue("redis://127.0.0.1:6379") URI redis,
        Path secretFile,
        @DefaultValue("7d") Duration ttl,
        @DefaultValue("500ms") Duration stallTimeout,
        @DefaultValue("10s") Duration lookupTimeout,
        @DefaultValue("2s") Duration connectTimeout,
        @DefaultValue("64MB") DataSize maxValue,
        @DefaultValue("2") int readConnections,
        @DefaultValue("128MB") DataSize maxPending,
        @DefaultValue("1GB") DataSize memory,
        Path caFile,
        @DefaultValue("1d") Duration scrubEvery,
        @DefaultValue("0B") DataSize tenantQuota) {
    public static final String PREFIX = "context-store";

    public StoreProperties {
        positive("ttl", ttl);
        if (scrubEvery.isNegative()) {
            throw new IllegalArgumentException(PREFIX + ".scrub-every: " + scrubEvery + " (expected: >= 0)");
        }
        positive("stall-timeout", stallTimeout);
        positive("lookup-timeout", lookupTimeout);
        positive("connect-timeout", connectTimeout);
        within("max-value", maxValue.toBytes(), 1 << 10, 512L << 20);
        within("read-connections", readConnections, 1, 64);
        within("max-pending", maxPending.toBytes(), 1, Long.MAX_VALUE);
        within("memory", memory.toBytes(), 1, Long.MAX_VALUE);
        within("tenant-quota", tenantQuota.toBytes(), 0, Long.MAX_VALUE);
    }

    /** Binds settings as the application does, without one: keys as in {@code stall-timeout}, unset ones by default. */
    public static StoreProperties of(Map<String, String> settings) {
        return new Binder(new MapConfigurationPropertySource(settings)).bindOrCreate("", StoreProperties.class);
    }

    private static void positive(String name, Duration value) {
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException(PREFIX + "." + name + ": " + value + " (expected: > 0)");
        }
    }

    private static void within(String name, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    PREFIX + "." + name + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }
}
