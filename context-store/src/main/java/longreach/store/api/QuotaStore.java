package longreach.store.api;

import java.time.Duration;

/** Allowances that fill up evenly, shared by all who use this store. */
public interface QuotaStore {
    /**
     * @param bucket 1 to 32 lower-case letters and dashes
     * @param capacity what a full bucket holds, and what flows in over the period; at least 1
     */
    record Allowance(String bucket, long capacity, Duration period) {
        public Allowance {
            RecordStore.checkKind(bucket);
            if (capacity < 1 || period.isNegative() || period.toMillis() < 1) {
                throw new IllegalArgumentException("allowance: capacity " + capacity + ", period " + period
                        + " (expected: at least 1, and at least 1 ms)");
            }
        }
    }

    /** @param retryAfter until it would have been granted; zero when it was @param remaining negative: in debt */
    record Taken(boolean granted, Duration retryAfter, long remaining) {}

    /**
     * Takes from a tenant's allowance.
     *
     * @param amount 0: only asks what is left; more than the capacity needs a full bucket and leaves a debt
     * @param force takes it also when it is not there
     * @throws StoreUnavailableException
     */
    Taken take(Tenant tenant, Allowance allowance, long amount, boolean force);
}
