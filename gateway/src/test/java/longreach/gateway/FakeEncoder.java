package longreach.gateway;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.v1.EncodeDone;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.EncodeProgress;
import longreach.v1.EncodeUp;
import longreach.v1.EncoderDescription;
import longreach.v1.MediaPlan;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;

/**
 * What both encoders do, over media that is text: a document's pages are divided by form feeds, a recording has one
 * line for every ten seconds. Media that begins with "broken" cannot be decoded.
 */
public final class FakeEncoder {
    public final AtomicInteger encoded = new AtomicInteger();
    public volatile String fingerprint = "fake 1";
    /** Holds every encoding until it is counted down; null: none is held. */
    public volatile CountDownLatch gate;

    private final boolean sound;

    FakeEncoder(boolean sound) {
        this.sound = sound;
    }

    EncoderDescription describe() {
        return EncoderDescription.newBuilder().setFingerprint(fingerprint).build();
    }

    StreamObserver<EncodeUp> encode(StreamObserver<EncodeDown> out) {
        return new StreamObserver<>() {
            private EncodeOpen open;
            private ByteString bytes = ByteString.EMPTY;

            @Override
            public void onNext(EncodeUp up) {
                switch (up.getKindCase()) {
                    case OPEN -> open = up.getOpen();
                    case DATA -> bytes = bytes.concat(up.getData());
                    case KIND_NOT_SET -> throw new IllegalStateException("an empty message");
                }
            }

            @Override
            public void onError(Throwable error) {}

            @Override
            public void onCompleted() {
                Thread.ofVirtual().start(() -> answer(open, bytes, out));
            }
        };
    }

    private void answer(EncodeOpen open, ByteString bytes, StreamObserver<EncodeDown> out) {
        try {
            var held = gate;
            if (held != null) {
                out.onNext(EncodeDown.newBuilder()
                        .setProgress(
                                EncodeProgress.newBuilder().setStage("held").setFraction(0.25))
                        .build());
                held.await();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        var text = bytes.toString(StandardCharsets.UTF_8);
        if (text.startsWith("broken")) {
            out.onError(Status.INVALID_ARGUMENT
                    .withDescription(open.getMimeType() + ": cut short (expected: whole media)")
                    .asRuntimeException());
            return;
        }
        boolean timed = !open.getMimeType().startsWith("application")
                && !open.getMimeType().startsWith("text");
        var parts = List.of(text.split(timed ? "\n" : "\f"));
        var plan = MediaPlan.newBuilder();
        if (timed) {
            plan.setDurationMs(parts.size() * 10_000L)
                    .setHasVideo(open.getMimeType().startsWith("video"))
                    .setHasAudio(true);
        } else {
            plan.setPages(parts.size());
        }
        out.onNext(EncodeDown.newBuilder().setPlan(plan).build());
        if (!open.getPlanOnly()) {
            encoded.incrementAndGet();
            for (int i = 0; i < parts.size(); i++) {
                out.onNext(EncodeDown.newBuilder()
                        .setText(piece(parts.get(i), i, timed))
                        .build());
            }
        }
        out.onNext(EncodeDown.newBuilder()
                .setDone(EncodeDone.newBuilder().setEncodeMillis(5))
                .build());
        out.onCompleted();
    }

    private TextPiece piece(String text, int index, boolean timed) {
        var mark = SourceMark.newBuilder();
        if (timed) {
            long at = index * 10_000L + (sound ? 1 : 0);
            mark.setStartMs(at).setEndMs(at + 10_000);
        } else {
            mark.setPage(index + 1);
        }
        return TextPiece.newBuilder()
                .setKind(sound ? TextPiece.Kind.TRANSCRIPT : TextPiece.Kind.OCR)
                .setText(timed ? (sound ? "heard " : "seen ") + text : text)
                .setMark(mark)
                .build();
    }
}
