package longreach.store.rpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.ChunkKey;
import longreach.store.api.ContextStore;
import longreach.store.api.Digest;
import longreach.store.api.QuotaStore.Allowance;
import longreach.store.api.RecordStore.RecordId;
import longreach.store.api.StoreAdmin;
import longreach.store.api.Tenant;
import longreach.v1.AddJobRequest;
import longreach.v1.AddJobResponse;
import longreach.v1.ClaimJobRequest;
import longreach.v1.ClaimJobResponse;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.DeleteRecordRequest;
import longreach.v1.DeleteRecordResponse;
import longreach.v1.EndJobRequest;
import longreach.v1.EndJobResponse;
import longreach.v1.EraseChunksRequest;
import longreach.v1.EraseChunksResponse;
import longreach.v1.EraseTenantRequest;
import longreach.v1.EraseTenantResponse;
import longreach.v1.GetArtifactRequest;
import longreach.v1.GetArtifactResponse;
import longreach.v1.GetRecordRequest;
import longreach.v1.GetRecordResponse;
import longreach.v1.HoldJobRequest;
import longreach.v1.HoldJobResponse;
import longreach.v1.KeepChunksRequest;
import longreach.v1.KeepChunksResponse;
import longreach.v1.ListRecordsRequest;
import longreach.v1.ListRecordsResponse;
import longreach.v1.PutArtifactRequest;
import longreach.v1.PutArtifactResponse;
import longreach.v1.PutRecordRequest;
import longreach.v1.PutRecordResponse;
import longreach.v1.StatsRequest;
import longreach.v1.StatsResponse;
import longreach.v1.StoredRecord;
import longreach.v1.TakeQuotaRequest;
import longreach.v1.TakeQuotaResponse;

/** Answers {@code longreach.v1.ContextStore} from a store. */
final class ContextStoreService extends ContextStoreGrpc.ContextStoreImplBase {
    /** Ten years: longer is a mistake in the unit. */
    private static final long MAX_TTL_SECONDS = 10L * 366 * 24 * 3600;

    private final ContextStore store;
    private final long maxValueBytes;

    ContextStoreService(ContextStore store, long maxValueBytes) {
        this.store = store;
        this.maxValueBytes = maxValueBytes;
    }

    @Override
    public void stats(StatsRequest request, StreamObserver<StatsResponse> out) {
        answer(out, () -> {
            Optional<Tenant> tenant =
                    request.getTenant().isEmpty() ? Optional.empty() : Optional.of(store.tenant(request.getTenant()));
            StoreAdmin.StoreStats stats = store.stats(tenant);
            return StatsResponse.newBuilder()
                    .setReachable(stats.reachable())
                    .setChunks(stats.chunks())
                    .setArtifacts(stats.artifacts())
                    .setUsedBytes(stats.usedBytes())
                    .setMaxBytes(stats.maxBytes())
                    .setServerVersion(stats.serverVersion())
                    .build();
        });
    }

    @Override
    public void eraseTenant(EraseTenantRequest request, StreamObserver<EraseTenantResponse> out) {
        answer(out, () -> {
            StoreAdmin.EraseResult result = store.erase(store.tenant(request.getTenant()));
            return EraseTenantResponse.newBuilder()
                    .setChunksErased(result.chunksErased())
                    .setArtifactsErased(result.artifactsErased())
                    .setRemaining(result.remaining())
                    .build();
        });
    }

    @Override
    public void getArtifact(GetArtifactRequest request, StreamObserver<GetArtifactResponse> out) {
        answer(out, () -> {
            ArtifactLookup found = store.getArtifact(store.tenant(request.getTenant()), digest(request.getDigest()));
            return switch (found) {
                case ArtifactLookup.Miss miss -> GetArtifactResponse.getDefaultInstance();
                case ArtifactLookup.Hit hit ->
                    GetArtifactResponse.newBuilder()
                            .setFound(true)
                            .setValue(UnsafeByteOperations.unsafeWrap(hit.value()))
                            .build();
            };
        });
    }

    @Override
    public void putArtifact(PutArtifactRequest request, StreamObserver<PutArtifactResponse> out) {
        answer(out, () -> {
            Tenant tenant = store.tenant(request.getTenant());
            if (request.getValue().size() > maxValueBytes) {
                throw new IllegalArgumentException(
                        "value: " + request.getValue().size() + " bytes (expected: at most " + maxValueBytes + ")");
            }
            if (Long.compareUnsigned(request.getTtlSeconds(), MAX_TTL_SECONDS) > 0) {
                throw new IllegalArgumentException("ttl_seconds: " + Long.toUnsignedString(request.getTtlSeconds())
                        + " (expected: at most " + MAX_TTL_SECONDS + ")");
            }
            boolean stored = store.putArtifact(
                    tenant,
                    digest(request.getDigest()),
                    request.getValue().toByteArray(),
                    Duration.ofSeconds(request.getTtlSeconds()));
            return PutArtifactResponse.newBuilder().setStored(stored).build();
        });
    }

    @Override
    public void putRecord(PutRecordRequest request, StreamObserver<PutRecordResponse> out) {
        answer(out, () -> {
            store.putRecord(
                    store.tenant(request.getTenant()),
                    new RecordId(request.getKind(), request.getName()),
                    request.getValue().toByteArray(),
                    millis(request.getTtlMillis()));
            return PutRecordResponse.getDefaultInstance();
        });
    }

