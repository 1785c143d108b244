package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import longreach.v1.MediaPlan;
import longreach.v1.TextPiece;
import longreach.vision.TestMedia.Words;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.javacv.FFmpegFrameRecorder;
import org.bytedeco.javacv.Java2DFrameConverter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One slide in every codec and container that is promised: its text comes out, and the plan tells what it is. */
class FormatsTest {
    private static final int FRAMES = 15;
    private static final double FPS = 10;

    @TempDir
    static Path directory;

    private static VisionServer server;
    private static BufferedImage slide;

    @BeforeAll
    static void start() throws Exception {
        server = new VisionServer(VisionServer.settings(null, directory.resolve("spool")));
        slide = TestMedia.picture(640, 360, List.of(new Words(60, 120, 40, "Harbour budget")));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private interface Setting {
        void apply(FFmpegFrameRecorder recorder);
    }

    private static Path record(String name, String format, String encoder, long frameMicros, Setting setting)
            throws Exception {
        avutil.av_log_set_level(avutil.AV_LOG_QUIET);
        Path file = directory.resolve(name);
        try (var recorder = new FFmpegFrameRecorder(file.toFile(), 640, 360);
                var converter = new Java2DFrameConverter()) {
            recorder.setFormat(format);
            recorder.setVideoCodecName(encoder);
            recorder.setPixelFormat(avutil.AV_PIX_FMT_YUV420P);
            recorder.setFrameRate(encoder.equals("mpeg2video") ? 25 : FPS);
            recorder.setVideoBitrate(600_000);
            setting.apply(recorder);
            recorder.start();
            var bgr = new BufferedImage(640, 360, BufferedImage.TYPE_3BYTE_BGR);
            bgr.getGraphics().drawImage(slide, 0, 0, null);
            var frame = converter.convert(bgr);
            for (int i = 0; i < FRAMES; i++) {
                if (frameMicros > 0) {
                    // Ever slower: no two frames have the same length.
                    recorder.setTimestamp(frameMicros * i * (i + 1) / 2);
                }
                recorder.record(frame);
            }
            recorder.stop();
        }
        return file;
    }

    private static VisionServer.Answer read(String mimeType, Path file) throws Exception {
        String name = file.getFileName().toString();
        var answer = server.encode(VisionServer.open(mimeType, name), Files.readAllBytes(file));
        assertThat(answer.status().isOk()).as("%s: %s", name, answer.status()).isTrue();
        assertThat(answer.pieces()).extracting(TextPiece::getText).as(name).containsExactly("Harbour budget");
        return answer;
    }

    @ParameterizedTest
    @CsvSource({
        "a.mp4, mp4, libopenh264, video/mp4, h264",
        "b.mkv, matroska, libopenh264, video/x-matroska, h264",
        "c.mov, mov, libopenh264, video/quicktime, h264",
        "d.ts, mpegts, libopenh264, video/mpeg, h264",
        "e.webm, webm, libvpx-vp9, video/webm, vp9",
        "f.mp4, mp4, libsvtav1, video/mp4, av1",
        "g.mpg, mpeg, mpeg2video, video/mpeg, mpeg2video",
        "h.avi, avi, mpeg4, video/avi, mpeg4",
        "i.flv, flv, libopenh264, video/x-flv, h264"
    })
    void video(String name, String format, String encoder, String mimeType, String codec) throws Exception {
        MediaPlan plan = read(mimeType, record(name, format, encoder, 0, recorder -> {
                    if (encoder.equals("libvpx-vp9")) {
                        recorder.setVideoOption("deadline", "realtime");
                        recorder.setVideoOption("cpu-used", "8");
                    } else if (encoder.equals("libsvtav1")) {
                        recorder.setVideoOption("preset", "12");
                    }
                }))
                .plan();
        assertThat(plan.getCodec()).isEqualTo(codec);
        assertThat(plan.getWidth()).isEqualTo(640);
        assertThat(plan.getHeight()).isEqualTo(360);
        assertThat(plan.getHasAudio()).isFalse();
    }

    @Test
    void framesOfChangingLength() throws Exception {
        Path file = record("variable.mkv", "matroska", "libopenh264", 50_000, recorder -> {});
        var answer = read("video/x-matroska", file);
        // Fifteen frames over five seconds, the last ones more than half a second apart.
        assertThat(answer.done().getCountsMap().get("frames_seen")).isBetween(5L, 7L);
    }

    @Test
    void aQuarterTurnIsUndone() throws Exception {
        Path file = record("turned.mp4", "mp4", "libopenh264", 0, recorder -> recorder.setDisplayRotation(90.0));
        var answer = read("video/mp4", file);
        assertThat(answer.plan().getWidth()).isEqualTo(360);
        assertThat(answer.plan().getHeight()).isEqualTo(640);
    }

    @Test
    void soundAloneIsAPlanWithoutPieces() throws Exception {
        Path file = directory.resolve("sound.mp4");
        try (var recorder = new FFmpegFrameRecorder(file.toFile(), 1)) {
            recorder.setFormat("mp4");
            recorder.setAudioCodec(avcodec.AV_CODEC_ID_AAC);
            recorder.setSampleRate(16_000);
            recorder.start();
            recorder.recordSamples(16_000, 1, java.nio.ShortBuffer.allocate(32_000));
            recorder.stop();
        }
        var answer = server.encode(VisionServer.open("video/mp4", "sound.mp4"), Files.readAllBytes(file));
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.plan().getHasVideo()).isFalse();
        assertThat(answer.plan().getHasAudio()).isTrue();
        assertThat(answer.pieces()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"png, image/png", "jpg, image/jpeg", "gif, image/gif", "bmp, image/bmp", "tiff, image/tiff"})
    void image(String format, String mimeType) throws Exception {
        var rgb = new BufferedImage(640, 360, BufferedImage.TYPE_INT_RGB);
        rgb.getGraphics().drawImage(slide, 0, 0, null);
        Path file = Files.write(directory.resolve("image." + format), TestMedia.encoded(rgb, format));
        assertThat(read(mimeType, file).plan().getWidth()).isEqualTo(640);
    }

    @Test
    void webp() throws Exception {
        Path file = directory.resolve("image.webp");
        try (var recorder = new FFmpegFrameRecorder(file.toFile(), 640, 360);
                var converter = new Java2DFrameConverter()) {
            recorder.setFormat("webp");
            recorder.setVideoCodecName("libwebp");
            recorder.setPixelFormat(avutil.AV_PIX_FMT_YUV420P);
            recorder.start();
            var bgr = new BufferedImage(640, 360, BufferedImage.TYPE_3BYTE_BGR);
            bgr.getGraphics().drawImage(slide, 0, 0, null);
            recorder.record(converter.convert(bgr));
            recorder.stop();
        }
        assertThat(read("image/webp", file).plan().getHeight()).isEqualTo(360);
    }
}
