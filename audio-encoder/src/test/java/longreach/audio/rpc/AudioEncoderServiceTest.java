package longreach.audio.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import longreach.audio.AudioEncoderApplication;
import longreach.audio.Sounds;
import longreach.audio.Weights;
import longreach.v1.AudioEncoderGrpc;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.EncodeDone;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.EncodeUp;
import longreach.v1.EncoderDescription;
import longreach.v1.MediaOptions;
import longreach.v1.TextPiece;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.context.ConfigurableApplicationContext;

/** The application as it is started, over in-process gRPC. */
class AudioEncoderServiceTest {
    @TempDir
    static Path root;

    private static ConfigurableApplicationContext application;
    private static ManagedChannel channel;
    private static Set<String> foreign;

    @BeforeAll
    static void start() throws IOException {
        foreign = spoolNames();
        Weights.whisper();
        Weights.vad();
        application = AudioEncoderApplication.builder()
                .run(
                        "--spring.grpc.server.inprocess.name=audio-encoder-test",
                        "--spring.grpc.server.port=0",
                        "--audio-encoder.media-root=" + root,
                        "--audio-encoder.max-bytes=2MB");
        channel = InProcessChannelBuilder.forName("audio-encoder-test").build();
    }

    @AfterAll
    static void stop() {
        if (channel != null) {
            channel.shutdownNow();
            application.close();
        }
    }

    /** Everything that came back. */
    private static final class Reply implements ClientResponseObserver<EncodeUp, EncodeDown> {
        final List<EncodeDown> messages = new ArrayList<>();
        final CountDownLatch end = new CountDownLatch(1);
        final CountDownLatch first = new CountDownLatch(1);
        ClientCallStreamObserver<EncodeUp> call;
        Status status = Status.OK;

        @Override
        public void beforeStart(ClientCallStreamObserver<EncodeUp> call) {
            this.call = call;
        }

        @Override
        public void onNext(EncodeDown message) {
            messages.add(message);
            first.countDown();
        }

        @Override
        public void onError(Throwable t) {
            status = Status.fromThrowable(t);
            end.countDown();
        }

        @Override
        public void onCompleted() {
            end.countDown();
        }

        Reply await() throws InterruptedException {
            assertThat(end.await(300, TimeUnit.SECONDS)).isTrue();
            return this;
        }

        List<TextPiece> texts() {
            return messages.stream()
                    .filter(EncodeDown::hasText)
                    .map(EncodeDown::getText)
                    .toList();
        }

        EncodeDone done() {
            assertThat(status.isOk()).as(status.toString()).isTrue();
            return messages.getLast().getDone();
        }
    }

    private static Reply encode(EncodeOpen open, byte[] bytes) throws InterruptedException {
        Reply reply = new Reply();
        StreamObserver<EncodeUp> up = AudioEncoderGrpc.newStub(channel).encode(reply);
        up.onNext(EncodeUp.newBuilder().setOpen(open).build());
        for (int at = 0; at < bytes.length; at += 65_536) {
            int n = Math.min(65_536, bytes.length - at);
            up.onNext(EncodeUp.newBuilder()
                    .setData(ByteString.copyFrom(bytes, at, n))
                    .build());
        }
        up.onCompleted();
        return reply.await();
    }

    private static EncodeOpen stream() {
        return EncodeOpen.newBuilder().setMimeType("audio/wav").build();
    }

    /** Those of this test: another process may use the same directory. */
    private static long spooledFiles() throws IOException {
        return spoolNames().stream().filter(name -> !foreign.contains(name)).count();
    }

    private static Set<String> spoolNames() throws IOException {
        try (var files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            return files.map(f -> f.getFileName().toString())
                    .filter(name -> name.startsWith("longreach-audio-"))
                    .collect(Collectors.toSet());
        }
    }

    @Test
    void describesItself() {
        EncoderDescription description =
                AudioEncoderGrpc.newBlockingStub(channel).describe(DescribeEncoderRequest.getDefaultInstance());
        assertThat(description.getFingerprint())
                .contains("whisper-tiny.en@1a5afae06a4db91c", "silero-vad@", "precision=fast");
        assertThat(description.getMimeTypesList()).contains("audio/wav", "audio/mpeg", "video/mp4");
        assertThat(description.getSoftWidth()).isZero();
    }

    @Test
    void streamedBytesBecomeTimedText() throws Exception {
        float[] sound = Sounds.concat(Sounds.silence(1), Sounds.sentence(880), Sounds.silence(1));
        byte[] wav = Sounds.wav(sound);
        Reply reply = encode(stream().toBuilder().setSizeBytes(wav.length).build(), wav);

        assertThat(reply.messages.getFirst().getPlan().getDurationMs()).isEqualTo(sound.length / 16);
        assertThat(reply.messages.getFirst().getPlan().getHasAudio()).isTrue();
        assertThat(reply.done().getCountsMap())
                .containsEntry("audio", 1L)
                .containsEntry("audio_ms", sound.length / 16L)
                .containsEntry("segments", 1L);
        TextPiece piece = reply.texts().getFirst();
        assertThat(piece.getKind()).isEqualTo(TextPiece.Kind.TRANSCRIPT);
        assertThat(piece.getText()).contains("young man");
        assertThat(piece.getMark().getStartMs()).isBetween(800L, 1500L);
        assertThat(piece.getMark().getEndMs()).isBetween(3500L, 4400L);
        assertThat(piece.getConfidence()).isBetween(0.2f, 1f);
        assertThat(spooledFiles()).isZero();
    }