    @Override
    public void getRecord(GetRecordRequest request, StreamObserver<GetRecordResponse> out) {
        answer(
                out,
                () -> store.getRecord(
                                store.tenant(request.getTenant()), new RecordId(request.getKind(), request.getName()))
                        .map(value -> GetRecordResponse.newBuilder()
                                .setFound(true)
                                .setValue(UnsafeByteOperations.unsafeWrap(value))
                                .build())
                        .orElse(GetRecordResponse.getDefaultInstance()));
    }

    @Override
    public void listRecords(ListRecordsRequest request, StreamObserver<ListRecordsResponse> out) {
        answer(out, () -> {
            var response = ListRecordsResponse.newBuilder();
            store.records(store.tenant(request.getTenant()), request.getKind())
                    .forEach(each -> response.addRecords(StoredRecord.newBuilder()
                            .setName(each.name())
                            .setValue(UnsafeByteOperations.unsafeWrap(each.value()))));
            return response.build();
        });
    }

    @Override
    public void deleteRecord(DeleteRecordRequest request, StreamObserver<DeleteRecordResponse> out) {
        answer(
                out,
                () -> DeleteRecordResponse.newBuilder()
                        .setExisted(store.deleteRecord(
                                store.tenant(request.getTenant()), new RecordId(request.getKind(), request.getName())))
                        .build());
    }

    @Override
    public void keepChunks(KeepChunksRequest request, StreamObserver<KeepChunksResponse> out) {
        answer(
                out,
                () -> KeepChunksResponse.newBuilder()
                        .setPresent(store.keep(
                                store.tenant(request.getTenant()),
                                keys(request.getKeysList()),
                                millis(request.getTtlMillis())))
                        .build());
    }

    @Override
    public void eraseChunks(EraseChunksRequest request, StreamObserver<EraseChunksResponse> out) {
        answer(out, () -> {
            StoreAdmin.EraseResult result =
                    store.eraseChunks(store.tenant(request.getTenant()), keys(request.getKeysList()));
            return EraseChunksResponse.newBuilder()
                    .setChunksErased(result.chunksErased())
                    .setRemaining(result.remaining())
                    .build();
        });
    }

    @Override
    public void takeQuota(TakeQuotaRequest request, StreamObserver<TakeQuotaResponse> out) {
        answer(out, () -> {
            var allowance =
                    new Allowance(request.getBucket(), request.getCapacity(), millis(request.getPeriodMillis()));
            var taken =
                    store.take(store.tenant(request.getTenant()), allowance, request.getAmount(), request.getForce());
            return TakeQuotaResponse.newBuilder()
                    .setGranted(taken.granted())
                    // Rounded up: who comes back then is let in.
                    .setRetryAfterMillis(taken.retryAfter().plusNanos(999_999).toMillis())
                    .setRemaining(taken.remaining())
                    .build();
        });
    }

    @Override
    public void addJob(AddJobRequest request, StreamObserver<AddJobResponse> out) {
        answer(
                out,
                () -> AddJobResponse.newBuilder()
                        .setAdded(store.addJob(
                                request.getQueue(), request.getValue().toByteArray(), request.getMost()))
                        .build());
    }

    @Override
    public void claimJob(ClaimJobRequest request, StreamObserver<ClaimJobResponse> out) {
        answer(
                out,
                () -> store.claimJob(request.getQueue(), request.getWorker(), millis(request.getSilenceMillis()))
                        .map(job -> ClaimJobResponse.newBuilder()
                                .setFound(true)
                                .setId(job.id())
                                .setValue(UnsafeByteOperations.unsafeWrap(job.value()))
                                .build())
                        .orElse(ClaimJobResponse.getDefaultInstance()));
    }

    @Override
    public void holdJob(HoldJobRequest request, StreamObserver<HoldJobResponse> out) {
        answer(
                out,
                () -> HoldJobResponse.newBuilder()
                        .setHeld(
                                request.getGiveBack()
                                        ? store.giveJobBack(request.getQueue(), request.getId(), request.getWorker())
                                        : store.holdJob(request.getQueue(), request.getId(), request.getWorker()))
                        .build());
    }

    @Override
    public void endJob(EndJobRequest request, StreamObserver<EndJobResponse> out) {
        answer(
                out,
                () -> EndJobResponse.newBuilder()
                        .setExisted(store.endJob(request.getQueue(), request.getId()))
                        .build());
    }

    private static List<ChunkKey> keys(List<ByteString> keys) {
        return keys.stream().map(key -> ChunkKey.of(key.toByteArray())).toList();
    }

    private static Duration millis(long millis) {
        if (Long.compareUnsigned(millis, MAX_TTL_SECONDS * 1000) > 0) {
            throw new IllegalArgumentException("milliseconds: " + Long.toUnsignedString(millis) + " (expected: at most "
                    + MAX_TTL_SECONDS * 1000 + ")");
        }
        return Duration.ofMillis(millis);
    }

    private static Digest digest(ByteString bytes) {
        return Digest.of(bytes.toByteArray());
    }

    private static <T> void answer(StreamObserver<T> out, Supplier<T> work) {
        T result;
        try {
            result = work.get();
        } catch (Throwable e) {
            // An Error too: what is thrown out of a handler ends its call without a reason, and is told nowhere.
            out.onError(StatusMapper.toStatus(e).asRuntimeException());
            return;
        }
        out.onNext(result);
        out.onCompleted();
    }
}
