package longreach.gateway.cache;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Timestamps;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import longreach.gateway.auth.Tenant;
import longreach.gemini.v1beta.LongreachProgress;
import longreach.v1.IngestJob;
import longreach.v1.IngestState;

/**
 * What is kept of contents whose prefill is not over: what is left to do, which deleting a content takes away, and how far
 * it is, which only the gateway that works on it writes.
 */
final class IngestRecords {
    private static final String JOB = "context-job";
    private static final String STATE = "context-state";

    private final ContextStoreClient store;
    private final Clock clock;

    /** @param furthestTokens that some attempt reached */
    record State(LongreachProgress progress, int furthestTokens) {}

    IngestRecords(ContextStoreClient store, Clock clock) {
        this.store = store;
        this.clock = clock;
    }

    void put(Tenant tenant, String id, IngestJob job, Duration life) {
        store.put(tenant, JOB, id, job.toByteString(), life);
    }

    Optional<IngestJob> job(Tenant tenant, String id) {
        return store.get(tenant, JOB, id).map(stored -> {
            try {
                return IngestJob.parseFrom(stored);
            } catch (InvalidProtocolBufferException e) {
                throw new IllegalStateException("a job of another version", e);
            }
        });
    }

    void put(Tenant tenant, String id, State state, Duration life) {
        var dated = state.progress().toBuilder()
                .setUpdateTime(Timestamps.fromMillis(clock.millis()))
                .build();
        var stored =
                IngestState.newBuilder().setProgress(dated.toByteString()).setFurthestTokens(state.furthestTokens());
        store.put(tenant, STATE, id, stored.build().toByteString(), life);
    }

    Optional<State> state(Tenant tenant, String id) {
        return store.get(tenant, STATE, id).map(stored -> {
            try {
                var state = IngestState.parseFrom(stored);
                return new State(LongreachProgress.parseFrom(state.getProgress()), state.getFurthestTokens());
            } catch (InvalidProtocolBufferException e) {
                throw new IllegalStateException("a job's state of another version", e);
            }
        });
    }

    /** Of a tenant's contents: how many are not prefilled yet. */
    int count(Tenant tenant) {
        return store.list(tenant, STATE).size();
    }

    /** Nobody works on it any more, and who does so notices soon. @return how many records there were */
    int delete(Tenant tenant, String id) {
        return (store.delete(tenant, JOB, id) ? 1 : 0) + (store.delete(tenant, STATE, id) ? 1 : 0);
    }
}
