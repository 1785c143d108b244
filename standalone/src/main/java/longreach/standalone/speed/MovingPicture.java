package longreach.standalone.speed;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVIOContext;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.javacpp.BytePointer;

/**
 * A video of any length for measurements: ten seconds of 1280 x 720 at 30 frames a second in H.264, a blurred texture
 * that scrolls, encoded once and then written over and over.
 */
public final class MovingPicture {
    public static final int SECONDS = 10;
    private static final int WIDTH = 1280;
    private static final int HEIGHT = 720;
    private static final int RATE = 30;
    // What a talk or a lecture of this size is commonly given.
    private static final long BITS_PER_SECOND = 1_500_000;
    private static final int KEY_FRAMES = 250;
    private static final int TEXTURE = 2048;

    private MovingPicture() {}

    /** Writes an MP4 of at least so many seconds. */
    public static void write(Path file, int seconds) throws IOException {
        // It tells on standard error what it makes of its settings.
        avutil.av_log_set_level(avutil.AV_LOG_QUIET);
        AVCodec encoder = avcodec.avcodec_find_encoder(avcodec.AV_CODEC_ID_H264);
        if (encoder == null || encoder.isNull()) {
            throw new IOException("this FFmpeg has no encoder for H.264 (expected: a video given by --video)");
        }
        AVCodecContext codec = avcodec.avcodec_alloc_context3(encoder);
        List<AVPacket> packets = new ArrayList<>();
        var time = new AVRational().num(1).den(RATE);
        try {
            codec.width(WIDTH).height(HEIGHT).pix_fmt(avutil.AV_PIX_FMT_YUV420P);
            codec.time_base(time).framerate(new AVRational().num(RATE).den(1));
            codec.bit_rate(BITS_PER_SECOND).gop_size(KEY_FRAMES).max_b_frames(0);
            codec.flags(codec.flags() | avcodec.AV_CODEC_FLAG_GLOBAL_HEADER);
            check(avcodec.avcodec_open2(codec, encoder, (AVDictionary) null), "encoder");
            encode(codec, packets);
            mux(file, codec, packets, Math.ceilDiv(seconds, SECONDS));
        } finally {
            packets.forEach(avcodec::av_packet_free);
            avcodec.avcodec_free_context(codec);
        }
    }

    private static void encode(AVCodecContext codec, List<AVPacket> packets) throws IOException {
        byte[] texture = texture();
        byte[] line = new byte[WIDTH];
        AVFrame frame = avutil.av_frame_alloc();
        try {
            frame.width(WIDTH).height(HEIGHT).format(avutil.AV_PIX_FMT_YUV420P);
            check(avutil.av_frame_get_buffer(frame, 0), "frame");
            for (int i = 0; i < SECONDS * RATE; i++) {
                check(avutil.av_frame_make_writable(frame), "frame");
                for (int y = 0; y < HEIGHT; y++) {
                    int row = (y + i) % TEXTURE * TEXTURE;
                    for (int x = 0; x < WIDTH; x++) {
                        line[x] = texture[row + (x + 2 * i) % TEXTURE];
                    }
                    put(frame, 0, y, line, WIDTH);
                }
                java.util.Arrays.fill(line, (byte) 128);
                for (int y = 0; y < HEIGHT / 2; y++) {
                    put(frame, 1, y, line, WIDTH / 2);
                    put(frame, 2, y, line, WIDTH / 2);
                }
                frame.pts(i);
                check(avcodec.avcodec_send_frame(codec, frame), "frame");
                drain(codec, packets);
            }
            check(avcodec.avcodec_send_frame(codec, null), "end");
            drain(codec, packets);
        } finally {
            avutil.av_frame_free(frame);
        }
    }

    private static void put(AVFrame frame, int plane, int y, byte[] line, int count) {
        BytePointer at = frame.data(plane);
        long offset = (long) y * frame.linesize(plane);
        at.limit(offset + count).position(offset).put(line, 0, count);
        at.position(0);
    }

    private static void drain(AVCodecContext codec, List<AVPacket> packets) {
        while (true) {
            AVPacket packet = avcodec.av_packet_alloc();
            if (avcodec.avcodec_receive_packet(codec, packet) < 0) {
                avcodec.av_packet_free(packet);
                return;
            }
            packets.add(packet);
        }
    }

    /** Noise, each value the mean of its neighbours: edges of a few pixels in all directions. */
    private static byte[] texture() {
        var random = new SplittableRandom(1);
        int[] noise = random.ints((long) TEXTURE * TEXTURE, 0, 256).toArray();
        byte[] blurred = new byte[noise.length];
        for (int y = 0; y < TEXTURE; y++) {
            for (int x = 0; x < TEXTURE; x++) {
                int sum = 0;
                for (int dy = 0; dy < 4; dy++) {
                    for (int dx = 0; dx < 4; dx++) {
                        sum += noise[(y + dy) % TEXTURE * TEXTURE + (x + dx) % TEXTURE];
                    }
                }
                blurred[y * TEXTURE + x] = (byte) (sum / 16);
            }
        }
        return blurred;
    }

    private static void mux(Path file, AVCodecContext codec, List<AVPacket> packets, int times) throws IOException {
        var format = new AVFormatContext(null);
        check(avformat.avformat_alloc_output_context2(format, null, "mp4", file.toString()), "container");
        var io = new AVIOContext(null);
        try {
            AVStream stream = avformat.avformat_new_stream(format, null);
            check(avcodec.avcodec_parameters_from_context(stream.codecpar(), codec), "parameters");
            stream.time_base(codec.time_base());
            check(avformat.avio_open(io, file.toString(), avformat.AVIO_FLAG_WRITE), "file");
            format.pb(io);
            check(avformat.avformat_write_header(format, (AVDictionary) null), "header");
            for (int round = 0; round < times; round++) {
                for (AVPacket packet : packets) {
                    AVPacket copy = avcodec.av_packet_clone(packet);
                    copy.pts(packet.pts() + (long) round * SECONDS * RATE);
                    copy.dts(packet.dts() + (long) round * SECONDS * RATE);
                    copy.duration(1);
                    copy.stream_index(0);
                    avcodec.av_packet_rescale_ts(copy, codec.time_base(), stream.time_base());
                    int code = avformat.av_write_frame(format, copy);
                    avcodec.av_packet_free(copy);
                    check(code, "packet");
                }
            }
            check(avformat.av_write_trailer(format), "trailer");
        } finally {
            if (!io.isNull()) {
                avformat.avio_closep(io);
            }
            avformat.avformat_free_context(format);
        }
    }

    private static void check(int code, String what) throws IOException {
        if (code < 0) {
            throw new IOException("the video cannot be written: " + what + ", FFmpeg's error " + code);
        }
    }
}
