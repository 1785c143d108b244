package longreach.vision.video;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.List;
import longreach.tensor.process.ChildPool;
import longreach.v1.MediaOptions;
import longreach.v1.MediaPlan;
import longreach.v1.Modality;
import longreach.v1.TextPiece;
import longreach.vision.VisionSettings;
import longreach.vision.media.ComputeGate;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaSource;
import longreach.vision.media.PieceSink;
import longreach.vision.media.SearchSide;
import longreach.vision.ocr.OcrEngine;
import longreach.vision.ocr.OcrLine;

/**
 * The text on screen of a video, with the time it is seen. Frames are sampled at a rate, those that show nothing new
 * are passed over, the others are read. Memory does not grow with the length of the video. The sound is another
 * service's; a file with sound only gives a plan and no pieces.
 */
public final class VideoReader implements MediaReader {
    private static final double DEFAULT_FPS = 1;

    private final VisionSettings settings;
    private final OcrEngine ocr;
    private final ComputeGate gate;
    private final ChildPool decoders;

    public VideoReader(VisionSettings settings, OcrEngine ocr, ComputeGate gate, ChildPool decoders) {
        this.settings = settings;
        this.ocr = ocr;
        this.gate = gate;
        this.decoders = decoders;
    }

    @Override
    public void plan(MediaSource source, PieceSink sink) throws MediaException {
        ContainerCheck.requireWhole(source);
        try (FrameSource frames = FrameSource.probe(decoders, source, demuxer(source), settings.maxPixels())) {
            check(source, frames);
            sink.plan(planOf(source, frames));
        }
    }

    @Override
    public void read(MediaSource source, PieceSink sink) throws MediaException {
        ContainerCheck.requireWhole(source);
        MediaOptions options = source.options();
        var grid = new SampleGrid(options.getStartMs(), 1000 / fps(options));
        long end = options.getEndMs() == 0 ? Long.MAX_VALUE : options.getEndMs();
        int searchSide = SearchSide.ofFrame(options);
        try (FrameSource frames = FrameSource.frames(
                decoders, source, demuxer(source), settings.maxPixels(), grid, end, 2 * searchSide, true)) {
            check(source, frames);
            sink.plan(planOf(source, frames));
            sink.count("frames_seen", 0);
            sink.count("frames_kept", 0);
            sink.count("ocr_frames", 0);
            if (!frames.hasVideo()) {
                return;
            }
            new Sampling(source, frames, sink, grid, end, searchSide).run();
        }
    }

    private void check(MediaSource source, FrameSource frames) throws MediaException {
        long limit = settings.maxDuration().toMillis();
        if (!frames.hasVideo() && !frames.hasAudio()) {
            throw MediaException.invalid(source.name() + ": neither picture nor sound (expected: a video track)");
        }
        if (frames.durationMillis() > limit) {
            throw MediaException.tooLarge(source.name() + ": " + frames.durationMillis() / 1000
                    + " s long (expected: at most " + limit / 1000 + " s)");
        }
        if (frames.hasVideo()
                && frames.durationMillis() > 0
                && source.options().getStartMs() >= frames.durationMillis()) {
            throw MediaException.invalid("clip: from " + source.options().getStartMs()
                    + " ms (expected: a start before the video's end, " + frames.durationMillis() + " ms)");
        }
    }

    private static String demuxer(MediaSource source) throws MediaException {
        return switch (source.type()) {
            case MP4 -> "mov";
            case MATROSKA -> "matroska";
            case AVI -> "avi";
            case FLV -> "flv";
            case ASF -> "asf";
            case OGG -> "ogg";
            case MPEG -> mpegKind(source);
            default -> throw new IllegalStateException(source.type() + " is no video");
        };
    }

    /** Transport packets begin with a sync byte, program streams with a pack header; else it is the bare stream. */
    private static String mpegKind(MediaSource source) throws MediaException {
        try (InputStream in = Files.newInputStream(source.path())) {
            byte[] head = in.readNBytes(4);
            if (head[0] == 0x47) {
                return "mpegts";
            }
            return (head[3] & 255) == 0xBA ? "mpeg" : "mpegvideo";
        } catch (IOException e) {
            throw MediaException.invalid(source.name() + ": cannot be read (expected: a readable file)", e);
        }
    }

