package longreach.audio.rpc;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import longreach.audio.AudioEncoderProperties;
import longreach.audio.AudioEngine;
import longreach.audio.AudioException;
import longreach.audio.decode.AudioProbe;
import longreach.audio.decode.AudioTrack;
import longreach.audio.decode.Clip;
import longreach.audio.transcript.TranscriptCounts;
import longreach.audio.transcript.TranscriptSegment;
import longreach.audio.transcript.TranscriptSink;
import longreach.v1.EncodeDone;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.EncodeProgress;
import longreach.v1.EncodeUp;
import longreach.v1.MediaPlan;
import longreach.v1.Modality;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;

/**
 * One Encode conversation. Messages are asked for one at a time and spooled; when the caller half-closes a worker
 * transcribes and is from then on the only writer. The call ends exactly once, whoever ends it.
 */
final class EncodeCall implements StreamObserver<EncodeUp> {
    private static final long PROGRESS_NANOS = 250_000_000;

    private final AudioEngine engine;
    private final AudioEncoderProperties properties;
    private final Consumer<Runnable> submit;
    private final ServerCallStreamObserver<EncodeDown> out;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private boolean ended;
    private volatile boolean cancelled;
    private Thread worker;

    private EncodeOpen open;
    private MediaSource source;
    private boolean handedOver;

    static EncodeCall begin(
            AudioEngine engine,
            AudioEncoderProperties properties,
            Consumer<Runnable> submit,
            ServerCallStreamObserver<EncodeDown> out) {
        EncodeCall call = new EncodeCall(engine, properties, submit, out);
        out.disableAutoRequest();
        out.setOnCancelHandler(call::cancel);
        out.setOnReadyHandler(call::signal);
        out.request(1);
        return call;
    }

    private EncodeCall(
            AudioEngine engine,
            AudioEncoderProperties properties,
            Consumer<Runnable> submit,
            ServerCallStreamObserver<EncodeDown> out) {
        this.engine = engine;
        this.properties = properties;
        this.submit = submit;
        this.out = out;
    }

    @Override
    public void onNext(EncodeUp message) {
        if (cancelled || handedOver) {
            return;
        }
        try {
            switch (message.getKindCase()) {
                case OPEN -> open(message.getOpen());
                case DATA -> {
                    requireOpen();
                    source.write(message.getData().asReadOnlyByteBuffer());
                }
                case KIND_NOT_SET -> throw new AudioException.InvalidRequest("message: empty (expected: open or data)");
            }
            out.request(1);
        } catch (Throwable e) {
            fail(e);
        }
    }

    @Override
    public void onError(Throwable t) {
        cancel();
    }

    @Override
    public void onCompleted() {
        if (cancelled || handedOver) {
            return;
        }
        try {
            requireOpen();
            long declared = open.getSizeBytes();
            if (source.isStream() && declared != 0 && declared != source.written()) {
                throw new AudioException.InvalidRequest(
                        "data: " + source.written() + " bytes (expected: size_bytes " + declared + ")");
            }
            handedOver = true;
            submit.accept(this::work);
        } catch (Throwable e) {
            handedOver = false;
            fail(e);
        }
    }

    private void open(EncodeOpen message) {
        if (open != null) {
            throw new AudioException.InvalidRequest("open: given twice (expected: once, first)");
        }
        clip(message);
        source = message.getPath().isEmpty()
                ? MediaSource.ofStream(
                        message.getSizeBytes(), properties.maxBytes().toBytes())
                : MediaSource.ofPath(message.getPath(), properties.mediaRoot());
        open = message;
    }

    private void requireOpen() {
        if (open == null) {
            throw new AudioException.InvalidRequest("open: missing (expected: as the first message)");
        }
    }

    private static Clip clip(EncodeOpen open) {
        return new Clip(open.getOptions().getStartMs(), open.getOptions().getEndMs());
    }

    private void work() {
        lock.lock();
        try {
            worker = Thread.currentThread();
        } finally {
            lock.unlock();
        }
        try {
            EncodeDone done = encode();
            send(EncodeDown.newBuilder().setDone(done).build());
            complete();
        } catch (Throwable e) {
            fail(e);
        } finally {
            lock.lock();
            try {
                worker = null;
                // Do not leave a late interrupt to the thread's next call.
                Thread.interrupted();
            } finally {
                lock.unlock();
            }
        }
    }

