package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeUp;
import longreach.v1.TextPiece;
import longreach.vision.TestMedia.Words;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The conversation itself: order, limits, a slow receiver, and a caller that leaves. */
class ConversationTest {
    @TempDir
    Path directory;

    private Path spool;
    private VisionServer server;

    @BeforeEach
    void start() throws Exception {
        spool = Files.createDirectory(directory.resolve("spool"));
        server = new VisionServer(VisionServer.settings(null, spool));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private long spooled() throws Exception {
        try (var files = Files.list(spool)) {
            return files.count();
        }
    }

    /** A receiver that takes what it is told to take, and can leave. */
    private static final class Receiver implements ClientResponseObserver<EncodeUp, EncodeDown> {
        final CountDownLatch ended = new CountDownLatch(1);
        final AtomicInteger received = new AtomicInteger();
        final List<EncodeDown> messages = new ArrayList<>();
        ClientCallStreamObserver<EncodeUp> up;
        Status status;

        @Override
        public void beforeStart(ClientCallStreamObserver<EncodeUp> call) {
            up = call;
            call.disableAutoRequestWithInitial(1);
        }

        @Override
        public synchronized void onNext(EncodeDown message) {
            messages.add(message);
            received.incrementAndGet();
        }

        @Override
        public void onError(Throwable failure) {
            status = Status.fromThrowable(failure);
            ended.countDown();
        }

        @Override
        public void onCompleted() {
            status = Status.OK;
            ended.countDown();
        }
    }

    private Receiver call(String mimeType, byte[] bytes) {
        var receiver = new Receiver();
        server.stub().encode(receiver);
        receiver.up.onNext(EncodeUp.newBuilder()
                .setOpen(VisionServer.open(mimeType, "file"))
                .build());
        receiver.up.onNext(
                EncodeUp.newBuilder().setData(ByteString.copyFrom(bytes)).build());
        receiver.up.onCompleted();
        return receiver;
    }

    /** Waits for the first message, so that the encode is under way. */
    private static void first(Receiver receiver) throws InterruptedException {
        long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (receiver.received.get() == 0 && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        assertThat(receiver.received.get()).isEqualTo(1);
    }

    private static byte[] longText() {
        return "A line of some forty characters in length.\n".repeat(40_000).getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aSlowReceiverHoldsTheSenderBack() throws Exception {
        Receiver receiver = call("text/plain", longText());
        first(receiver);
        // The channel buffers some; the encoder must not run on to the end meanwhile.
        Thread.sleep(300);
        assertThat(receiver.received.get()).isEqualTo(1);
        assertThat(receiver.ended.getCount()).isEqualTo(1);
        assertThat(spooled()).isEqualTo(1);
        receiver.up.request(100_000);
        assertThat(receiver.ended.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(receiver.status.isOk()).isTrue();
        assertThat(receiver.messages.getLast().hasDone()).isTrue();
    }

    @Test
    void aCallerThatLeavesFreesTheEncoder() throws Exception {
        Receiver receiver = call("text/plain", longText());
        first(receiver);
        assertThat(spooled()).isEqualTo(1);
        receiver.up.cancel("enough", null);
        long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (spooled() > 0 && System.nanoTime() < deadline) {
            Thread.sleep(20);
        }
        assertThat(spooled()).isZero();
    }

    @Test
    void aCallerThatLeavesDuringTheUploadLeavesNothing() throws Exception {
        var receiver = new Receiver();
        server.stub().encode(receiver);
        receiver.up.onNext(EncodeUp.newBuilder()
                .setOpen(VisionServer.open("text/plain", "file"))
                .build());
        receiver.up.onNext(EncodeUp.newBuilder()
                .setData(ByteString.copyFromUtf8("half of it"))
                .build());
        long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (spooled() == 0 && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        receiver.up.cancel("gone", null);
        while (spooled() > 0 && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        assertThat(spooled()).isZero();
    }

    @Test
    void tooManyOpenCallsAreTurnedAway() throws Exception {
        var held = new ArrayList<Receiver>();
        for (int i = 0; i < 4; i++) {
            held.add(call("text/plain", longText()));
            first(held.getLast());
        }
        var answer = server.encode(VisionServer.open("text/plain", "file"), "text".getBytes(StandardCharsets.UTF_8));
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(answer.status().getDescription()).startsWith("open encodes: 4");
        for (Receiver receiver : held) {
            receiver.up.request(100_000);
            assertThat(receiver.ended.await(60, TimeUnit.SECONDS)).isTrue();
        }
        answer = server.encode(VisionServer.open("text/plain", "file"), "text".getBytes(StandardCharsets.UTF_8));
        assertThat(answer.status().isOk()).isTrue();
    }

    @Test
    void dataBeforeOpenAndWrongSizesAreRefused() throws Exception {
        var receiver = new Receiver();
        server.stub().encode(receiver);
        receiver.up.onNext(
                EncodeUp.newBuilder().setData(ByteString.copyFromUtf8("x")).build());
        assertThat(receiver.ended.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(receiver.status.getDescription()).isEqualTo("open: missing (expected: before any data)");

        var short1 = VisionServer.open("text/plain", "a").toBuilder()
                .setSizeBytes(10)
                .build();
        assertThat(server.encode(short1, new byte[] {'a'}).status().getDescription())
                .isEqualTo("sizeBytes: 10 (expected: 1, the bytes that arrived)");

        var huge = VisionServer.open("text/plain", "a").toBuilder()
                .setSizeBytes(1L << 40)
                .build();
        var answer = server.encode(huge, new byte[0]);
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(spooled()).isZero();
    }

    @Test
    void pagesOverTheLimitAreRefused() throws Exception {
        var pages = new ArrayList<List<Words>>();
        for (int i = 0; i < 21; i++) {
            pages.add(List.of(new Words(50, 50, 12, "page")));
        }
        var answer = server.encode(VisionServer.open("application/pdf", "long.pdf"), TestMedia.pdf(pages));
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(answer.status().getDescription()).isEqualTo("long.pdf: 21 pages (expected: at most 20)");
    }

    @Test
    void textFilesComeAsPieces() throws Exception {
        var answer = server.encode(
                VisionServer.open("text/html", "page.html"),
                ("<!DOCTYPE html><html><head><title>Prices</title><script>x < 1</script></head><body><h1>Fish</h1>"
                                + "<table><tr><td>Cod</td><td>4&nbsp;&euro;</td></tr></table></body></html>")
                        .getBytes(StandardCharsets.UTF_8));
        assertThat(answer.pieces()).extracting(TextPiece::getText).containsExactly("Prices\n\n# Fish\n\nCod | 4 €");
    }
}