    @Test
    void aPathUnderTheRootNeedsNoBytes() throws Exception {
        Files.write(root.resolve("a.wav"), Sounds.wav(Sounds.sentence(930)));
        EncodeOpen open = stream().toBuilder().setPath("a.wav").build();
        assertThat(encode(open, new byte[0]).texts().getFirst().getText()).contains("himself");
        EncodeOpen absolute = stream().toBuilder()
                .setPath(root.resolve("a.wav").toString())
                .setPlanOnly(true)
                .build();
        Reply planned = encode(absolute, new byte[0]);
        assertThat(planned.texts()).isEmpty();
        assertThat(planned.done().getCountsMap()).containsEntry("audio", 1L);
    }

    @Test
    void pathsOutsideTheRootAreRefused() throws Exception {
        Path outside = Files.createTempFile("outside", ".wav");
        Files.write(outside, Sounds.wav(Sounds.silence(1)));
        Path link = root.resolve("link.wav");
        Files.createSymbolicLink(link, outside);
        for (String path : new String[] {outside.toString(), "../" + outside.getFileName(), "link.wav", "none", "."}) {
            Reply reply = encode(stream().toBuilder().setPath(path).build(), new byte[0]);
            assertThat(reply.status.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(reply.status.getDescription()).contains("media-root").doesNotContain(outside.toString());
        }
        Files.delete(outside);
    }

    private static void assertRefused(Reply reply, Status.Code code, String reason) {
        assertThat(reply.status.getCode()).isEqualTo(code);
        assertThat(reply.status.getDescription()).contains(reason);
    }

    @Test
    void badRequestsNameTheirFault() throws Exception {
        assertRefused(encode(stream(), new byte[0]), Status.Code.INVALID_ARGUMENT, "0 bytes");
        assertRefused(encode(stream(), "no sound at all".getBytes()), Status.Code.INVALID_ARGUMENT, "media");
        assertRefused(
                encode(stream().toBuilder().setSizeBytes(10).build(), new byte[9]),
                Status.Code.INVALID_ARGUMENT,
                "size_bytes 10");
        assertRefused(encode(stream(), new byte[3 << 20]), Status.Code.RESOURCE_EXHAUSTED, "2097152");
        assertRefused(
                encode(stream().toBuilder().setSizeBytes(1L << 40).build(), new byte[0]),
                Status.Code.RESOURCE_EXHAUSTED,
                "2097152");
        MediaOptions backwards =
                MediaOptions.newBuilder().setStartMs(5000).setEndMs(4000).build();
        assertRefused(
                encode(stream().toBuilder().setOptions(backwards).build(), new byte[0]),
                Status.Code.INVALID_ARGUMENT,
                "end_ms: 4000");
        byte[] wav = Sounds.wav(Sounds.tone(440, 6));
        assertRefused(
                encode(stream(), java.util.Arrays.copyOf(wav, wav.length / 2)),
                Status.Code.INVALID_ARGUMENT,
                "truncated");

        Reply unopened = new Reply();
        StreamObserver<EncodeUp> up = AudioEncoderGrpc.newStub(channel).encode(unopened);
        up.onNext(EncodeUp.newBuilder().setData(ByteString.copyFromUtf8("x")).build());
        assertRefused(unopened.await(), Status.Code.INVALID_ARGUMENT, "open");
        assertThat(spooledFiles()).isZero();
    }

    @Test
    void aCallerThatLeavesFreesEverything() throws Exception {
        float[] sound =
                Sounds.concat(Sounds.sentence(870), Sounds.silence(1), Sounds.sentence(880), Sounds.sentence(930));
        Reply reply = new Reply();
        StreamObserver<EncodeUp> up = AudioEncoderGrpc.newStub(channel).encode(reply);
        up.onNext(EncodeUp.newBuilder().setOpen(stream()).build());
        byte[] wav = Sounds.wav(sound);
        up.onNext(EncodeUp.newBuilder().setData(ByteString.copyFrom(wav)).build());
        up.onCompleted();
        assertThat(reply.first.await(60, TimeUnit.SECONDS)).isTrue();
        reply.call.cancel("enough", new StatusRuntimeException(Status.CANCELLED));
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        while (spooledFiles() > 0 && System.nanoTime() < deadline) {
            Thread.sleep(20);
        }
        assertThat(spooledFiles()).isZero();
    }
}
