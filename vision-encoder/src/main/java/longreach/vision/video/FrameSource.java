package longreach.vision.video;

import longreach.vision.image.Raster;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaSource;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.ffmpeg.global.swscale;
import org.bytedeco.ffmpeg.swscale.SwsContext;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacv.FFmpegFrameGrabber;
import org.bytedeco.javacv.Frame;
import org.bytedeco.javacv.FrameGrabber;

/**
 * The picture track of a file, decoded by FFmpeg. Frames stay in the decoder's own format until one is asked for as a
 * raster or as a small grey picture. Only local files are opened, and only by the demuxer that the bytes call for, so
 * that no play list or reference inside leads elsewhere. One thread at a time; the opener closes it.
 */
public final class FrameSource implements AutoCloseable {
    static {
        // FFmpeg writes to standard error what it also returns.
        avutil.av_log_set_level(avutil.AV_LOG_QUIET);
    }

    private final FFmpegFrameGrabber grabber;
    private final String name;
    private final long maxPixels;
    private final long firstMillis;
    private SwsContext greyScaler;
    private SwsContext colourScaler;
    private Frame current;
    private byte[] colours = new byte[0];

    private FrameSource(MediaSource source, String demuxer, long maxPixels) throws MediaException {
        this.name = source.name();
        this.maxPixels = maxPixels;
        grabber = new FFmpegFrameGrabber(source.path().toFile());
        grabber.setFormat(demuxer);
        grabber.setOption("protocol_whitelist", "file");
        grabber.setOption("format_whitelist", demuxer);
        grabber.setImageMode(FrameGrabber.ImageMode.RAW);
        // Two threads keep the decoder ahead of recognition; more would take cores from the language model.
        grabber.setVideoOption("threads", "2");
        grabber.setVideoOption("max_pixels", Long.toString(Math.min(maxPixels, Integer.MAX_VALUE)));
        try {
            grabber.start();
        } catch (FFmpegFrameGrabber.Exception | RuntimeException e) {
            close();
            throw MediaException.invalid(
                    name + ": " + reason(e) + " (expected: a sound "
                            + source.type().mimeType() + ")",
                    e);
        }
        long pixels = (long) grabber.getImageWidth() * grabber.getImageHeight();
        if (pixels > maxPixels) {
            String message = name + ": " + grabber.getImageWidth() + " x " + grabber.getImageHeight()
                    + " pixels (expected: at most " + maxPixels + " in all)";
            close();
            throw MediaException.tooLarge(message);
        }
        AVFormatContext format = grabber.getFormatContext();
        long first = format.start_time();
        firstMillis = first == avutil.AV_NOPTS_VALUE ? 0 : first / 1000;
        for (int i = 0; i < format.nb_streams(); i++) {
            AVStream stream = format.streams(i);
            if (stream.codecpar().codec_type() != avutil.AVMEDIA_TYPE_VIDEO) {
                stream.discard(org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_ALL);
            }
        }
    }

    /** @param demuxer FFmpeg's name of the container format */
    static FrameSource open(MediaSource source, String demuxer, long maxPixels) throws MediaException {
        return new FrameSource(source, demuxer, maxPixels);
    }

    /** The one picture of a still image. */
    public static Raster still(MediaSource source, String demuxer, long maxPixels) throws MediaException {
        try (FrameSource frames = open(source, demuxer, maxPixels)) {
            if (!frames.next()) {
                throw MediaException.invalid(source.name() + ": no picture can be decoded (expected: a sound "
                        + source.type().mimeType() + ")");
            }
            return frames.raster(Integer.MAX_VALUE);
        }
    }

    /** FFmpeg's words for an error code when there is one. */
    private static String reason(Exception e) {
        var code = java.util.regex.Pattern.compile("error (-?\\d+)").matcher(String.valueOf(e.getMessage()));
        if (code.find()) {
            byte[] text = new byte[256];
            avutil.av_strerror(Integer.parseInt(code.group(1)), text, text.length);
            int end = 0;
            while (end < text.length && text[end] != 0) {
                end++;
            }
            return new String(text, 0, end, java.nio.charset.StandardCharsets.UTF_8);
        }
        return "cannot be decoded";
    }

    /** A picture track, and not the cover of a recording. */
    boolean hasVideo() {
        AVFormatContext format = grabber.getFormatContext();
        for (int i = 0; i < format.nb_streams(); i++) {
            AVStream stream = format.streams(i);
            if (stream.codecpar().codec_type() == avutil.AVMEDIA_TYPE_VIDEO
                    && (stream.disposition() & avformat.AV_DISPOSITION_ATTACHED_PIC) == 0) {
                return true;
            }
        }
        return false;
    }

    boolean hasAudio() {
        return grabber.hasAudio();
    }

    int width() {
        return grabber.getImageWidth();
    }

