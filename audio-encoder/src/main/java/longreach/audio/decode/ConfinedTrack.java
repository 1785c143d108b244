package longreach.audio.decode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import longreach.audio.AudioException;
import longreach.tensor.process.Child;
import longreach.tensor.process.ChildException;
import longreach.tensor.process.ChildLimits;
import longreach.tensor.process.ChildPool;
import longreach.tensor.process.Message;

/**
 * A track that FFmpeg decodes in a process of its own. A crash, a hang or the memory limit of that process is a fault of
 * this file alone; closing kills it, and so does interrupting the thread that reads.
 */
public final class ConfinedTrack implements AudioTrack {
    private static final long HEAP_BYTES = 64L << 20;
    private static final int MESSAGE_BYTES = 1 << 20;

    private final Child child;
    private final AudioProbe probe;
    private long position;
    private FloatBuffer block = FloatBuffer.allocate(0);
    private boolean ended;

    /**
     * The processes that decode sound for one service.
     *
     * @param memoryBytes what one of them may take
     * @param silence longest time without progress
     */
    public static ChildPool pool(long memoryBytes, Duration silence, int children) {
        return new ChildPool(
                AudioChild.class, new ChildLimits(HEAP_BYTES, memoryBytes, silence, MESSAGE_BYTES, children));
    }

    /**
     * Opens and probes a file.
     *
     * @param probeOnly no sample is asked for: only {@link #probe} has an answer
     * @throws AudioException.Undecodable when it is no media file of a known kind, or its decoder did not survive it
     */
    public static ConfinedTrack open(ChildPool pool, Path file, Clip clip, boolean probeOnly) {
        AudioReader.requireWhole(file);
        return new ConfinedTrack(pool, file, clip, probeOnly);
    }

    private ConfinedTrack(ChildPool pool, Path file, Clip clip, boolean probeOnly) {
        Child taken = null;
        boolean complete = false;
        try {
            taken = pool.take();
            child = taken;
            child.send(file, AudioChild.request(clip, probeOnly));
            probe = probed(expect(child.receive(), AudioChild.PROBED));
            complete = true;
        } catch (ChildException e) {
            throw stopped(e);
        } catch (BufferUnderflowException e) {
            throw broken();
        } finally {
            if (!complete && taken != null) {
                taken.close();
            }
        }
        position = clip.startSample();
    }

    @Override
    public AudioProbe probe() {
        return probe;
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public int read(float[] out, int offset, int length) {
        if (!block.hasRemaining() && !ended) {
            receive();
        }
        if (ended) {
            return -1;
        }
        int n = Math.min(length, block.remaining());
        block.get(out, offset, n);
        position += n;
        return n;
    }

    private void receive() {
        try {
            Message message = child.receive();
            if (message.kind() == AudioChild.END) {
                ended = true;
                return;
            }
            ByteBuffer body = expect(message, AudioChild.SAMPLES);
            long from = body.getLong();
            if (from != position || !body.hasRemaining() || body.remaining() % 4 != 0) {
                throw broken();
            }
            block = body.asFloatBuffer();
        } catch (ChildException e) {
            throw stopped(e);
        } catch (BufferUnderflowException e) {
            throw broken();
        }
    }

    private static ByteBuffer expect(Message message, int kind) {
        if (message.kind() == AudioChild.UNDECODABLE) {
            throw new AudioException.Undecodable(text(message.body()));
        }
        if (message.kind() != kind) {
            throw broken();
        }
        return message.body();
    }

    private static AudioProbe probed(ByteBuffer body) {
        var probe = new AudioProbe(
                text(body),
                text(body),
                body.getLong(),
                body.get() != 0,
                body.getInt(),
                body.getInt(),
                body.get() != 0,
                body.getInt(),
                body.getInt());
        if (probe.durationMillis() < 0 || probe.width() < 0 || probe.height() < 0) {
            throw broken();
        }
        return probe;
    }

    private static String text(ByteBuffer body) {
        byte[] bytes = new byte[Math.min(Short.toUnsignedInt(body.getShort()), body.remaining())];
        body.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static AudioException broken() {
        return new AudioException.Undecodable("media: its decoder answers what it should not (expected: a sound file)");
    }

    private static RuntimeException stopped(ChildException e) {
        return switch (e.kind()) {
            case INTERRUPTED -> new CancellationException("interrupted while decoding");
            case UNAVAILABLE -> new UncheckedIOException(new IOException(e));
            case DIED, SILENT, BROKEN ->
                new AudioException.Undecodable(
                        "media: its decoder stopped: " + e.getMessage() + " (expected: a sound file)");
        };
    }

    @Override
    public void close() {
        child.close();
    }
}
