package longreach.gateway.auth;

import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import longreach.gateway.error.ApiException;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.TakeQuotaRequest;
import longreach.v1.TakeQuotaResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds tenants to their limits. The buckets are the context store's, so that all gateways share them. A store that
 * cannot be reached lets everybody in: a limit protects from too much work, not from strangers.
 */
public final class Quotas {
    private static final Logger LOG = LoggerFactory.getLogger(Quotas.class);
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final long ASK_MILLIS = 2000;
    private static final long COMPLAIN_NANOS = MINUTE.toNanos();

    private final ContextStoreGrpc.ContextStoreBlockingStub store;
    private final AtomicLong complained = new AtomicLong(System.nanoTime() - COMPLAIN_NANOS);

    public Quotas(Channel channel) {
        store = ContextStoreGrpc.newBlockingStub(channel);
    }

    /** Before anything is done. @throws ApiException RESOURCE_EXHAUSTED */
    public void request(Tenant tenant) {
        take(tenant, "requests", 1, tenant.limits().requests());
    }

    /** Before so much is read. @throws ApiException RESOURCE_EXHAUSTED */
    public void bytes(Tenant tenant, long bytes) {
        take(tenant, "bytes", bytes, tenant.limits().bytes());
    }

    /** Before a prompt of so many is computed. @throws ApiException RESOURCE_EXHAUSTED */
    public void tokens(Tenant tenant, long tokens) {
        take(tenant, "tokens", tokens, tenant.limits().tokens());
    }

    /** What an answer had: nobody knows before, and it is owed all the same. */
    public void answered(Tenant tenant, long tokens) {
        if (tenant.limits().tokens() > 0 && tokens > 0) {
            ask(tenant, "tokens", tokens, tenant.limits().tokens(), true);
        }
    }

    private void take(Tenant tenant, String bucket, long amount, long limit) {
        if (limit == 0 || amount <= 0) {
            return;
        }
        var taken = ask(tenant, bucket, amount, limit, false);
        if (!taken.getGranted()) {
            throw ApiException.quota(
                    bucket + " per minute: " + amount + " more (expected: at most " + limit + " in a minute; "
                            + Math.max(0, taken.getRemaining()) + " are left)",
                    bucket,
                    Duration.ofMillis(taken.getRetryAfterMillis()));
        }
    }

    private TakeQuotaResponse ask(Tenant tenant, String bucket, long amount, long limit, boolean force) {
        try {
            return store.withDeadlineAfter(ASK_MILLIS, TimeUnit.MILLISECONDS)
                    .takeQuota(TakeQuotaRequest.newBuilder()
                            .setTenant(tenant.name())
                            .setBucket(bucket)
                            .setAmount(amount)
                            .setCapacity(limit)
                            .setPeriodMillis(MINUTE.toMillis())
                            .setForce(force)
                            .build());
        } catch (StatusRuntimeException e) {
            long last = complained.get();
            long now = System.nanoTime();
            if (now - last >= COMPLAIN_NANOS && complained.compareAndSet(last, now)) {
                LOG.warn(
                        "limits are not held: the context store says {}",
                        e.getStatus().getCode());
            }
            return TakeQuotaResponse.newBuilder().setGranted(true).build();
        }
    }
}
