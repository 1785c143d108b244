package longreach.vision.video;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import longreach.tensor.process.Child;
import longreach.tensor.process.ChildException;
import longreach.tensor.process.ChildLimits;
import longreach.tensor.process.ChildPool;
import longreach.tensor.process.Message;
import longreach.vision.image.Raster;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaSource;

/**
 * The pictures of a file, decoded by FFmpeg in a process of its own. A crash, a hang or the memory limit of that process
 * is a fault of this file alone; closing kills it. One thread at a time; the opener closes it.
 */
public final class FrameSource implements AutoCloseable {
    private static final long HEAP_BYTES = 512L << 20;
    // A frame's head, and room for a fault's words.
    private static final int HEAD_BYTES = 1 << 16;

    private final Child child;
    private final String name;
    private final boolean hasVideo;
    private final boolean hasAudio;
    private final int width;
    private final int height;
    private final int turn;
    private final long durationMillis;
    private final String codec;
    private long millis;
    private boolean isNew;
    private int frameWidth;
    private int frameHeight;
    private ByteBuffer pixels;

    /**
     * The processes that decode pictures for one service.
     *
     * @param memoryBytes what one of them may take
     * @param silence longest time without progress
     * @param maxPixels of a frame
     */
    public static ChildPool pool(long memoryBytes, Duration silence, long maxPixels, int children) {
        long message = Math.min(4 * maxPixels + HEAD_BYTES, HEAP_BYTES);
        return new ChildPool(
                FrameChild.class, new ChildLimits(HEAP_BYTES, memoryBytes, silence, (int) message, children));
    }

    private FrameSource(ChildPool pool, MediaSource source, FrameRequest request) throws MediaException {
        name = source.name();
        Child taken = null;
        boolean complete = false;
        try {
            taken = pool.take();
            child = taken;
            child.send(source.path(), request.bytes());
            ByteBuffer probe = expect(child.receive(), FrameRequest.PROBED);
            hasVideo = probe.get() != 0;
            hasAudio = probe.get() != 0;
            width = probe.getInt();
            height = probe.getInt();
            turn = probe.getInt();
            durationMillis = probe.getLong();
            codec = text(probe);
            if (width < 0 || height < 0 || durationMillis < 0 || turn < 0 || turn % 90 != 0) {
                throw broken();
            }
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
    }

    /** What the headers say. */
    static FrameSource probe(ChildPool pool, MediaSource source, String demuxer, long maxPixels) throws MediaException {
        return new FrameSource(
                pool,
                source,
                new FrameRequest(source.name(), demuxer, maxPixels, FrameRequest.What.PROBE, 0, 0, 1, 1, true));
    }

    /** The frames that a grid of times asks for, up to an end. */
    static FrameSource frames(
            ChildPool pool,
            MediaSource source,
            String demuxer,
            long maxPixels,
            SampleGrid grid,
            long endMillis,
            int longestSide,
            boolean dropUnchanged)
            throws MediaException {
        return new FrameSource(
                pool,
                source,
                new FrameRequest(
                        source.name(),
                        demuxer,
                        maxPixels,
                        FrameRequest.What.FRAMES,
                        grid.startMillis(),
                        endMillis,
                        grid.intervalMillis(),
                        longestSide,
                        dropUnchanged));
    }

    /** The one picture of a still image. */
    public static Raster still(ChildPool pool, MediaSource source, String demuxer, long maxPixels)
            throws MediaException {
        var request = new FrameRequest(
                source.name(), demuxer, maxPixels, FrameRequest.What.STILL, 0, 0, 1, Integer.MAX_VALUE, false);
        try (var frames = new FrameSource(pool, source, request)) {
            if (!frames.hasVideo || !frames.next()) {
                throw MediaException.invalid(source.name() + ": no picture can be decoded (expected: a sound "
                        + source.type().mimeType() + ")");
            }
            return frames.raster();
        }
    }

    /** The operating system's number of the decoding process. */
    long pid() {
        return child.pid();
    }

    boolean hasVideo() {
        return hasVideo;
    }

    boolean hasAudio() {
        return hasAudio;
    }

    int width() {
        return width;
    }

    int height() {
        return height;
    }

    /** By how many degrees clockwise a frame is turned to be seen upright: 0, 90, 180 or 270. */
    int turn() {
        return turn;
    }

    /** As the container tells; 0 when it does not. */
    long durationMillis() {
        return durationMillis;
    }

    String codec() {
        return codec;
    }

    /** Takes the next frame; false at the end. Interrupting the thread ends the process and the call. */
    boolean next() throws MediaException {
        try {
            Message message = child.receive();
            if (message.kind() == FrameRequest.END) {
                return false;
            }
            ByteBuffer frame = expect(message, FrameRequest.FRAME);
            millis = frame.getLong();
            isNew = frame.get() != 0;
            frameWidth = frame.getInt();
            frameHeight = frame.getInt();
            long bytes = isNew ? 4L * frameWidth * frameHeight : 0;
            if (isNew && (frameWidth < 1 || frameHeight < 1) || bytes != frame.remaining()) {
                throw broken();
            }
            pixels = frame;
            return true;
        } catch (ChildException e) {
            throw stopped(e);
        } catch (BufferUnderflowException e) {
            throw broken();
        }
    }

    /** Presentation time of the current frame, from the start of the file's own clock. */
    long millis() {
        return millis;
    }

    /** Whether the current frame shows something new, and so has a raster. */
    boolean isNew() {
        return isNew;
    }

    /** The current frame in colour, as it is stored: not turned. */
    Raster raster() {
        byte[] bytes = new byte[pixels.remaining()];
        pixels.duplicate().get(bytes);
        return Raster.ofBgra(bytes, frameWidth, frameHeight);
    }

    private ByteBuffer expect(Message message, int kind) throws MediaException {
        ByteBuffer body = message.body();
        if (message.kind() == FrameRequest.FAULT) {
            int fault = body.get();
            String reason = text(body);
            throw fault == MediaException.Fault.TOO_LARGE.ordinal()
                    ? MediaException.tooLarge(reason)
                    : MediaException.invalid(reason);
        }
        if (message.kind() != kind) {
            throw broken();
        }
        return body;
    }

    private static String text(ByteBuffer body) {
        byte[] bytes = new byte[Math.min(Short.toUnsignedInt(body.getShort()), body.remaining())];
        body.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private MediaException broken() {
        return MediaException.invalid(name + ": its decoder answers what it should not (expected: a sound file)");
    }

    private MediaException stopped(ChildException e) {
        return switch (e.kind()) {
            case INTERRUPTED -> MediaException.cancelled();
            case UNAVAILABLE -> MediaException.busy(name + ": " + e.getMessage());
            case DIED, SILENT, BROKEN ->
                MediaException.invalid(
                        name + ": its decoder stopped: " + e.getMessage() + " (expected: a sound file)", e);
        };
    }

    @Override
    public void close() {
        child.close();
    }
}
