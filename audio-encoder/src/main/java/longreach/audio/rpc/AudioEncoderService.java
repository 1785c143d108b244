package longreach.audio.rpc;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import longreach.audio.AudioEncoderProperties;
import longreach.audio.AudioEngine;
import longreach.audio.AudioException;
import longreach.v1.AudioEncoderGrpc;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeUp;
import longreach.v1.EncoderDescription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** longreach.v1.AudioEncoder. Transcriptions run on a bounded set of platform threads, since decoding is native. */
public final class AudioEncoderService extends AudioEncoderGrpc.AudioEncoderImplBase implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(AudioEncoderService.class);

    private static final List<String> MIME_TYPES = List.of(
            "audio/aac",
            "audio/ac3",
            "audio/aiff",
            "audio/amr",
            "audio/basic",
            "audio/flac",
            "audio/m4a",
            "audio/mp3",
            "audio/mp4",
            "audio/mpeg",
            "audio/ogg",
            "audio/opus",
            "audio/wav",
            "audio/webm",
            "audio/x-caf",
            "audio/x-m4a",
            "audio/x-wav",
            "video/3gpp",
            "video/avi",
            "video/mov",
            "video/mp4",
            "video/mpeg",
            "video/mpg",
            "video/ogg",
            "video/quicktime",
            "video/webm",
            "video/wmv",
            "video/x-flv",
            "video/x-matroska",
            "video/x-ms-wmv");

    private final AudioEngine engine;
    private final AudioEncoderProperties properties;
    private final ThreadPoolExecutor workers;

    public AudioEncoderService(AudioEngine engine, AudioEncoderProperties properties) {
        this.engine = engine;
        this.properties = properties;
        BlockingQueue<Runnable> queue =
                properties.queued() == 0 ? new SynchronousQueue<>() : new ArrayBlockingQueue<>(properties.queued());
        workers = new ThreadPoolExecutor(
                properties.concurrent(),
                properties.concurrent(),
                30,
                TimeUnit.SECONDS,
                queue,
                Thread.ofPlatform().daemon().name("audio-encode-", 0).factory());
        workers.allowCoreThreadTimeOut(true);
    }

    @Override
    public void describe(DescribeEncoderRequest request, StreamObserver<EncoderDescription> out) {
        String fingerprint;
        try {
            fingerprint = engine.fingerprint();
        } catch (Throwable e) {
            Status status = StatusMapper.toStatus(e);
            out.onError(status.asRuntimeException());
            return;
        }
        out.onNext(EncoderDescription.newBuilder()
                .setFingerprint(fingerprint)
                .addAllMimeTypes(MIME_TYPES)
                .build());
        out.onCompleted();
    }

    @Override
    public StreamObserver<EncodeUp> encode(StreamObserver<EncodeDown> out) {
        return EncodeCall.begin(engine, properties, this::submit, (ServerCallStreamObserver<EncodeDown>) out);
    }

    private void submit(Runnable job) {
        try {
            workers.execute(job);
        } catch (RejectedExecutionException e) {
            throw new AudioException.Busy("audio encoder: " + properties.concurrent() + " recordings under way and "
                    + properties.queued() + " waiting (expected: fewer; try again later)");
        }
    }

    /** Interrupts what is under way and waits for it to let go of the models. */
    @Override
    public void close() {
        workers.shutdownNow();
        try {
            if (!workers.awaitTermination(10, TimeUnit.SECONDS)) {
                log.warn("a recording is still under way");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
