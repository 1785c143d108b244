package longreach.gateway.media;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.EncodedMedia;
import longreach.v1.GetArtifactRequest;
import longreach.v1.PutArtifactRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What was read, kept in the context store by digest. A store that is down, slow or full is a miss. */
public final class ArtifactClient {
    private static final Logger LOG = LoggerFactory.getLogger(ArtifactClient.class);
    private static final long GET_MILLIS = 2000;
    private static final long PUT_MILLIS = 5000;

    private final ContextStoreGrpc.ContextStoreBlockingStub store;

    public ArtifactClient(Channel channel) {
        store = ContextStoreGrpc.newBlockingStub(channel);
    }

    public Optional<EncodedMedia> get(String tenant, byte[] digest) {
        try {
            var answer = store.withDeadlineAfter(GET_MILLIS, TimeUnit.MILLISECONDS)
                    .getArtifact(GetArtifactRequest.newBuilder()
                            .setTenant(tenant)
                            .setDigest(ByteString.copyFrom(digest))
                            .build());
            return answer.getFound() ? Optional.of(EncodedMedia.parseFrom(answer.getValue())) : Optional.empty();
        } catch (StatusRuntimeException e) {
            LOG.debug("no artifact from the context store: {}", e.getStatus().getCode());
            return Optional.empty();
        } catch (InvalidProtocolBufferException e) {
            LOG.warn("an artifact of the context store is not readable; it will be made again");
            return Optional.empty();
        }
    }

    public void put(String tenant, byte[] digest, EncodedMedia media) {
        try {
            store.withDeadlineAfter(PUT_MILLIS, TimeUnit.MILLISECONDS)
                    .putArtifact(PutArtifactRequest.newBuilder()
                            .setTenant(tenant)
                            .setDigest(ByteString.copyFrom(digest))
                            .setValue(media.toByteString())
                            .build());
        } catch (StatusRuntimeException e) {
            LOG.debug("the context store took no artifact: {}", e.getStatus().getCode());
        }
    }
}
