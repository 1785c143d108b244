package longreach.vision.video;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import longreach.vision.TestMedia;
import longreach.vision.TestMedia.Shot;
import longreach.vision.TestMedia.Words;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Why the threshold is where it is: coding noise lies well below, the change of one small line well above. */
class FrameChangeTest {
    @TempDir
    Path directory;

    @Test
    void theThresholdLiesBetweenNoiseAndOneChangedLine() throws Exception {
        List<Words> slide =
                List.of(new Words(100, 200, 60, "A slide with a title"), new Words(100, 320, 40, "and text"));
        List<Words> changed = new java.util.ArrayList<>(slide);
        changed.add(new Words(100, 600, 20, "one more line in small print"));
        Path file = TestMedia.video(
                directory.resolve("slides.mp4"),
                List.of(
                        new Shot(TestMedia.picture(1280, 720, slide), 4),
                        new Shot(TestMedia.picture(1280, 720, changed), 4)),
                200_000,
                0);
        int noise = 0;
        int change = 0;
        byte[] first = null;
        byte[] second = null;
        try (var frames = new FrameDecoder("file:" + file, -1, "slides.mp4", "mov", 10_000_000, () -> {})) {
            var every = new SampleGrid(0, 1);
            for (double due = 0; frames.next(due, every); due = every.after(frames.millis())) {
                byte[] cells = new byte[FrameChange.COLUMNS * FrameChange.ROWS];
                frames.grey(FrameChange.COLUMNS, FrameChange.ROWS, cells);
                if (frames.millis() < 4000) {
                    first = first == null ? cells : first;
                    noise = Math.max(noise, FrameChange.largestDifference(first, cells));
                } else {
                    second = second == null ? cells : second;
                    noise = Math.max(noise, FrameChange.largestDifference(second, cells));
                    change = Math.max(change, FrameChange.largestDifference(first, cells));
                }
            }
        }
        System.out.println(
                "coding noise " + noise + ", one changed line " + change + ", threshold " + FrameChange.THRESHOLD);
        assertThat(noise).isLessThanOrEqualTo(FrameChange.THRESHOLD / 2);
        assertThat(change).isGreaterThanOrEqualTo(2 * FrameChange.THRESHOLD);
    }
}
