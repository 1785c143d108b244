package longreach.audio.decode;

import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_unref;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_alloc_context3;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_find_decoder;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_free_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_get_name;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_open2;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_parameters_to_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_receive_frame;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_send_packet;
import static org.bytedeco.ffmpeg.global.avformat.AVFMT_DURATION_FROM_BITRATE;
import static org.bytedeco.ffmpeg.global.avformat.AVSEEK_FLAG_BACKWARD;
import static org.bytedeco.ffmpeg.global.avformat.av_find_best_stream;
import static org.bytedeco.ffmpeg.global.avformat.av_read_frame;
import static org.bytedeco.ffmpeg.global.avformat.av_seek_frame;
import static org.bytedeco.ffmpeg.global.avformat.avformat_close_input;
import static org.bytedeco.ffmpeg.global.avformat.avformat_find_stream_info;
import static org.bytedeco.ffmpeg.global.avformat.avformat_open_input;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_DECODER_NOT_FOUND;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_AUDIO;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_VIDEO;
import static org.bytedeco.ffmpeg.global.avutil.AV_LOG_QUIET;
import static org.bytedeco.ffmpeg.global.avutil.AV_NOPTS_VALUE;
import static org.bytedeco.ffmpeg.global.avutil.AV_TIME_BASE;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_free;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_set;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_unref;
import static org.bytedeco.ffmpeg.global.avutil.av_log_set_level;
import static org.bytedeco.ffmpeg.global.avutil.av_strerror;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import longreach.audio.AudioException;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;

/**
 * A track that FFmpeg decodes in this process: {@link ConfinedTrack} has it done in another.
 *
 * <p>Positions are samples of media time: {@link #position} is where the next sample read lies. Holes in the track
 * (packets lost, a track that starts late) come out as silence, so that times stay true.
 */
public final class AudioReader implements AudioTrack {
    public static final int SAMPLE_RATE = 16_000;
    public static final int SAMPLES_PER_MILLI = SAMPLE_RATE / 1000;

    /**
     * Containers that are opened. Playlists (hls, concat, dash), image sequences, devices and filters are left out:
     * they name other files.
     */
    private static final String CONTAINERS = "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,gxf,"
            + "ivf,m4v,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,nut,oga,ogg,rm,swf,tta,voc,"
            + "w64,wav,wv,h264,hevc,gif,apng";

    // Shorter holes are jitter of the container's clock.
    private static final long HOLE_SAMPLES = SAMPLE_RATE / 4;
    // A longer jump is a broken clock rather than a hole.
    private static final long MAX_HOLE_SAMPLES = 3600L * SAMPLE_RATE;
    // Seek somewhat early: the first packets after a seek may decode to nothing.
    private static final long SEEK_MARGIN_MILLIS = 2000;

    // Writers that stream a WAV leave its length at the largest number; that is no promise.
    private static final double UNKNOWN_LENGTH_SECONDS = 4 * 3600.0;

    private final AVFormatContext format;
    private final AVPacket packet;
    private final AVFrame frame;
    private final AudioProbe probe;
    private final Clip clip;
    private final double formatStartSeconds;

    private int streamIndex = -1;
    private AVCodecContext codec;
    private double timeBase;
    private Resampler resampler;

    private long position;
    private boolean positioned;
    // Samples without a timestamp dropped before the clip.
    private long skipped;
    private long silence;
    private boolean inputEnded;
    private boolean ended;
    private long framesDecoded;
    private long packetsRefused;
    private Runnable step = () -> {};
    private float[] pending = new float[0];
    private int pendingFrom;
    private int pendingTo;

    /**
     * Opens and probes a file.
     *
     * @throws AudioException.Undecodable when it is no media file of a known kind
     */
    public static AudioReader open(Path file, Clip clip) {
        requireWhole(file);
        return new AudioReader("file:" + file.toAbsolutePath(), -1, clip);
    }

    /** The same of an open file. @param descriptor that stays open until the reader is closed */
    static AudioReader open(int descriptor, Clip clip) {
        return new AudioReader("fd:", descriptor, clip);
    }

