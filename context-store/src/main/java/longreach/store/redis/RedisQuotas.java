package longreach.store.redis;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.distributed.ExpirationAfterWriteStrategy;
import io.github.bucket4j.redis.lettuce.Bucket4jLettuce;
import io.github.bucket4j.redis.lettuce.cas.LettuceBasedProxyManager;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
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

    private final RedisURI uri;
    private RedisClient client;
    private StatefulRedisConnection<byte[], byte[]> connection;
    private LettuceBasedProxyManager<byte[]> buckets;

    RedisQuotas(StoreProperties properties) {
        uri = RedisURI.create(properties.redis().toString());
        uri.setTimeout(properties.connectTimeout());
    }

    Taken take(Tenant tenant, Allowance allowance, long amount, boolean force) {
        try {
            Bucket bucket = buckets()
                    .builder()
                    .build(RedisKeys.quota(tenant, allowance), () -> Buckets.configuration(allowance));
            return Buckets.take(bucket, allowance, amount, force);
        } catch (RedisException e) {
            throw new StoreUnavailableException(uri + ": " + e.getMessage(), e);
        }
    }

    private synchronized LettuceBasedProxyManager<byte[]> buckets() {
        if (buckets == null) {
            if (client == null) {
                client = RedisClient.create(uri);
            }
            connection = client.connect(ByteArrayCodec.INSTANCE);
            buckets = Bucket4jLettuce.casBasedBuilder(connection)
                    .expirationAfterWrite(ExpirationAfterWriteStrategy.basedOnTimeForRefillingBucketUpToMax(SLACK))
                    .build();
        }
        return buckets;
    }

    @Override
    public synchronized void close() {
        if (client != null) {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        }
    }
}
