package longreach.store.redis;

import io.lettuce.core.ExpireArgs;
import io.lettuce.core.GetExArgs;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Starts a value's time to live anew when it is read, and lengthens it on demand. From Redis 7 on neither ever shortens
 * it. Older servers cannot be told that in one command: there, a read of a value that was to be kept longer than the
 * usual time sets it back to that.
 */
final class Touch {
    private final long ttlMillis;
    private final GetExArgs readAndSet;
    /** A server that has refused the newer command once is not asked again. */
    private volatile boolean old;

    Touch(Duration ttl) {
        ttlMillis = ttl.toMillis();
        readAndSet = GetExArgs.Builder.px(ttl);
    }

    RedisFuture<Buffer> read(RedisClusterAsyncCommands<byte[], Buffer> redis, byte[] key) {
        if (old) {
            return redis.getex(key, readAndSet);
        }
        redis.pexpire(key, ttlMillis, ExpireArgs.Builder.gt()).exceptionally(e -> {
            noticeOld(e);
            return false;
        });
        return redis.get(key);
    }

    /** Starts a value's time to live anew, without reading it; nobody waits for that. */
    void used(RedisClusterAsyncCommands<byte[], Buffer> redis, byte[] key) {
        if (old) {
            lengthenOld(redis, key, Duration.ofMillis(ttlMillis));
        } else {
            redis.pexpire(key, ttlMillis, ExpireArgs.Builder.gt()).exceptionally(e -> {
                noticeOld(e);
                return false;
            });
        }
    }

    /** @return 1 when the value is there, after seeing to it that it stays so long; else 0 */
    CompletableFuture<Long> keep(RedisClusterAsyncCommands<byte[], Buffer> redis, byte[] key, Duration atLeast) {
        var lengthened = old
                ? lengthenOld(redis, key, atLeast)
                : redis.pexpire(key, atLeast.toMillis(), ExpireArgs.Builder.gt())
                        .toCompletableFuture()
                        .exceptionallyCompose(e ->
                                noticeOld(e) ? lengthenOld(redis, key, atLeast) : CompletableFuture.failedFuture(e));
        return lengthened.thenCompose(done -> redis.exists(key).toCompletableFuture());
    }

    private static CompletableFuture<Boolean> lengthenOld(
            RedisClusterAsyncCommands<byte[], Buffer> redis, byte[] key, Duration atLeast) {
        return redis.pttl(key)
                .toCompletableFuture()
                .thenCompose(left -> left >= 0 && left < atLeast.toMillis()
                        ? redis.pexpire(key, atLeast.toMillis()).toCompletableFuture()
                        : CompletableFuture.completedFuture(false));
    }

    private boolean noticeOld(Throwable failure) {
        var cause = failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof RedisCommandExecutionException refused
                && String.valueOf(refused.getMessage()).contains("wrong number of arguments")) {
            old = true;
            return true;
        }
        return false;
    }
}