    /** @throws AudioException.Undecodable when a file is empty, or is a WAV with less in it than it says */
    static void requireWhole(Path file) {
        try {
            if (Files.size(file) == 0) {
                throw new AudioException.Undecodable("media: 0 bytes (expected: an audio or video file)");
            }
            long missing = RiffLength.missingBytes(file);
            if (missing > 0) {
                throw new AudioException.Undecodable("media: " + missing
                        + " bytes less than its WAV header says (expected: a file that is not truncated)");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private AudioReader(String url, int descriptor, Clip clip) {
        this.clip = clip;
        av_log_set_level(AV_LOG_QUIET);
        AVDictionary options = new AVDictionary(null);
        AVFormatContext opened = new AVFormatContext(null);
        try {
            av_dict_set(options, "protocol_whitelist", url.substring(0, url.indexOf(':')), 0);
            av_dict_set(options, "format_whitelist", CONTAINERS, 0);
            if (descriptor >= 0) {
                av_dict_set(options, "fd", Integer.toString(descriptor), 0);
            }
            int rc = avformat_open_input(opened, url, null, options);
            if (rc < 0) {
                throw new AudioException.Undecodable("media: not readable as audio or video: " + reason(rc)
                        + " (expected: a complete file in a common container)");
            }
        } finally {
            av_dict_free(options);
        }
        format = opened;
        packet = av_packet_alloc();
        frame = av_frame_alloc();
        boolean complete = false;
        try {
            int rc = avformat_find_stream_info(format, (org.bytedeco.javacpp.PointerPointer<?>) null);
            if (rc < 0) {
                throw new AudioException.Undecodable("media: no readable streams: " + reason(rc));
            }
            formatStartSeconds =
                    format.start_time() == AV_NOPTS_VALUE ? 0 : format.start_time() / (double) AV_TIME_BASE;
            probe = openAudio();
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
        position = clip.startSample();
        seek();
    }

    @Override
    public AudioProbe probe() {
        return probe;
    }

    @Override
    public long position() {
        return position;
    }

    /** @param step called between the steps of decoding */
    void onStep(Runnable step) {
        this.step = step;
    }

    @Override
    public int read(float[] out, int offset, int length) {
        while (!ended) {
            long left = Math.min(length, clip.endSample() - position);
            if (left <= 0) {
                ended = true;
                break;
            }
            if (silence > 0) {
                int n = (int) Math.min(left, silence);
                java.util.Arrays.fill(out, offset, offset + n, 0f);
                silence -= n;
                position += n;
                return n;
            }
            if (pendingFrom < pendingTo) {
                int n = (int) Math.min(left, pendingTo - pendingFrom);
                System.arraycopy(pending, pendingFrom, out, offset, n);
                pendingFrom += n;
                position += n;
                return n;
            }
            fill();
        }
        return -1;
    }

    private AudioProbe openAudio() {
        String container = format.iformat().name().getString();
        int video = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, (AVCodec) null, 0);
        int width = video < 0 ? 0 : format.streams(video).codecpar().width();
        int height = video < 0 ? 0 : format.streams(video).codecpar().height();
        long durationMillis =
                format.duration() == AV_NOPTS_VALUE ? 0 : Math.max(0, format.duration() / (AV_TIME_BASE / 1000));
        int audio = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, (AVCodec) null, 0);
        if (audio < 0) {
            if (video < 0 || audio == AVERROR_DECODER_NOT_FOUND()) {
                throw new AudioException.Undecodable(
                        "media: " + container + " without an audio or video track that can be decoded");
            }
            return new AudioProbe(container, "", durationMillis, false, 0, 0, true, width, height);
        }
        AVStream stream = format.streams(audio);
        int codecId = stream.codecpar().codec_id();
        AVCodec decoder = avcodec_find_decoder(codecId);
        String codecName = avcodec_get_name(codecId).getString();
        if (decoder == null || decoder.isNull()) {
            throw new AudioException.Undecodable("audio codec: " + codecName + " (expected: one that FFmpeg decodes)");
        }
        codec = avcodec_alloc_context3(decoder);
        avcodec_parameters_to_context(codec, stream.codecpar());
        codec.thread_count(1);
        int rc = avcodec_open2(codec, decoder, (AVDictionary) null);
        if (rc < 0) {
            throw new AudioException.Undecodable("audio codec: " + codecName + " does not open: " + reason(rc));
        }
        for (int i = 0; i < format.nb_streams(); i++) {
            if (i != audio) {
                format.streams(i).discard(org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_ALL);
            }
        }
        streamIndex = audio;
        timeBase = stream.time_base().num() / (double) stream.time_base().den();
        return new AudioProbe(
                container,
                codecName,
                durationMillis,
                true,
                stream.codecpar().sample_rate(),
                stream.codecpar().ch_layout().nb_channels(),
                video >= 0,
                width,
                height);
    }

    // Only containers with an index seek to true times; the others are decoded through, hundreds of times faster than
    // they play.
    private void seek() {
        String container = probe.container();
        boolean indexed = container.contains("mp4") || container.contains("matroska");
        if (!probe.hasAudio() || !indexed || clip.startMillis() <= 2 * SEEK_MARGIN_MILLIS) {
            return;
        }
        long micros = (clip.startMillis() - SEEK_MARGIN_MILLIS) * 1000 + Math.round(formatStartSeconds * AV_TIME_BASE);
        av_seek_frame(format, -1, micros, AVSEEK_FLAG_BACKWARD);
    }

    private void fill() {
        step.run();
        if (!probe.hasAudio()) {
            ended = true;
            return;
        }
        int rc = avcodec_receive_frame(codec, frame);
        if (rc >= 0) {
            framesDecoded++;
            take();
            av_frame_unref(frame);
        } else if (rc == AVERROR_EOF()) {
            finish();
        } else if (inputEnded) {
            // A decoder that was told of the end answers with frames or the end; anything else is a broken stream.
            finish();
        } else {
            feed();
        }
    }

    private void feed() {
        int rc = av_read_frame(format, packet);
        if (rc == AVERROR_EOF()) {
            inputEnded = true;
            avcodec_send_packet(codec, (AVPacket) null);
            return;
        }
        if (rc < 0) {
            throw new AudioException.Undecodable(
                    "media: reading stops at " + seconds(position) + " of " + declared() + ": " + reason(rc));
        }
        try {
            if (packet.stream_index() == streamIndex && avcodec_send_packet(codec, packet) < 0) {
                packetsRefused++;
            }
        } finally {
            av_packet_unref(packet);
        }
    }

    // A decoded frame becomes pending samples, placed by its timestamp.
    private void take() {
        if (frame.nb_samples() <= 0 || frame.sample_rate() <= 0) {
            return;
        }
        if (resampler == null || !resampler.fits(frame)) {
            if (resampler != null) {
                resampler.close();
            }
            resampler = new Resampler(frame);
        }
        long at = position;
        long pts = frame.best_effort_timestamp();
        if (pts != AV_NOPTS_VALUE) {
            at = Math.round(Math.max(0, pts * timeBase - formatStartSeconds) * SAMPLE_RATE);
        } else if (!positioned) {
            at = 0;
        }
        pending = resampler.convert(frame, pending);
        pendingFrom = 0;
        pendingTo = resampler.converted();
        if (!positioned) {
            // Before the clip: dropped. Behind its start: the track begins late.
            if (at + pendingTo <= position) {
                pendingTo = 0;
                if (pts == AV_NOPTS_VALUE) {
                    skipped += resampler.converted();
                    positioned = skipped >= position;
                }
                return;
            }
            if (at < position) {
                pendingFrom = (int) (position - at);
            } else if (at > position && at - position <= MAX_HOLE_SAMPLES) {
                silence = at - position;
            }
            positioned = true;
        } else if (at - position > HOLE_SAMPLES && at - position <= MAX_HOLE_SAMPLES) {
            silence = at - position;
        }
    }

    private void finish() {
        ended = true;
        if (framesDecoded == 0 || packetsRefused > framesDecoded) {
            throw new AudioException.Undecodable("audio track: " + packetsRefused + " packets of " + probe.codec()
                    + " refused, " + framesDecoded + " decoded (expected: a readable " + probe.codec() + " track)");
        }
        AVStream stream = format.streams(streamIndex);
        boolean trustworthy = format.duration_estimation_method() != AVFMT_DURATION_FROM_BITRATE;
        if (trustworthy && stream.duration() != AV_NOPTS_VALUE && stream.duration() > 0) {
            double declared = stream.duration() * timeBase;
            double start = stream.start_time() == AV_NOPTS_VALUE
                    ? 0
                    : Math.max(0, stream.start_time() * timeBase - formatStartSeconds);
            double reached = position / (double) SAMPLE_RATE;
            double missing = start + declared - reached;
            if (missing > Math.max(1.0, declared * 0.02) && declared < UNKNOWN_LENGTH_SECONDS) {
                throw new AudioException.Undecodable("media: audio ends at " + seconds(position) + " of " + declared()
                        + " (expected: a file that is not truncated)");
            }
        }
    }

    private String declared() {
        return probe.durationMillis() == 0
                ? "an unknown length"
                : seconds(probe.durationMillis() * (long) SAMPLES_PER_MILLI);
    }

    private static String seconds(long samples) {
        return String.format(Locale.ROOT, "%.1f s", samples / (double) SAMPLE_RATE);
    }

    private static String reason(int rc) {
        byte[] text = new byte[256];
        if (av_strerror(rc, text, text.length) < 0) {
            return "error " + rc;
        }
        int n = 0;
        while (n < text.length && text[n] != 0) {
            n++;
        }
        return new String(text, 0, n, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        if (resampler != null) {
            resampler.close();
            resampler = null;
        }
        if (codec != null) {
            avcodec_free_context(codec);
            codec = null;
        }
        if (!frame.isNull()) {
            av_frame_free(frame);
        }
        if (!packet.isNull()) {
            av_packet_free(packet);
        }
        if (!format.isNull()) {
            avformat_close_input(format);
        }
    }
}