    int height() {
        return grabber.getImageHeight();
    }

    String codec() {
        String codec = grabber.getVideoCodecName();
        return codec == null ? "" : codec;
    }

    /** As the container tells; 0 when it does not. */
    long durationMillis() {
        return Math.max(0, grabber.getLengthInTime() / 1000);
    }

    /** By how many degrees clockwise a frame is turned to be seen upright: 0, 90, 180 or 270. */
    int turn() {
        double degrees = grabber.getDisplayRotation();
        return Double.isNaN(degrees) ? 0 : Math.floorMod(-Math.round(degrees / 90) * 90, 360);
    }

    /** Goes to the last key frame at or before the time, so that decoding there starts whole. */
    void seek(long millis) throws MediaException {
        try {
            grabber.setTimestamp(millis * 1000);
        } catch (FFmpegFrameGrabber.Exception e) {
            throw MediaException.invalid(
                    name + ": no frame at " + millis + " ms: " + reason(e) + " (expected: a clip inside the video)", e);
        }
    }

    /** Decodes the next frame; false at the end. */
    boolean next() throws MediaException {
        try {
            current = grabber.grabImage();
            return current != null;
        } catch (FFmpegFrameGrabber.Exception | RuntimeException e) {
            throw MediaException.invalid(name + ": " + reason(e) + " (expected: frames that can be decoded)", e);
        }
    }

    /** Presentation time of the current frame, from the start of the file's own clock. */
    long millis() {
        return current.timestamp / 1000 - firstMillis;
    }

    private AVFrame frame() {
        return (AVFrame) current.opaque;
    }

    /** The current frame shrunk to grey of the given size, u8[height, width] in {@code out}; each value is a mean. */
    void grey(int width, int height, byte[] out) throws MediaException {
        AVFrame frame = frame();
        greyScaler = scaler(greyScaler, frame, width, height, avutil.AV_PIX_FMT_GRAY8, swscale.SWS_AREA);
        scale(greyScaler, frame, width, width * height, out);
    }

    /** The current frame in colour, shrunk to a longest side when it is larger. */
    Raster raster(int longestSide) throws MediaException {
        AVFrame frame = frame();
        long pixels = (long) frame.width() * frame.height();
        if (pixels > maxPixels) {
            throw MediaException.tooLarge(
                    name + ": a frame of " + pixels + " pixels (expected: at most " + maxPixels + ")");
        }
        double shrink = Math.min(1, (double) longestSide / Math.max(frame.width(), frame.height()));
        int width = Math.max(1, (int) Math.round(frame.width() * shrink));
        int height = Math.max(1, (int) Math.round(frame.height() * shrink));
        colourScaler = scaler(
                colourScaler,
                frame,
                width,
                height,
                avutil.AV_PIX_FMT_BGRA,
                shrink < 1 ? swscale.SWS_AREA : swscale.SWS_BILINEAR);
        int bytes = Math.multiplyExact(Math.multiplyExact(width, height), 4);
        if (colours.length != bytes) {
            colours = new byte[bytes];
        }
        scale(colourScaler, frame, width * 4, bytes, colours);
        return Raster.ofBgra(colours, width, height);
    }

    private SwsContext scaler(SwsContext old, AVFrame frame, int width, int height, int format, int how)
            throws MediaException {
        SwsContext context = swscale.sws_getCachedContext(
                old,
                frame.width(),
                frame.height(),
                frame.format(),
                width,
                height,
                format,
                how,
                null,
                null,
                (DoublePointer) null);
        if (context == null || context.isNull()) {
            throw MediaException.invalid(name + ": frames of " + frame.width() + " x " + frame.height()
                    + " in pixel format " + frame.format() + " (expected: one that can be converted)");
        }
        return context;
    }

    private static void scale(SwsContext context, AVFrame frame, int stride, int bytes, byte[] out) {
        // The scaler writes whole vectors: the native buffer is longer than the picture.
        try (BytePointer target = new BytePointer(bytes + 64);
                PointerPointer<BytePointer> planes = new PointerPointer<>(4);
                IntPointer strides = new IntPointer(4)) {
            planes.put(0, target);
            strides.put(0, stride);
            swscale.sws_scale(
                    context, new PointerPointer<>(frame), frame.linesize(), 0, frame.height(), planes, strides);
            target.get(out, 0, bytes);
        }
    }

    @Override
    public void close() {
        if (greyScaler != null) {
            swscale.sws_freeContext(greyScaler);
            greyScaler = null;
        }
        if (colourScaler != null) {
            swscale.sws_freeContext(colourScaler);
            colourScaler = null;
        }
        try {
            grabber.release();
        } catch (FFmpegFrameGrabber.Exception e) {
            throw new IllegalStateException("FFmpeg does not close", e);
        }
    }
}
