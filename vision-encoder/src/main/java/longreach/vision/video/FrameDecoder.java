package longreach.vision.video;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import longreach.vision.image.Raster;
import longreach.vision.media.MediaException;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avcodec.AVPacketSideData;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVInputFormat;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.ffmpeg.global.swscale;
import org.bytedeco.ffmpeg.swscale.SwsContext;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * The picture track of a file, decoded by FFmpeg in this process. Frames stay in the decoder's own format until one is
 * asked for as a raster or as a small grey picture. Only the file that was given is read, by the demuxer that its bytes
 * call for, so that no play list or reference inside leads elsewhere. One thread at a time; the opener closes it.
 *
 * <p>What lies between two frames that are wanted is not decoded where that changes nothing: of the packets read ahead
 * up to the wanted time those before the last key frame are dropped, and of the rest those that no other frame refers to
 * are passed over. The frame that comes out is the one, bit for bit, that decoding everything would have given.
 */
final class FrameDecoder implements AutoCloseable {
    // Compressed packets held while looking for the next key frame; where a file has more, more of it is decoded.
    private static final long MAX_QUEUED_BYTES = 32L << 20;
    private static final int MAX_QUEUED_PACKETS = 4096;

    private final String name;
    private final long maxPixels;
    private final AVFormatContext format;
    private final AVPacket packet = avcodec.av_packet_alloc();
    private final AVFrame frame = avutil.av_frame_alloc();
    private final ArrayDeque<AVPacket> queue = new ArrayDeque<>();
    private final Runnable step;

    private int streamIndex = -1;
    private AVCodecContext codec;
    private AVRational timeBase;
    private long firstMillis;
    private double frameMillis = 40;
    private long queuedBytes;
    private boolean inputEnded;
    private boolean draining;
    private boolean hasAudio;
    private long millis = -1;
    private SwsContext greyScaler;
    private SwsContext colourScaler;
    private byte[] colours = new byte[0];