    // The spooled file is gone before the caller learns of the end: who sees the end may count on it.
    private EncodeDone encode() throws Exception {
        long begin = System.nanoTime();
        try (MediaSource held = source;
                AudioTrack reader = openUnlessCancelled(held)) {
            AudioProbe probe = reader.probe();
            send(EncodeDown.newBuilder().setPlan(plan(probe)).build());
            EncodeDone.Builder done = EncodeDone.newBuilder().putCounts("audio", probe.hasAudio() ? 1 : 0);
            if (probe.hasAudio() && !open.getPlanOnly()) {
                TranscriptCounts counts = engine.transcriber().transcribe(reader, new Sink(probe, clip(open)));
                done.putCounts("audio_ms", counts.audioMillis())
                        .putCounts("speech_ms", counts.speechMillis())
                        .putCounts("windows", counts.windows())
                        .putCounts("segments", counts.segments());
            }
            return done.setEncodeMillis((int) ((System.nanoTime() - begin) / 1_000_000))
                    .build();
        }
    }

    // It may have waited in the queue for longer than its caller.
    private AudioTrack openUnlessCancelled(MediaSource held) {
        if (cancelled) {
            throw new CancellationException("call cancelled");
        }
        return engine.open(held.file(), clip(open), open.getPlanOnly());
    }

    private static MediaPlan plan(AudioProbe probe) {
        return MediaPlan.newBuilder()
                .setModality(probe.hasVideo() ? Modality.VIDEO : Modality.AUDIO)
                .setDurationMs(probe.durationMillis())
                .setWidth(probe.width())
                .setHeight(probe.height())
                .setHasVideo(probe.hasVideo())
                .setHasAudio(probe.hasAudio())
                .setContainer(probe.container())
                .setCodec(probe.codec())
                .build();
    }

    /** Segments and progress to messages. */
    private final class Sink implements TranscriptSink {
        private final long fromMillis;
        private final long lengthMillis;
        private long lastProgress = System.nanoTime() - PROGRESS_NANOS;
        private double lastFraction;

        Sink(AudioProbe probe, Clip clip) {
            fromMillis = clip.startMillis();
            long end = clip.endMillis() == 0 ? probe.durationMillis() : clip.endMillis();
            if (probe.durationMillis() > 0) {
                end = Math.min(end, probe.durationMillis());
            }
            lengthMillis = end - fromMillis;
        }

        @Override
        public void segment(TranscriptSegment segment) {
            send(EncodeDown.newBuilder()
                    .setText(TextPiece.newBuilder()
                            .setKind(TextPiece.Kind.TRANSCRIPT)
                            .setText(segment.text())
                            .setConfidence(segment.confidence())
                            .setMark(SourceMark.newBuilder()
                                    .setStartMs(segment.startMillis())
                                    .setEndMs(segment.endMillis())))
                    .build());
        }

        @Override
        public void progress(long doneMillis) {
            long now = System.nanoTime();
            if (lengthMillis <= 0 || now - lastProgress < PROGRESS_NANOS) {
                return;
            }
            lastProgress = now;
            lastFraction =
                    Math.max(lastFraction, Math.clamp((doneMillis - fromMillis) / (double) lengthMillis, 0.0, 1.0));
            send(EncodeDown.newBuilder()
                    .setProgress(
                            EncodeProgress.newBuilder().setStage("transcribing").setFraction(lastFraction))
                    .build());
        }

        @Override
        public void checkCancelled() {
            if (cancelled || Thread.currentThread().isInterrupted()) {
                throw new CancellationException("call cancelled");
            }
        }
    }

    // Waits until the caller has room: the back-pressure of the whole pipeline.
    private void send(EncodeDown message) {
        lock.lock();
        try {
            while (!out.isReady() && !cancelled) {
                changed.await();
            }
            if (cancelled || ended) {
                throw new CancellationException("call cancelled");
            }
            out.onNext(message);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while sending");
        } finally {
            lock.unlock();
        }
    }

    private void complete() {
        lock.lock();
        try {
            if (!ended && !cancelled) {
                ended = true;
                out.onCompleted();
            }
        } finally {
            lock.unlock();
        }
    }

    private void fail(Throwable failure) {
        lock.lock();
        try {
            if (!ended && !cancelled) {
                ended = true;
                Status status = StatusMapper.toStatus(failure);
                out.onError(status.asRuntimeException());
            }
            cancelled = true;
        } finally {
            lock.unlock();
        }
        discard();
    }

    // The worker, once it has the source, deletes it itself.
    private void discard() {
        if (!handedOver && source != null) {
            source.close();
        }
    }

    private void cancel() {
        lock.lock();
        try {
            cancelled = true;
            if (worker != null) {
                worker.interrupt();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        discard();
    }

    private void signal() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
