package longreach.gateway.cache;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import longreach.gateway.auth.Tenant;
import longreach.gateway.error.ApiException;
import longreach.v1.AddJobRequest;
import longreach.v1.ClaimJobRequest;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.ContextStoreGrpc.ContextStoreBlockingStub;
import longreach.v1.EndJobRequest;
import longreach.v1.HoldJobRequest;
import longreach.v1.IngestTicket;

/**
 * The queue of contents that wait for their prefill, in the context store: of all tenants, for all gateways. Every method
 * throws {@link ApiException} UNAVAILABLE when it cannot be reached.
 */
public final class IngestQueue {
    private static final String QUEUE = "contexts";
    private static final Duration STEP = Duration.ofSeconds(10);

    private final ContextStoreBlockingStub store;
    private final int most;

    /** @param most jobs that wait or are worked on */
    public IngestQueue(Channel channel, int most) {
        store = ContextStoreGrpc.newBlockingStub(channel);
        this.most = most;
    }

    /** @param content without "cachedContents/" */
    record Claimed(String id, Tenant tenant, String content) {}

    /** @throws ApiException RESOURCE_EXHAUSTED when the queue is full */
    void add(Tenant tenant, String content) {
        var ticket = IngestTicket.newBuilder().setTenant(tenant.name()).setContent(content);
        var added = ask(stub -> stub.addJob(AddJobRequest.newBuilder()
                .setQueue(QUEUE)
                .setValue(ticket.build().toByteString())
                .setMost(most)
                .build()));
        if (!added.getAdded()) {
            throw ApiException.tooLarge("the queue of contents to be prefilled is full: " + most + " wait");
        }
    }

    /** @param silence of another gateway, after which its content is taken over */
    Optional<Claimed> claim(String worker, Duration silence) {
        var claimed = ask(stub -> stub.claimJob(ClaimJobRequest.newBuilder()
                .setQueue(QUEUE)
                .setWorker(worker)
                .setSilenceMillis(silence.toMillis())
                .build()));
        return claimed.getFound() ? Optional.of(read(claimed.getId(), claimed.getValue())) : Optional.empty();
    }

    private static Claimed read(String id, ByteString value) {
        try {
            var ticket = IngestTicket.parseFrom(value);
            return new Claimed(id, new Tenant(ticket.getTenant()), ticket.getContent());
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("a job of another version", e);
        }
    }

    /** @return false when somebody else has it, or it is gone */
    boolean hold(String id, String worker) {
        return hold(id, worker, false);
    }

    /** Lets the next gateway that asks have it. */
    void giveBack(String id, String worker) {
        hold(id, worker, true);
    }

    private boolean hold(String id, String worker, boolean giveBack) {
        return ask(stub -> stub.holdJob(HoldJobRequest.newBuilder()
                        .setQueue(QUEUE)
                        .setId(id)
                        .setWorker(worker)
                        .setGiveBack(giveBack)
                        .build()))
                .getHeld();
    }

    void end(String id) {
        ask(stub ->
                stub.endJob(EndJobRequest.newBuilder().setQueue(QUEUE).setId(id).build()));
    }

    private <T> T ask(Function<ContextStoreBlockingStub, T> call) {
        try {
            return call.apply(store.withDeadlineAfter(STEP.toMillis(), TimeUnit.MILLISECONDS));
        } catch (StatusRuntimeException e) {
            throw ApiException.from(e.getStatus(), "the context store");
        }
    }
}
