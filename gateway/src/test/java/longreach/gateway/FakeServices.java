package longreach.gateway;

import com.google.protobuf.ByteString;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import longreach.v1.AddJobRequest;
import longreach.v1.AddJobResponse;
import longreach.v1.AudioEncoderGrpc;
import longreach.v1.ClaimJobRequest;
import longreach.v1.ClaimJobResponse;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.DeleteRecordRequest;
import longreach.v1.DeleteRecordResponse;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeUp;
import longreach.v1.EncoderDescription;
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
import longreach.v1.StoredRecord;
import longreach.v1.TakeQuotaRequest;
import longreach.v1.TakeQuotaResponse;
import longreach.v1.VisionEncoderGrpc;

/** The four services behind the gateway, in this process, over in-process gRPC. */
public final class FakeServices implements AutoCloseable {
    public final FakeLmCore lmCore = new FakeLmCore();
    public final FakeEncoder vision = new FakeEncoder(false);
    public final FakeEncoder audio = new FakeEncoder(true);
    public final Map<String, ByteString> artifacts = new ConcurrentHashMap<>();

    public final FakeStore store = new FakeStore();

    private final String prefix = UUID.randomUUID().toString();
    private final List<Server> servers = new ArrayList<>();

    public FakeServices() throws IOException {
        start("lm", lmCore, new FakeEmbedder());
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
        start("store", store);
    }

    /** Artifacts, records, chunks by key, and allowances that never fill up. */
    public final class FakeStore extends ContextStoreGrpc.ContextStoreImplBase {
        public final Map<String, ByteString> records = new ConcurrentSkipListMap<>();
        public final Map<String, Long> ttlMillis = new ConcurrentHashMap<>();
        public final Map<String, Long> taken = new ConcurrentHashMap<>();
        /** Fails every step but artifacts. */
        public volatile boolean down;

        private <T> void answer(StreamObserver<T> out, Supplier<T> work) {
            if (down) {
                out.onError(Status.UNAVAILABLE.withDescription("down").asRuntimeException());
                return;
            }
            out.onNext(work.get());
            out.onCompleted();
        }

        @Override
        public void putRecord(PutRecordRequest request, StreamObserver<PutRecordResponse> out) {
            answer(out, () -> {
                var key = request.getTenant() + "/" + request.getKind() + "/" + request.getName();
                records.put(key, request.getValue());
                ttlMillis.put(key, request.getTtlMillis());
                return PutRecordResponse.getDefaultInstance();
            });
        }

        @Override
        public void getRecord(GetRecordRequest request, StreamObserver<GetRecordResponse> out) {
            answer(out, () -> {
                var value = records.get(request.getTenant() + "/" + request.getKind() + "/" + request.getName());
                return value == null
                        ? GetRecordResponse.getDefaultInstance()
                        : GetRecordResponse.newBuilder()
                                .setFound(true)
                                .setValue(value)
                                .build();
            });
        }

        @Override
        public void listRecords(ListRecordsRequest request, StreamObserver<ListRecordsResponse> out) {
            answer(out, () -> {
                var prefix = request.getTenant() + "/" + request.getKind() + "/";
                var response = ListRecordsResponse.newBuilder();
                records.forEach((key, value) -> {
                    if (key.startsWith(prefix)) {
                        response.addRecords(StoredRecord.newBuilder()
                                .setName(key.substring(prefix.length()))
                                .setValue(value));
                    }
                });
                return response.build();
            });
        }

        @Override
        public void deleteRecord(DeleteRecordRequest request, StreamObserver<DeleteRecordResponse> out) {
            answer(
                    out,
                    () -> DeleteRecordResponse.newBuilder()
                            .setExisted(records.remove(
                                            request.getTenant() + "/" + request.getKind() + "/" + request.getName())
                                    != null)
                            .build());
        }

        @Override
        public void keepChunks(KeepChunksRequest request, StreamObserver<KeepChunksResponse> out) {
            answer(
                    out,
                    () -> KeepChunksResponse.newBuilder()
                            .setPresent((int) request.getKeysList().stream()
                                    .filter(lmCore.chunks::contains)
                                    .count())
                            .build());
        }

