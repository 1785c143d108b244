package longreach.vision.video;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import longreach.tensor.process.ChildPool;
import longreach.v1.MediaOptions;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaSource;
import longreach.vision.media.MediaType;

/** The frames of an MP4 video as the service samples them, taken from the confined process and not looked at. */
public final class FrameWalk {
    private static final long MAX_PIXELS = 100_000_000;

    /** Called for each frame; not kept. */
    @FunctionalInterface
    public interface Step {
        /**
         * @param millis of the frame
         * @param pid of the process that decodes
         */
        void frame(long millis, long pid);
    }

    /**
     * @param seen frames at the times that were asked for
     * @param kept of these, those that show something new
     */
    public record Walked(int seen, int kept) {}

    private FrameWalk() {}

    /**
     * Takes all frames.
     *
     * @param intervalMillis between frames
     * @param longestSide of a frame that is handed over, pixels
     */
    public static Walked over(
            ChildPool decoders, Path video, double intervalMillis, int longestSide, boolean dropUnchanged, Step step)
            throws IOException, MediaException {
        var source = new MediaSource(
                video,
                video.getFileName().toString(),
                Files.size(video),
                MediaType.MP4,
                MediaOptions.getDefaultInstance());
        var grid = new SampleGrid(0, intervalMillis);
        int seen = 0;
        int kept = 0;
        try (FrameSource frames = FrameSource.frames(
                decoders, source, "mov", MAX_PIXELS, grid, Long.MAX_VALUE, longestSide, dropUnchanged)) {
            while (frames.hasVideo() && frames.next()) {
                seen++;
                kept += frames.isNew() ? 1 : 0;
                step.frame(frames.millis(), frames.pid());
            }
        }
        return new Walked(seen, kept);
    }
}
