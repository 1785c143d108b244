package longreach.gateway.media;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import longreach.gateway.call.Caller;
import longreach.gateway.call.DuplexCall;
import longreach.gateway.error.ApiException;
import longreach.v1.AudioEncoderGrpc;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.EncodeProgress;
import longreach.v1.EncodeUp;
import longreach.v1.EncodedMedia;
import longreach.v1.EncoderDescription;
import longreach.v1.MediaPlan;
import longreach.v1.SoftPiece;
import longreach.v1.VisionEncoderGrpc;

/** One encoder service: the same conversation whichever it is. */
public final class EncoderClient {
    private static final int DATA_BYTES = 256 << 10;
    private static final long DESCRIBE_SECONDS = 5;
    /** A description is asked for again after this long, so that a restarted encoder with other models is noticed. */
    private static final long FRESH_NANOS = Duration.ofSeconds(30).toNanos();

    private final String name;
    private final Function<StreamObserver<EncodeDown>, StreamObserver<EncodeUp>> encode;
    private final Describe describe;
    private final boolean sharedMedia;
    private final Duration limit;
    private volatile Known known;

    private record Known(EncoderDescription description, long atNanos) {}

    @FunctionalInterface
    private interface Describe {
        EncoderDescription ask(DescribeEncoderRequest request);
    }

    /** Told about an encoding as it goes on. */
    @FunctionalInterface
    public interface Progress {
        void at(String stage, double fraction);
    }

    /** Takes soft tokens as they come. */
    @FunctionalInterface
    interface SoftSink {
        void take(SoftPiece piece) throws InterruptedException;
    }

    private EncoderClient(
            String name,
            Function<StreamObserver<EncodeDown>, StreamObserver<EncodeUp>> encode,
            Describe describe,
            boolean sharedMedia,
            Duration limit) {
        this.name = name;
        this.encode = encode;
        this.describe = describe;
        this.sharedMedia = sharedMedia;
        this.limit = limit;
    }

    /** @param sharedMedia whether the encoder sees files under the same path */
    public static EncoderClient vision(Channel channel, boolean sharedMedia, Duration limit) {
        return new EncoderClient(
                "the vision encoder",
                down -> VisionEncoderGrpc.newStub(channel)
                        .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS)
                        .encode(down),
                request -> VisionEncoderGrpc.newBlockingStub(channel)
                        .withDeadlineAfter(DESCRIBE_SECONDS, TimeUnit.SECONDS)
                        .describe(request),
                sharedMedia,
                limit);
    }

    /** @param sharedMedia whether the encoder sees files under the same path */
    public static EncoderClient audio(Channel channel, boolean sharedMedia, Duration limit) {
        return new EncoderClient(
                "the audio encoder",
                down -> AudioEncoderGrpc.newStub(channel)
                        .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS)
                        .encode(down),
                request -> AudioEncoderGrpc.newBlockingStub(channel)
                        .withDeadlineAfter(DESCRIBE_SECONDS, TimeUnit.SECONDS)
                        .describe(request),
                sharedMedia,
                limit);
    }

    /** @throws ApiException UNAVAILABLE when the encoder cannot be reached and was not reached lately */
    public EncoderDescription describe() {
        var last = known;
        if (last != null && System.nanoTime() - last.atNanos() < FRESH_NANOS) {
            return last.description();
        }
        try {
            var description = describe.ask(DescribeEncoderRequest.getDefaultInstance());
            known = new Known(description, System.nanoTime());
            return description;
        } catch (StatusRuntimeException e) {
            throw ApiException.from(e.getStatus(), name);
        }
    }

    /**
     * Reads one item, or only probes it.
     *
     * @throws ApiException INVALID_ARGUMENT with the encoder's reason for media that it cannot decode
     */
    public EncodedMedia encode(MediaItem item, boolean planOnly, Progress progress, Caller caller)
            throws InterruptedException, IOException {
        return converse(item, EncodeOpen.newBuilder().setPlanOnly(planOnly), progress, piece -> {}, caller);
    }

    /** What {@link #look} would see of an image. */
    MediaPlan planSoft(MediaItem item, Caller caller) throws InterruptedException, IOException {
        var open = EncodeOpen.newBuilder().setPlanOnly(true).setSoft(true);
        return converse(item, open, (stage, at) -> {}, piece -> {}, caller).getPlan();
    }

    /** Soft tokens of the items of an image, by their place in its plan, as they are made. */
    void look(MediaItem item, Collection<Integer> items, SoftSink sink, Caller caller)
            throws InterruptedException, IOException {
        var open = EncodeOpen.newBuilder().setSoft(true).addAllItems(items);
        converse(item, open, (stage, at) -> {}, sink, caller);
    }

    private EncodedMedia converse(
            MediaItem item, EncodeOpen.Builder open, Progress progress, SoftSink sink, Caller caller)
            throws InterruptedException, IOException {
        open.setMimeType(item.mimeType())
                .setFileName(item.fileName())
                .setSizeBytes(item.bytes().size())
                .setOptions(item.options());
        boolean byPath = sharedMedia && item.bytes() instanceof MediaBytes.OnDisk;
        if (item.bytes() instanceof MediaBytes.OnDisk disk && byPath) {
            open.setPath(disk.path().toAbsolutePath().normalize().toString());
        }
        try (var call = DuplexCall.open(name, encode)) {
            call.write(EncodeUp.newBuilder().setOpen(open).build());
            Thread sender = null;
            if (byPath) {
                call.halfClose();
            } else {
                sender = Thread.ofVirtual().name("send-media").start(() -> send(item.bytes(), call));
            }
            try {
                return receive(call, progress, sink, caller);
            } finally {
                if (sender != null) {
                    sender.interrupt();
                }
            }
        }
    }

    /** A failed send ends the call; its reason is what the reader then sees. */
    private static void send(MediaBytes bytes, DuplexCall<EncodeUp, EncodeDown> call) {
        try (InputStream in = bytes.open()) {
            for (var block = in.readNBytes(DATA_BYTES); block.length > 0; block = in.readNBytes(DATA_BYTES)) {
                call.write(EncodeUp.newBuilder()
                        .setData(ByteString.copyFrom(block))
                        .build());
            }
            call.halfClose();
        } catch (ApiException e) {
            // The encoder ended the call before it had everything, as it does with media it cannot decode.
            call.close();
        } catch (IOException e) {
            call.fail("the media's bytes cannot be read any more: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private EncodedMedia receive(DuplexCall<EncodeUp, EncodeDown> call, Progress progress, SoftSink sink, Caller caller)
            throws InterruptedException {
        var media = EncodedMedia.newBuilder();
        boolean done = false;
        for (EncodeDown down = call.read(caller); down != null; down = call.read(caller)) {
            switch (down.getKindCase()) {
                case PLAN -> media.setPlan(down.getPlan());
                case PROGRESS -> report(down.getProgress(), progress);
                case TEXT -> {
                    if (!down.getText().getText().isBlank()) {
                        media.addPieces(down.getText());
                    }
                }
                case DONE -> {
                    done = true;
                    media.putAllCounts(down.getDone().getCountsMap())
                            .setEncodeMillis(down.getDone().getEncodeMillis());
                }
                case SOFT -> sink.take(down.getSoft());
                case KIND_NOT_SET -> {}
            }
        }
        if (!done) {
            throw ApiException.unavailable(name + " ended before the media was read to its end", null);
        }
        return media.build();
    }

    private static void report(EncodeProgress at, Progress progress) {
        progress.at(at.getStage(), Math.clamp(at.getFraction(), 0, 1));
    }
}