    /**
     * @param url {@code fd:} for a descriptor, or {@code file:} and a path
     * @param descriptor of an open file; used with {@code fd:}
     * @param demuxer FFmpeg's name of the container format
     * @param step called now and then while decoding goes on
     */
    FrameDecoder(String url, int descriptor, String name, String demuxer, long maxPixels, Runnable step)
            throws MediaException {
        this.name = name;
        this.maxPixels = maxPixels;
        this.step = step;
        // FFmpeg writes to standard error what it also returns.
        avutil.av_log_set_level(avutil.AV_LOG_QUIET);
        AVInputFormat input = avformat.av_find_input_format(demuxer);
        if (input == null || input.isNull()) {
            throw new IllegalStateException(demuxer + " is no format that this FFmpeg reads");
        }
        var options = new AVDictionary(null);
        var opened = new AVFormatContext(null);
        try {
            String protocol = url.substring(0, url.indexOf(':'));
            avutil.av_dict_set(options, "protocol_whitelist", protocol, 0);
            avutil.av_dict_set(options, "format_whitelist", demuxer, 0);
            if (protocol.equals("fd")) {
                avutil.av_dict_set(options, "fd", Integer.toString(descriptor), 0);
            }
            check(avformat.avformat_open_input(opened, url, input, options), "cannot be opened");
        } catch (MediaException e) {
            avcodec.av_packet_free(packet);
            avutil.av_frame_free(frame);
            throw e;
        } finally {
            avutil.av_dict_free(options);
        }
        format = opened;
        boolean complete = false;
        try {
            check(avformat.avformat_find_stream_info(format, (PointerPointer<?>) null), "no streams");
            openVideo();
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    private void openVideo() throws MediaException {
        long first = format.start_time();
        firstMillis = first == avutil.AV_NOPTS_VALUE ? 0 : first / 1000;
        int best = avformat.av_find_best_stream(format, avutil.AVMEDIA_TYPE_VIDEO, -1, -1, (AVCodec) null, 0);
        for (int i = 0; i < format.nb_streams(); i++) {
            AVStream stream = format.streams(i);
            int type = stream.codecpar().codec_type();
            hasAudio |= type == avutil.AVMEDIA_TYPE_AUDIO;
            // A recording's cover is no video.
            boolean cover = (stream.disposition() & avformat.AV_DISPOSITION_ATTACHED_PIC) != 0;
            if (type == avutil.AVMEDIA_TYPE_VIDEO && !cover && (streamIndex < 0 || i == best)) {
                streamIndex = i;
            }
        }
        for (int i = 0; i < format.nb_streams(); i++) {
            if (i != streamIndex) {
                format.streams(i).discard(avcodec.AVDISCARD_ALL);
            }
        }
        if (streamIndex < 0) {
            return;
        }
        AVStream stream = format.streams(streamIndex);
        timeBase = stream.time_base();
        AVRational rate = stream.avg_frame_rate();
        if (rate.num() > 0 && rate.den() > 0) {
            frameMillis = Math.clamp(1000.0 * rate.den() / rate.num(), 1, 10_000);
        }
        checkSize(stream.codecpar().width(), stream.codecpar().height());
        AVCodec decoder = avcodec.avcodec_find_decoder(stream.codecpar().codec_id());
        if (decoder == null || decoder.isNull()) {
            throw MediaException.invalid(
                    name + ": video codec " + codec() + " (expected: one that FFmpeg decodes in software)");
        }
        codec = avcodec.avcodec_alloc_context3(decoder);
        check(avcodec.avcodec_parameters_to_context(codec, stream.codecpar()), "broken parameters");
        codec.pkt_timebase(timeBase);
        // Two threads keep the decoder ahead of recognition; more would take cores from the language model.
        codec.thread_count(2);
        codec.max_pixels(Math.min(maxPixels, Integer.MAX_VALUE));
        check(avcodec.avcodec_open2(codec, decoder, (AVDictionary) null), "the decoder does not open");
    }

    private void checkSize(int width, int height) throws MediaException {
        if ((long) width * height > maxPixels) {
            throw MediaException.tooLarge(
                    name + ": " + width + " x " + height + " pixels (expected: at most " + maxPixels + " in all)");
        }
    }

    private void check(int code, String what) throws MediaException {
        if (code < 0) {
            throw MediaException.invalid(name + ": " + what + ": " + words(code) + " (expected: a sound file)");
        }
    }

    /** FFmpeg's words for an error code. */
    static String words(int code) {
        byte[] text = new byte[256];
        avutil.av_strerror(code, text, text.length);
        int end = 0;
        while (end < text.length && text[end] != 0) {
            end++;
        }
        return new String(text, 0, end, StandardCharsets.UTF_8);
    }

    /** A picture track, and not the cover of a recording. */
    boolean hasVideo() {
        return streamIndex >= 0;
    }

    boolean hasAudio() {
        return hasAudio;
    }

    int width() {
        return hasVideo() ? format.streams(streamIndex).codecpar().width() : 0;
    }

    int height() {
        return hasVideo() ? format.streams(streamIndex).codecpar().height() : 0;
    }

    String codec() {
        return hasVideo()
                ? avcodec.avcodec_get_name(
                                format.streams(streamIndex).codecpar().codec_id())
                        .getString()
                : "";
    }

    /** As the container tells; 0 when it does not. */
    long durationMillis() {
        return format.duration() == avutil.AV_NOPTS_VALUE ? 0 : Math.max(0, format.duration() / 1000);
    }

    /** By how many degrees clockwise a frame is turned to be seen upright: 0, 90, 180 or 270. */
    int turn() {
        if (!hasVideo()) {
            return 0;
        }
        var parameters = format.streams(streamIndex).codecpar();
        AVPacketSideData matrix = avcodec.av_packet_side_data_get(
                parameters.coded_side_data(), parameters.nb_coded_side_data(), avcodec.AV_PKT_DATA_DISPLAYMATRIX);
        if (matrix == null || matrix.isNull() || matrix.size() < 36) {
            return 0;
        }
        double degrees = avutil.av_display_rotation_get(new IntPointer(matrix.data()));
        return Double.isNaN(degrees) ? 0 : (int) Math.floorMod(-Math.round(degrees / 90) * 90, 360L);
    }

    /** Goes to the last key frame at or before the time, so that decoding there starts whole. */
    void seek(long toMillis) throws MediaException {
        int code = avformat.av_seek_frame(format, -1, (toMillis + firstMillis) * 1000, avformat.AVSEEK_FLAG_BACKWARD);
        // A stream without an index cannot be sought in: it is read from its start.
        if (code < 0 && toMillis > 0 && durationMillis() > 0 && toMillis >= durationMillis()) {
            throw MediaException.invalid(name + ": no frame at " + toMillis + " ms: " + words(code)
                    + " (expected: a clip inside the video)");
        }
    }

    /**
     * Decodes up to the first frame at or behind a time; false at the end, and where there is no picture track.
     *
     * @param due in milliseconds
     * @param grid where later frames will be asked for
     */
    boolean next(double due, SampleGrid grid) throws MediaException {
        if (!hasVideo()) {
            return false;
        }
        double chosen = Double.POSITIVE_INFINITY;
        while (true) {
            step.run();
            avutil.av_frame_unref(frame);
            int code = avcodec.avcodec_receive_frame(codec, frame);
            if (code >= 0) {
                millis = timeOf(frame.best_effort_timestamp());
                if (SampleGrid.reaches(millis, due)) {
                    return true;
                }
            } else if (code == avutil.AVERROR_EOF()) {
                return false;
            } else if (code == avutil.AVERROR_ENOMEM()) {
                throw MediaException.tooLarge(name + ": its frames need more memory than a decoder may take");
            } else if (draining) {
                // A decoder that was told of the end answers with frames or the end.
                return false;
            } else {
                // It wants more, or the last packet was damaged.
                chosen = feed(due, grid, chosen);
            }
        }
    }

    // Bare streams and broken clocks: frames follow each other at the frame rate in any case.
    private long timeOf(long timestamp) {
        long time = millisOf(timestamp);
        if (timestamp == avutil.AV_NOPTS_VALUE) {
            return millis < 0 ? 0 : millis + Math.round(frameMillis);
        }
        return time < millis ? millis + 1 : time;
    }

    private long millisOf(long timestamp) {
        return timestamp == avutil.AV_NOPTS_VALUE
                ? Long.MIN_VALUE
                : (long) Math.floor(timestamp * 1000.0 * timeBase.num() / timeBase.den()) - firstMillis;
    }

    /** @return the earliest time at or behind the wanted one among packets that were sent */
    private double feed(double due, SampleGrid grid, double chosen) throws MediaException {
        if (queue.isEmpty() && !inputEnded) {
            lookAhead(due);
        }
        AVPacket next = queue.poll();
        if (next == null) {
            draining = true;
            avcodec.avcodec_send_packet(codec, (AVPacket) null);
            return chosen;
        }
        queuedBytes -= next.size();
        double at = millisOf(next.pts());
        boolean timed = next.pts() != avutil.AV_NOPTS_VALUE;
        boolean wanted = !timed || SampleGrid.reaches((long) at, due) && at <= chosen;
        boolean behind = timed && at > chosen && SampleGrid.reaches((long) at, grid.after((long) chosen));
        codec.skip_frame(wanted || behind ? avcodec.AVDISCARD_DEFAULT : avcodec.AVDISCARD_NONREF);
        // What a damaged packet lacks shows in the frames that come out, or do not.
        avcodec.avcodec_send_packet(codec, next);
        avcodec.av_packet_free(next);
        return wanted && timed ? at : chosen;
    }

    /** Reads packets up to one at or behind the time, and drops those that a later key frame makes needless. */
    private void lookAhead(double due) throws MediaException {
        boolean reached = false;
        int key = 0;
        while (!reached && !inputEnded && queuedBytes < MAX_QUEUED_BYTES && queue.size() < MAX_QUEUED_PACKETS) {
            step.run();
            int code = avformat.av_read_frame(format, packet);
            if (code < 0) {
                inputEnded = true;
                if (code != avutil.AVERROR_EOF() && queue.isEmpty() && millis < 0) {
                    check(code, "cannot be read");
                }
                break;
            }
            if (packet.stream_index() == streamIndex) {
                long at = millisOf(packet.pts());
                reached = packet.pts() == avutil.AV_NOPTS_VALUE || SampleGrid.reaches(at, due);
                boolean isKey = (packet.flags() & avcodec.AV_PKT_FLAG_KEY) != 0;
                if (isKey && packet.pts() != avutil.AV_NOPTS_VALUE && at <= due) {
                    key = queue.size();
                }
                queuedBytes += packet.size();
                AVPacket kept = avcodec.av_packet_alloc();
                avcodec.av_packet_move_ref(kept, packet);
                queue.add(kept);
            }
            avcodec.av_packet_unref(packet);
        }
        if (key > 0) {
            for (int i = 0; i < key; i++) {
                AVPacket dropped = queue.poll();
                queuedBytes -= dropped.size();
                avcodec.av_packet_free(dropped);
            }
            avcodec.avcodec_flush_buffers(codec);
        }
    }

    /** Presentation time of the current frame, from the start of the file's own clock. */
    long millis() {
        return millis;
    }

    /** The current frame shrunk to grey of the given size, u8[height, width] in {@code out}; each value is a mean. */
    void grey(int width, int height, byte[] out) throws MediaException {
        greyScaler = scaler(greyScaler, width, height, avutil.AV_PIX_FMT_GRAY8, swscale.SWS_AREA);
        scale(greyScaler, width, width * height, out);
    }

    /** The current frame in colour, shrunk to a longest side when it is larger, and not turned. */
    Picture picture(int longestSide) throws MediaException {
        checkSize(frame.width(), frame.height());
        double shrink = Math.min(1, (double) longestSide / Math.max(frame.width(), frame.height()));
        int width = Math.max(1, (int) Math.round(frame.width() * shrink));
        int height = Math.max(1, (int) Math.round(frame.height() * shrink));
        int how = shrink < 1 ? swscale.SWS_AREA : swscale.SWS_BILINEAR;
        colourScaler = scaler(colourScaler, width, height, avutil.AV_PIX_FMT_BGRA, how);
        int bytes = Math.multiplyExact(Math.multiplyExact(width, height), 4);
        if (colours.length != bytes) {
            colours = new byte[bytes];
        }
        scale(colourScaler, width * 4, bytes, colours);
        return new Picture(width, height, colours);
    }

    /** @param bgra u8[height, width, 4]; the decoder's until its next picture */
    record Picture(int width, int height, byte[] bgra) {
        Raster raster() {
            return Raster.ofBgra(bgra, width, height);
        }
    }

    private SwsContext scaler(SwsContext old, int width, int height, int pixels, int how) throws MediaException {
        SwsContext context = swscale.sws_getCachedContext(
                old,
                frame.width(),
                frame.height(),
                frame.format(),
                width,
                height,
                pixels,
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

    private void scale(SwsContext context, int stride, int bytes, byte[] out) {
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
        for (AVPacket left = queue.poll(); left != null; left = queue.poll()) {
            avcodec.av_packet_free(left);
        }
        avcodec.av_packet_free(packet);
        avutil.av_frame_free(frame);
        if (codec != null) {
            avcodec.avcodec_free_context(codec);
            codec = null;
        }
        avformat.avformat_close_input(format);
    }
}
