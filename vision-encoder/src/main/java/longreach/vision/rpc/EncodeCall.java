package longreach.vision.rpc;

import com.google.protobuf.ByteString;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.EncodeUp;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaSniffer;
import longreach.vision.media.MediaSource;
import longreach.vision.media.MediaType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One encode: takes the open message and the bytes, one message at a time, then reads the file on a virtual thread of
 * its own. The spool file is deleted however the call ends. gRPC calls the observer methods one after another; the
 * cancel handler may come at any time.
 */
final class EncodeCall implements StreamObserver<EncodeUp> {
    private static final Logger log = LoggerFactory.getLogger(EncodeCall.class);

    private final ServerCallStreamObserver<EncodeDown> down;
    private final Map<MediaType.Family, MediaReader> readers;
    private final Intake intake;
    private final StreamSink sink;
    private final Runnable whenEnded;

    private EncodeOpen open;
    private Path spool;
    private FileChannel spoolChannel;
    private long received;
    private volatile boolean ended;
    private volatile Thread worker;

    EncodeCall(
            ServerCallStreamObserver<EncodeDown> down,
            Map<MediaType.Family, MediaReader> readers,
            Intake intake,
            Duration limit,
            Runnable whenEnded) {
        this.down = down;
        this.readers = readers;
        this.intake = intake;
        this.whenEnded = whenEnded;
        this.sink = new StreamSink(down, limit);
        down.disableAutoRequest();
        down.setOnReadyHandler(sink::wake);
        down.setOnCancelHandler(this::left);
        down.request(1);
    }

    @Override
    public void onNext(EncodeUp message) {
        if (ended || worker != null) {
            down.request(1);
            return;
        }
        try {
            switch (message.getKindCase()) {
                case OPEN -> opened(message.getOpen());
                case DATA -> data(message.getData());
                case KIND_NOT_SET -> throw MediaException.invalid("message: empty (expected: open or data)");
            }
            down.request(1);
        } catch (Throwable e) {
            fail(e);
        }
    }

    private void opened(EncodeOpen message) throws MediaException, IOException {
        if (open != null) {
            throw MediaException.invalid("open: a second one (expected: data after the first)");
        }
        intake.check(message);
        open = message;
        if (message.getPath().isEmpty()) {
            spool = intake.spoolFile();
            spoolChannel = FileChannel.open(spool, StandardOpenOption.WRITE);
        } else {
            start(intake.underRoot(message.getPath()));
        }
    }

    private void data(ByteString bytes) throws MediaException, IOException {
        if (open == null) {
            throw MediaException.invalid("open: missing (expected: before any data)");
        }
        received += bytes.size();
        if (received > intake.maxBytes()) {
            throw intake.tooLarge("more than " + intake.maxBytes());
        }
        for (var part : bytes.asReadOnlyByteBufferList()) {
            while (part.hasRemaining()) {
                spoolChannel.write(part);
            }
        }
    }

    @Override
    public void onCompleted() {
        if (ended || worker != null) {
            return;
        }
        try {
            if (open == null) {
                throw MediaException.invalid("open: missing (expected: as the first message)");
            }
            spoolChannel.close();
            if (open.getSizeBytes() != 0 && open.getSizeBytes() != received) {
                throw MediaException.invalid(
                        "sizeBytes: " + open.getSizeBytes() + " (expected: " + received + ", the bytes that arrived)");
            }
            start(spool);
        } catch (Throwable e) {
            fail(e);
        }
    }

    @Override
    public void onError(Throwable failure) {
        left();
    }

    /** The caller is gone: stop decoding at once. */
    private void left() {
        sink.cancel();
        Thread running = worker;
        if (running != null) {
            running.interrupt();
        } else {
            end();
        }
    }

    private void start(Path file) {
        worker = Thread.ofVirtual().name("encode").unstarted(() -> read(file));
        worker.start();
        // The caller may have left between the check and the start.
        if (down.isCancelled()) {
            left();
        }
    }

    private void read(Path file) {
        try {
            long size = Files.size(file);
            MediaType type = MediaSniffer.identify(file, open.getMimeType(), open.getFileName());
            String name = open.getFileName().isEmpty() ? "the file" : open.getFileName();
            var source = new MediaSource(file, name, size, type, open.getOptions());
            MediaReader reader = readers.get(type.family());
            if (open.getSoft()) {
                if (open.getPlanOnly()) {
                    reader.planSoft(source, sink);
                } else {
                    reader.readSoft(source, open.getItemsList(), sink);
                }
            } else if (open.getPlanOnly()) {
                reader.plan(source, sink);
            } else {
                reader.read(source, sink);
            }
            sink.done();
            if (end() && !down.isCancelled()) {
                down.onCompleted();
            }
        } catch (Throwable failure) {
            fail(sink.explained(failure));
        }
    }

    /** Ends the call with an error, unless it has ended. */
    void fail(Throwable failure) {
        if (end() && !down.isCancelled()) {
            down.onError(EncodeErrors.status(failure));
        }
    }

    /** Gives back what the call holds; false when that was done before. */
    private synchronized boolean end() {
        if (ended) {
            return false;
        }
        ended = true;
        try {
            if (spoolChannel != null) {
                spoolChannel.close();
            }
            if (spool != null) {
                Files.deleteIfExists(spool);
            }
        } catch (IOException e) {
            log.warn("a spool file stays behind: {}", spool, e);
        } finally {
            whenEnded.run();
        }
        return true;
    }
}
