package longreach.vision.video;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import longreach.tensor.process.ChildMain;
import longreach.vision.media.MediaException;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.ffmpeg.global.swscale;
import org.bytedeco.javacpp.Loader;

/** The process in which FFmpeg decodes pictures: one file, then it ends. */
final class FrameChild implements ChildMain.Work {
    public static void main(String[] args) {
        ChildMain.run(new FrameChild());
    }

    @Override
    public void load() throws IOException {
        for (Class<?> library : new Class<?>[] {avutil.class, avcodec.class, avformat.class, swscale.class}) {
            Loader.load(library);
        }
        rehearse();
    }

    // Classes are found by opening files, which is over once the request has come: a made-up file goes the whole way.
    private static void rehearse() throws IOException {
        Path file = Files.createTempFile("longreach-", ".y4m");
        try {
            var video = new ByteArrayOutputStream();
            video.write("YUV4MPEG2 W16 H16 F2:1 Ip C420jpeg\n".getBytes(StandardCharsets.US_ASCII));
            for (int i = 0; i < 4; i++) {
                video.write("FRAME\n".getBytes(StandardCharsets.US_ASCII));
                video.write(new byte[16 * 16 * 3 / 2]);
            }
            Files.write(file, video.toByteArray());
            var out = ChildMain.Out.nowhere();
            var all = new FrameRequest("", "yuv4mpegpipe", 256, FrameRequest.What.FRAMES, 1, 9000, 1, 8, false);
            serve("file:" + file, -1, FrameRequest.of(all.bytes()), out);
            var small = new FrameRequest("", "yuv4mpegpipe", 1, FrameRequest.What.STILL, 0, 9000, 1, 8, false);
            serve("file:" + file, -1, small, out);
        } finally {
            Files.delete(file);
        }
    }

    @Override
    public void serve(int file, byte[] bytes, ChildMain.Out out) throws IOException {
        serve("fd:", file, FrameRequest.of(bytes), out);
    }

    private static void serve(String url, int file, FrameRequest request, ChildMain.Out out) throws IOException {
        try (var frames = new FrameDecoder(
                url, file, request.name(), request.demuxer(), request.maxPixels(), () -> signal(out))) {
            probed(frames, out);
            if (frames.hasVideo()) {
                switch (request.what()) {
                    case PROBE -> {}
                    case STILL -> still(frames, request, out);
                    case FRAMES -> sample(frames, request, out);
                }
            }
            out.send(FrameRequest.END, new byte[0]);
        } catch (MediaException e) {
            out.send(FrameRequest.FAULT, fault(e));
        }
    }

    private static void signal(ChildMain.Out out) {
        try {
            out.alive();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void probed(FrameDecoder frames, ChildMain.Out out) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var data = new DataOutputStream(bytes)) {
            data.writeBoolean(frames.hasVideo());
            data.writeBoolean(frames.hasAudio());
            data.writeInt(frames.width());
            data.writeInt(frames.height());
            data.writeInt(frames.turn());
            data.writeLong(frames.durationMillis());
            data.writeUTF(frames.codec());
        }
        out.send(FrameRequest.PROBED, bytes.toByteArray());
    }

    private static void still(FrameDecoder frames, FrameRequest request, ChildMain.Out out)
            throws IOException, MediaException {
        if (frames.next(0, new SampleGrid(0, 1))) {
            send(frames.millis(), frames.picture(request.longestSide()), out);
        }
    }

    private static void sample(FrameDecoder frames, FrameRequest request, ChildMain.Out out)
            throws IOException, MediaException {
        var grid = new SampleGrid(request.startMillis(), request.intervalMillis());
        var change = new FrameChange();
        byte[] cells = new byte[FrameChange.COLUMNS * FrameChange.ROWS];
        if (request.startMillis() > 0) {
            frames.seek(request.startMillis());
        }
        double due = request.startMillis();
        while (frames.next(due, grid) && frames.millis() < request.endMillis()) {
            frames.grey(FrameChange.COLUMNS, FrameChange.ROWS, cells);
            if (change.isNew(cells) || !request.dropUnchanged()) {
                send(frames.millis(), frames.picture(request.longestSide()), out);
            } else {
                out.send(FrameRequest.FRAME, head(frames.millis(), false, 0, 0));
            }
            due = grid.after(frames.millis());
        }
    }

    private static void send(long millis, FrameDecoder.Picture picture, ChildMain.Out out) throws IOException {
        out.send(
                FrameRequest.FRAME,
                head(millis, true, picture.width(), picture.height()),
                picture.bgra(),
                picture.bgra().length);
    }

    private static byte[] head(long millis, boolean isNew, int width, int height) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var data = new DataOutputStream(bytes)) {
            data.writeLong(millis);
            data.writeBoolean(isNew);
            data.writeInt(width);
            data.writeInt(height);
        }
        return bytes.toByteArray();
    }

    private static byte[] fault(MediaException failure) {
        var bytes = new ByteArrayOutputStream();
        try (var data = new DataOutputStream(bytes)) {
            data.writeByte(failure.fault().ordinal());
            String message = failure.getMessage();
            data.writeUTF(message.length() > 4000 ? message.substring(0, 4000) : message);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