        @Override
        public void eraseChunks(EraseChunksRequest request, StreamObserver<EraseChunksResponse> out) {
            answer(
                    out,
                    () -> EraseChunksResponse.newBuilder()
                            .setChunksErased(request.getKeysList().stream()
                                    .filter(lmCore.chunks::remove)
                                    .count())
                            .build());
        }

        @Override
        public void eraseTenant(EraseTenantRequest request, StreamObserver<EraseTenantResponse> out) {
            answer(out, () -> {
                long before = records.size() + artifacts.size();
                records.keySet().removeIf(key -> key.startsWith(request.getTenant() + "/"));
                artifacts.keySet().removeIf(key -> key.startsWith(request.getTenant() + "/"));
                return EraseTenantResponse.newBuilder()
                        .setArtifactsErased(before - records.size() - artifacts.size())
                        .build();
            });
        }

        /** In the order in which they came. */
        public final List<FakeJob> jobs = new ArrayList<>();

        public static final class FakeJob {
            final String id = UUID.randomUUID().toString();
            final ByteString value;
            String worker = "";
            long heardNanos;

            FakeJob(ByteString value) {
                this.value = value;
            }
        }

        @Override
        public void addJob(AddJobRequest request, StreamObserver<AddJobResponse> out) {
            answer(out, () -> {
                synchronized (jobs) {
                    boolean added = jobs.size() < request.getMost();
                    if (added) {
                        jobs.add(new FakeJob(request.getValue()));
                    }
                    return AddJobResponse.newBuilder().setAdded(added).build();
                }
            });
        }

        @Override
        public void claimJob(ClaimJobRequest request, StreamObserver<ClaimJobResponse> out) {
            answer(out, () -> {
                synchronized (jobs) {
                    long silence = request.getSilenceMillis() * 1_000_000;
                    for (var job : jobs) {
                        if (job.worker.isEmpty() || System.nanoTime() - job.heardNanos > silence) {
                            job.worker = request.getWorker();
                            job.heardNanos = System.nanoTime();
                            return ClaimJobResponse.newBuilder()
                                    .setFound(true)
                                    .setId(job.id)
                                    .setValue(job.value)
                                    .build();
                        }
                    }
                    return ClaimJobResponse.getDefaultInstance();
                }
            });
        }

        @Override
        public void holdJob(HoldJobRequest request, StreamObserver<HoldJobResponse> out) {
            answer(out, () -> {
                synchronized (jobs) {
                    boolean held = false;
                    for (var job : jobs) {
                        if (job.id.equals(request.getId()) && job.worker.equals(request.getWorker())) {
                            held = true;
                            job.worker = request.getGiveBack() ? "" : job.worker;
                            job.heardNanos = System.nanoTime();
                        }
                    }
                    return HoldJobResponse.newBuilder().setHeld(held).build();
                }
            });
        }

        @Override
        public void endJob(EndJobRequest request, StreamObserver<EndJobResponse> out) {
            answer(out, () -> {
                synchronized (jobs) {
                    return EndJobResponse.newBuilder()
                            .setExisted(jobs.removeIf(job -> job.id.equals(request.getId())))
                            .build();
                }
            });
        }

        @Override
        public void takeQuota(TakeQuotaRequest request, StreamObserver<TakeQuotaResponse> out) {
            answer(out, () -> {
                var key = request.getTenant() + "/" + request.getBucket();
                long before = taken.getOrDefault(key, 0L);
                boolean granted = request.getForce() || before + request.getAmount() <= request.getCapacity();
                if (granted) {
                    taken.put(key, before + request.getAmount());
                }
                return TakeQuotaResponse.newBuilder()
                        .setGranted(granted)
                        .setRetryAfterMillis(granted ? 0 : 1500)
                        .setRemaining(request.getCapacity() - taken.getOrDefault(key, 0L))
                        .build();
            });
        }

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
    }

    private static String key(String tenant, ByteString digest) {
        return tenant + "/" + java.util.HexFormat.of().formatHex(digest.toByteArray());
    }

    private void start(String name, BindableService... services) throws IOException {
        var server =
                InProcessServerBuilder.forName(prefix + name).executor(Executors.newVirtualThreadPerTaskExecutor());
        for (var service : services) {
            server.addService(service);
        }
        servers.add(server.build().start());
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
