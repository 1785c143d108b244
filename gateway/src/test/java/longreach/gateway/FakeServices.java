package longreach.gateway;

import com.google.protobuf.ByteString;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import longreach.v1.AudioEncoderGrpc;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeUp;
import longreach.v1.EncoderDescription;
import longreach.v1.GetArtifactRequest;
import longreach.v1.GetArtifactResponse;
import longreach.v1.PutArtifactRequest;
import longreach.v1.PutArtifactResponse;
import longreach.v1.VisionEncoderGrpc;

/** The four services behind the gateway, in this process, over in-process gRPC. */
public final class FakeServices implements AutoCloseable {
    public final FakeLmCore lmCore = new FakeLmCore();
    public final FakeEncoder vision = new FakeEncoder(false);
    public final FakeEncoder audio = new FakeEncoder(true);
    public final Map<String, ByteString> artifacts = new ConcurrentHashMap<>();

    private final String prefix = UUID.randomUUID().toString();
    private final List<Server> servers = new ArrayList<>();

    public FakeServices() throws IOException {
        start("lm", lmCore);
        start("vision", new VisionEncoderGrpc.VisionEncoderImplBase() {
            @Override
            public void describe(DescribeEncoderRequest request, StreamObserver<EncoderDescription> out) {
                out.onNext(vision.describe());
                out.onCompleted();
            }

            @Override
            public StreamObserver<EncodeUp> encode(StreamObserver<EncodeDown> out) {
                return vision.encode(out);
            }
        });
        start("audio", new AudioEncoderGrpc.AudioEncoderImplBase() {
            @Override
            public void describe(DescribeEncoderRequest request, StreamObserver<EncoderDescription> out) {
                out.onNext(audio.describe());
                out.onCompleted();
            }

            @Override
            public StreamObserver<EncodeUp> encode(StreamObserver<EncodeDown> out) {
                return audio.encode(out);
            }
        });
        start("store", new ContextStoreGrpc.ContextStoreImplBase() {
            @Override
            public void getArtifact(GetArtifactRequest request, StreamObserver<GetArtifactResponse> out) {
                var value = artifacts.get(key(request.getTenant(), request.getDigest()));
                out.onNext(
                        value == null
                                ? GetArtifactResponse.getDefaultInstance()
                                : GetArtifactResponse.newBuilder()
                                        .setFound(true)
                                        .setValue(value)
                                        .build());
                out.onCompleted();
            }

            @Override
            public void putArtifact(PutArtifactRequest request, StreamObserver<PutArtifactResponse> out) {
                artifacts.put(key(request.getTenant(), request.getDigest()), request.getValue());
                out.onNext(PutArtifactResponse.newBuilder().setStored(true).build());
                out.onCompleted();
            }
        });
    }

    private static String key(String tenant, ByteString digest) {
        return tenant + "/" + java.util.HexFormat.of().formatHex(digest.toByteArray());
    }

    private void start(String name, BindableService service) throws IOException {
        servers.add(InProcessServerBuilder.forName(prefix + name)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .addService(service)
                .build()
                .start());
    }

    /** The gateway's settings that point here. */
    public Map<String, Object> properties() {
        return Map.of(
                "gateway.lm-core", "in-process:" + prefix + "lm",
                "gateway.vision-encoder", "in-process:" + prefix + "vision",
                "gateway.audio-encoder", "in-process:" + prefix + "audio",
                "gateway.context-store", "in-process:" + prefix + "store");
    }

    @Override
    public void close() {
        servers.forEach(Server::shutdownNow);
    }
}
