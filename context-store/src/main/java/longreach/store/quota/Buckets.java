package longreach.store.quota;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.BucketConfiguration;
import java.time.Duration;
import longreach.store.api.QuotaStore.Allowance;
import longreach.store.api.QuotaStore.Taken;

/** The meaning of an allowance in terms of a token bucket. */
public final class Buckets {
    private Buckets() {}

    /** Flows in evenly, up to its capacity. */
    public static BucketConfiguration configuration(Allowance allowance) {
        return BucketConfiguration.builder()
                .addLimit(limit ->
                        limit.capacity(allowance.capacity()).refillGreedy(allowance.capacity(), allowance.period()))
                .build();
    }

    /** What is larger than the bucket needs a full one, and leaves it in debt for the rest. */
    public static Taken take(Bucket bucket, Allowance allowance, long amount, boolean force) {
        if (amount < 0) {
            throw new IllegalArgumentException("amount: " + amount + " (expected: 0 or more)");
        }
        if (amount == 0) {
            return new Taken(true, Duration.ZERO, bucket.getAvailableTokens());
        }
        if (force) {
            bucket.consumeIgnoringRateLimits(amount);
            return new Taken(true, Duration.ZERO, bucket.getAvailableTokens());
        }
        long within = Math.min(amount, allowance.capacity());
        var probe = bucket.tryConsumeAndReturnRemaining(within);
        if (!probe.isConsumed()) {
            return new Taken(false, Duration.ofNanos(probe.getNanosToWaitForRefill()), probe.getRemainingTokens());
        }
        if (amount > within) {
            bucket.consumeIgnoringRateLimits(amount - within);
        }
        return new Taken(true, Duration.ZERO, probe.getRemainingTokens() - (amount - within));
    }
}