    private static double fps(MediaOptions options) {
        return options.getFps() == 0 ? DEFAULT_FPS : options.getFps();
    }

    private static MediaPlan planOf(MediaSource source, FrameSource frames) {
        MediaOptions options = source.options();
        long duration = frames.durationMillis();
        long end = options.getEndMs() == 0 ? duration : Math.min(options.getEndMs(), duration);
        long span = Math.max(0, end - options.getStartMs());
        boolean sideways = frames.turn() % 180 != 0;
        var plan = MediaPlan.newBuilder()
                .setModality(frames.hasVideo() ? Modality.VIDEO : Modality.AUDIO)
                .setDurationMs(duration)
                .setHasVideo(frames.hasVideo())
                .setHasAudio(frames.hasAudio())
                .setContainer(source.type().name().toLowerCase(java.util.Locale.ROOT));
        if (frames.hasVideo()) {
            plan.setWidth(sideways ? frames.height() : frames.width())
                    .setHeight(sideways ? frames.width() : frames.height())
                    .setFrames((int) Math.ceil(span * fps(options) / 1000))
                    .setCodec(frames.codec());
        }
        return plan.build();
    }

    /** One pass over the frames of one file. */
    private final class Sampling {
        private final MediaSource source;
        private final FrameSource frames;
        private final PieceSink sink;
        private final SampleGrid grid;
        private final long start;
        private final long end;
        private final int searchSide;
        private final ScreenText screen;

        private long seen;
        private long lastMillis = -1;

        Sampling(MediaSource source, FrameSource frames, PieceSink sink, SampleGrid grid, long end, int searchSide) {
            this.source = source;
            this.frames = frames;
            this.sink = sink;
            this.grid = grid;
            this.start = grid.startMillis();
            this.end = end;
            this.searchSide = searchSide;
            this.screen = new ScreenText((long) Math.ceil(grid.intervalMillis()));
        }

        void run() throws MediaException {
            long limit = settings.maxDuration().toMillis();
            while (frames.next()) {
                sink.checkCancelled();
                seen++;
                sink.count("frames_seen", 1);
                if (frames.millis() < lastMillis || frames.millis() > limit) {
                    throw MediaException.tooLarge(source.name() + ": a frame at " + frames.millis() / 1000
                            + " s (expected: in order, and at most " + limit / 1000 + " s)");
                }
                lastMillis = frames.millis();
                long shownUntil = shownUntil();
                long duration = frames.durationMillis();
                sink.progress(
                        "watching " + clock(lastMillis) + (duration > 0 ? " of " + clock(duration) : ""),
                        duration > 0
                                ? (double) (lastMillis - start) / Math.max(1, Math.min(end, duration) - start)
                                : 0);
                if (frames.isNew()) {
                    List<OcrLine> lines = gate.run(
                            () -> ocr.read(frames.raster().turned(frames.turn()), searchSide, sink::cancelled));
                    sink.checkCancelled();
                    sink.count("frames_kept", 1);
                    sink.count("ocr_frames", 1);
                    send(screen.read(lines, lastMillis, shownUntil));
                } else {
                    send(screen.unchanged(shownUntil));
                }
            }
            sink.checkCancelled();
            send(screen.finish());
            if (seen == 0) {
                throw MediaException.invalid(source.name() + ": no frame can be decoded"
                        + (start > 0 || end != Long.MAX_VALUE ? " in the clip" : "")
                        + " (expected: a video with frames)");
            }
        }

        private long shownUntil() {
            long until = (long) Math.ceil(Math.min(grid.after(lastMillis), end));
            long duration = frames.durationMillis();
            return duration > lastMillis ? Math.min(until, duration) : until;
        }

        private void send(List<TextPiece> pieces) throws MediaException {
            for (TextPiece piece : pieces) {
                sink.text(piece);
            }
        }

        private static String clock(long millis) {
            long seconds = Math.max(0, millis) / 1000;
            return seconds < 3600
                    ? String.format("%02d:%02d", seconds / 60, seconds % 60)
                    : String.format("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
        }
    }
}
