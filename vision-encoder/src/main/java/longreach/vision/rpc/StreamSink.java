package longreach.vision.rpc;

import com.google.protobuf.UnsafeByteOperations;
import io.grpc.stub.ServerCallStreamObserver;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import longreach.v1.EncodeDone;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeProgress;
import longreach.v1.MediaPlan;
import longreach.v1.SoftPiece;
import longreach.v1.SoftTokens;
import longreach.v1.SoftType;
import longreach.v1.TextPiece;
import longreach.vision.media.MediaException;
import longreach.vision.media.PieceSink;

/** Writes pieces to the call, waiting while its receiver has no room. One writer. */
final class StreamSink implements PieceSink {
    // Far below the receiver's message limit, whatever a page holds.
    private static final int MAX_PIECE_CHARACTERS = 200_000;
    private static final int MAX_SOFT_BYTES = 1 << 20;
    private static final long PROGRESS_INTERVAL_NANOS = 200_000_000L;

    private final ServerCallStreamObserver<EncodeDown> down;
    private final Duration limit;
    private final long begun = System.nanoTime();
    private final Map<String, Long> counts = new LinkedHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition ready = lock.newCondition();
    private volatile boolean left;
    private long lastProgress = begun - PROGRESS_INTERVAL_NANOS;

    StreamSink(ServerCallStreamObserver<EncodeDown> down, Duration limit) {
        this.down = down;
        this.limit = limit;
    }

    @Override
    public void plan(MediaPlan plan) throws MediaException {
        send(EncodeDown.newBuilder().setPlan(plan).build());
    }

    /** Told at most five times a second. */
    @Override
    public void progress(String stage, double fraction) throws MediaException {
        long now = System.nanoTime();
        if (now - lastProgress < PROGRESS_INTERVAL_NANOS) {
            return;
        }
        lastProgress = now;
        send(EncodeDown.newBuilder()
                .setProgress(EncodeProgress.newBuilder().setStage(stage).setFraction(Math.clamp(fraction, 0, 1)))
                .build());
    }

    @Override
    public void text(TextPiece piece) throws MediaException {
        String text = piece.getText();
        int from = 0;
        while (text.length() - from > MAX_PIECE_CHARACTERS) {
            int cut = text.lastIndexOf('\n', from + MAX_PIECE_CHARACTERS);
            cut = cut > from ? cut : from + MAX_PIECE_CHARACTERS;
            if (Character.isHighSurrogate(text.charAt(cut - 1))) {
                cut--;
            }
            send(EncodeDown.newBuilder()
                    .setText(piece.toBuilder().setText(text.substring(from, cut)))
                    .build());
            from = cut;
        }
        send(EncodeDown.newBuilder()
                .setText(
                        from == 0
                                ? piece
                                : piece.toBuilder()
                                        .setText(text.substring(from))
                                        .build())
                .build());
        count("pieces", 1);
    }

    @Override
    public void soft(int item, float[] rows, int width) throws MediaException {
        int tokens = rows.length / width;
        int most = Math.max(1, MAX_SOFT_BYTES / Float.BYTES / width);
        for (int from = 0; from < tokens; from += most) {
            int count = Math.min(most, tokens - from);
            var data = ByteBuffer.allocate(count * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            data.asFloatBuffer().put(rows, from * width, count * width);
            send(EncodeDown.newBuilder()
                    .setSoft(SoftPiece.newBuilder()
                            .setTokenCount(tokens)
                            .setBidirectional(true)
                            .setTokens(SoftTokens.newBuilder()
                                    .setSegment(item)
                                    .setOffset(from)
                                    .setType(SoftType.F32)
                                    .setWidth(width)
                                    .setData(UnsafeByteOperations.unsafeWrap(data))))
                    .build());
        }
        count("soft_tokens", tokens);
    }

    @Override
    public void count(String name, long amount) {
        counts.merge(name, amount, Long::sum);
    }

    void done() throws MediaException {
        long millis = (System.nanoTime() - begun) / 1_000_000;
        send(EncodeDown.newBuilder()
                .setDone(EncodeDone.newBuilder().putAllCounts(counts).setEncodeMillis((int)
                        Math.min(Integer.MAX_VALUE, millis)))
                .build());
    }

    @Override
    public boolean cancelled() {
        return left || expired();
    }

    private boolean expired() {
        return System.nanoTime() - begun > limit.toNanos();
    }

    void cancel() {
        left = true;
        wake();
    }

    void wake() {
        lock.lock();
        try {
            ready.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** What really ended the encode: whatever a reader says after the caller left, or time ran out, follows from that. */
    Throwable explained(Throwable failure) {
        if (left) {
            return MediaException.cancelled();
        }
        return expired() ? tooLong() : failure;
    }

    private MediaException tooLong() {
        return MediaException.tooLarge("encode time: more than " + limit.toSeconds() + " s (expected: at most that)");
    }

    private void send(EncodeDown message) throws MediaException {
        lock.lock();
        try {
            while (!down.isReady()) {
                if (cancelled() || down.isCancelled()) {
                    throw MediaException.cancelled();
                }
                // Woken by the ready and cancel handlers; the time limit needs a look of its own.
                ready.awaitNanos(1_000_000_000L);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw MediaException.cancelled();
        } finally {
            lock.unlock();
        }
        checkCancelled();
        down.onNext(message);
    }
}
