package longreach.vision;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import longreach.tensor.process.ChildPool;
import longreach.v1.EncodeDone;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.EncodeUp;
import longreach.v1.MediaPlan;
import longreach.v1.TextPiece;
import longreach.v1.VisionEncoderGrpc;
import longreach.vision.media.ComputeGate;
import longreach.vision.ocr.OcrEngine;
import longreach.vision.rpc.VisionEncoderService;
import longreach.vision.siglip.Eyes;
import org.springframework.util.unit.DataSize;

/** The service over an in-process channel, and the caller's side of a conversation. */
final class VisionServer implements AutoCloseable {
    // Loading the networks takes about a second: one engine serves every test.
    static final OcrEngine OCR = new OcrEngine(2);

    private final ComputeGate gate = new ComputeGate(2);
    private final ChildPool decoders;
    private final Server server;
    private final ManagedChannel channel;

    VisionServer(VisionSettings settings) throws IOException {
        this(settings, null);
    }

    /** @param eyes null: none; closed by the caller */
    VisionServer(VisionSettings settings, Eyes eyes) throws IOException {
        decoders = VisionEncoderApplication.decoderPool(settings);
        String name = InProcessServerBuilder.generateName();
        server = InProcessServerBuilder.forName(name)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .addService(new VisionEncoderService(
                        settings, OCR, eyes, VisionEncoderApplication.readers(settings, OCR, gate, decoders, eyes)))
                .build()
                .start();
        channel = InProcessChannelBuilder.forName(name).build();
    }

    static VisionSettings settings(Path mediaRoot, Path spool) {
        return new VisionSettings(
                mediaRoot,
                spool,
                DataSize.ofMegabytes(50),
                20,
                100_000_000,
                200,
                12_000_000,
                DataSize.ofMegabytes(16),
                Duration.ofHours(1),
                24,
                Duration.ofMinutes(5),
                2,
                4,
                DataSize.ofGigabytes(2),
                Duration.ofSeconds(60),
                4);
    }

    VisionEncoderGrpc.VisionEncoderStub stub() {
        return VisionEncoderGrpc.newStub(channel);
    }

    VisionEncoderGrpc.VisionEncoderBlockingStub blocking() {
        return VisionEncoderGrpc.newBlockingStub(channel);
    }

    /** What a call was answered with; status OK when it ended well. */
    record Answer(List<EncodeDown> messages, Status status) {
        MediaPlan plan() {
            return messages.stream()
                    .filter(EncodeDown::hasPlan)
                    .findFirst()
                    .orElseThrow()
                    .getPlan();
        }

        List<TextPiece> pieces() {
            return messages.stream()
                    .filter(EncodeDown::hasText)
                    .map(EncodeDown::getText)
                    .toList();
        }

        EncodeDone done() {
            return messages.getLast().getDone();
        }
    }

    static EncodeOpen open(String mimeType, String name) {
        return EncodeOpen.newBuilder().setMimeType(mimeType).setFileName(name).build();
    }

    Answer encode(EncodeOpen open, byte[] bytes) throws InterruptedException {
        var messages = new ArrayList<EncodeDown>();
        var status = new Status[1];
        var ended = new CountDownLatch(1);
        StreamObserver<EncodeUp> up = stub().encode(new StreamObserver<>() {
            @Override
            public void onNext(EncodeDown message) {
                messages.add(message);
            }

            @Override
            public void onError(Throwable failure) {
                status[0] = Status.fromThrowable(failure);
                ended.countDown();
            }

            @Override
            public void onCompleted() {
                status[0] = Status.OK;
                ended.countDown();
            }
        });
        up.onNext(EncodeUp.newBuilder().setOpen(open).build());
        for (int from = 0; from < bytes.length; from += 64 << 10) {
            up.onNext(EncodeUp.newBuilder()
                    .setData(ByteString.copyFrom(bytes, from, Math.min(64 << 10, bytes.length - from)))
                    .build());
        }
        up.onCompleted();
        if (!ended.await(120, TimeUnit.SECONDS)) {
            throw new AssertionError("no end of the call within two minutes");
        }
        return new Answer(messages, status[0]);
    }

    @Override
    public void close() {
        channel.shutdownNow();
        server.shutdownNow();
        gate.close();
        decoders.close();
    }
}
