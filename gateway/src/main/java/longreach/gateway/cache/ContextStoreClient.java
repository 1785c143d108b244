package longreach.gateway.cache;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import longreach.gateway.auth.Tenant;
import longreach.gateway.error.ApiException;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.ContextStoreGrpc.ContextStoreBlockingStub;
import longreach.v1.DeleteRecordRequest;
import longreach.v1.EraseChunksRequest;
import longreach.v1.EraseChunksResponse;
import longreach.v1.EraseTenantRequest;
import longreach.v1.EraseTenantResponse;
import longreach.v1.GetRecordRequest;
import longreach.v1.KeepChunksRequest;
import longreach.v1.ListRecordsRequest;
import longreach.v1.PutRecordRequest;
import longreach.v1.StoredRecord;

/**
 * Records and the care of chunks in the context store. Other than with artifacts, a store that cannot be reached is told
 * to the caller: every method throws {@link ApiException} UNAVAILABLE then.
 */
public final class ContextStoreClient {
    private static final Duration STEP = Duration.ofSeconds(10);
    /** Erasing looks at every key of the store, more than once. */
    private static final Duration ERASE = Duration.ofSeconds(120);

    private final ContextStoreBlockingStub store;

    public ContextStoreClient(Channel channel) {
        store = ContextStoreGrpc.newBlockingStub(channel);
    }

    public void put(Tenant tenant, String kind, String name, ByteString value, Duration ttl) {
        ask(
                STEP,
                stub -> stub.putRecord(PutRecordRequest.newBuilder()
                        .setTenant(tenant.name())
                        .setKind(kind)
                        .setName(name)
                        .setValue(value)
                        .setTtlMillis(Math.max(1, ttl.toMillis()))
                        .build()));
    }

    public Optional<ByteString> get(Tenant tenant, String kind, String name) {
        var answer = ask(
                STEP,
                stub -> stub.getRecord(GetRecordRequest.newBuilder()
                        .setTenant(tenant.name())
                        .setKind(kind)
                        .setName(name)
                        .build()));
        return answer.getFound() ? Optional.of(answer.getValue()) : Optional.empty();
    }

    public List<StoredRecord> list(Tenant tenant, String kind) {
        return ask(
                        STEP,
                        stub -> stub.listRecords(ListRecordsRequest.newBuilder()
                                .setTenant(tenant.name())
                                .setKind(kind)
                                .build()))
                .getRecordsList();
    }

    public boolean delete(Tenant tenant, String kind, String name) {
        return ask(
                        STEP,
                        stub -> stub.deleteRecord(DeleteRecordRequest.newBuilder()
                                .setTenant(tenant.name())
                                .setKind(kind)
                                .setName(name)
                                .build()))
                .getExisted();
    }

    /** @return how many of the chunks are there */
    int keep(Tenant tenant, List<ByteString> chunks, Duration ttl) {
        return ask(
                        STEP,
                        stub -> stub.keepChunks(KeepChunksRequest.newBuilder()
                                .setTenant(tenant.name())
                                .addAllKeys(chunks)
                                .setTtlMillis(Math.max(1, ttl.toMillis()))
                                .build()))
                .getPresent();
    }

    EraseChunksResponse erase(Tenant tenant, List<ByteString> chunks) {
        return ask(
                ERASE,
                stub -> stub.eraseChunks(EraseChunksRequest.newBuilder()
                        .setTenant(tenant.name())
                        .addAllKeys(chunks)
                        .build()));
    }

    /** Chunks, artifacts and records alike. */
    EraseTenantResponse eraseAll(Tenant tenant) {
        return ask(
                ERASE,
                stub -> stub.eraseTenant(
                        EraseTenantRequest.newBuilder().setTenant(tenant.name()).build()));
    }

    private <T> T ask(Duration limit, Function<ContextStoreBlockingStub, T> call) {
        try {
            return call.apply(store.withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS));
        } catch (StatusRuntimeException e) {
            throw ApiException.from(e.getStatus(), "the context store");
        }
    }
}
