package longreach.store.redis;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.distributed.ExpirationAfterWriteStrategy;
import io.github.bucket4j.redis.lettuce.Bucket4jLettuce;
import io.github.bucket4j.redis.lettuce.cas.LettuceBasedProxyManager;
import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.codec.ByteArrayCodec;
import java.nio.file.Path;
import java.time.Duration;
import longreach.store.api.QuotaStore.Allowance;
import longreach.store.api.QuotaStore.Taken;
import longreach.store.api.StoreUnavailableException;
import longreach.store.api.Tenant;
import longreach.store.config.StoreProperties;
import longreach.store.quota.Buckets;

/**
 * Token buckets in Redis, shared by all gateways. They have a connection of their own, opened with the first quota that
 * is asked for, since most deployments set none.
 */
final class RedisQuotas implements AutoCloseable {
    /** A bucket that nobody takes from is forgotten when it is full again, and a little later. */
    private static final Duration SLACK = Duration.ofSeconds(10);

    private final RedisAddress address;
    private final Path certificates;
    private AbstractRedisClient client;
    private LettuceBasedProxyManager<byte[]> buckets;

    RedisQuotas(StoreProperties properties) {
        address = RedisAddress.of(properties.redis(), properties.connectTimeout());
        certificates = properties.caFile();
    }

    Taken take(Tenant tenant, Allowance allowance, long amount, boolean force) {
        try {
            Bucket bucket = buckets()
                    .builder()
                    .build(RedisKeys.quota(tenant, allowance), () -> Buckets.configuration(allowance));
            return Buckets.take(bucket, allowance, amount, force);
        } catch (RedisException e) {
            throw new StoreUnavailableException(address.name() + ": " + e.getMessage(), e);
        }
    }

    private synchronized LettuceBasedProxyManager<byte[]> buckets() {
        if (buckets == null) {
            buckets = builder()
                    .expirationAfterWrite(ExpirationAfterWriteStrategy.basedOnTimeForRefillingBucketUpToMax(SLACK))
                    .build();
        }
        return buckets;
    }

    private Bucket4jLettuce.LettuceBasedProxyManagerBuilder<byte[]> builder() {
        if (address.cluster()) {
            if (client == null) {
                RedisClusterClient cluster = RedisClusterClient.create(address.uris());
                ClusterClientOptions.Builder options = ClusterClientOptions.builder();
                RedisAddress.trust(options, certificates);
                cluster.setOptions(options.build());
                client = cluster;
            }
            return Bucket4jLettuce.casBasedBuilder(((RedisClusterClient) client).connect(ByteArrayCodec.INSTANCE));
        }
        if (client == null) {
            RedisClient single = RedisClient.create(address.first());
            ClientOptions.Builder options = ClientOptions.builder();
            RedisAddress.trust(options, certificates);
            single.setOptions(options.build());
            client = single;
        }
        return Bucket4jLettuce.casBasedBuilder(((RedisClient) client).connect(ByteArrayCodec.INSTANCE));
    }

    @Override
    public synchronized void close() {
        if (client != null) {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        }
    }
}
