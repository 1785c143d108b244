package longreach.store.rpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.ContextStore;
import longreach.store.api.Digest;
import longreach.store.api.StoreAdmin;
import longreach.store.api.Tenant;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.EraseTenantRequest;
import longreach.v1.EraseTenantResponse;
import longreach.v1.GetArtifactRequest;
import longreach.v1.GetArtifactResponse;
import longreach.v1.PutArtifactRequest;
import longreach.v1.PutArtifactResponse;
import longreach.v1.StatsRequest;
import longreach.v1.StatsResponse;

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
