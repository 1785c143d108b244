package longreach.standalone.speed;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import longreach.vision.video.FrameSource;
import longreach.vision.video.FrameWalk;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The video that is made for measurements is as long as it was asked for, and moves. */
class MovingPictureTest {
    @TempDir
    Path directory;

    @Test
    void tenSecondsAreRepeatedWithoutAGap() throws Exception {
        Path file = directory.resolve("moving.mp4");
        MovingPicture.write(file, 2 * MovingPicture.SECONDS - 5);
        List<Long> times = new ArrayList<>();
        FrameWalk.Walked walked;
        try (var decoders = FrameSource.pool(2L << 30, Duration.ofSeconds(60), 10_000_000, 1)) {
            walked = FrameWalk.over(decoders, file, 1000, 320, true, (millis, pid) -> {
                assertThat(PeakMemory.now(pid).orElse(1)).isPositive();
                times.add(millis);
            });
        }
        assertThat(walked).isEqualTo(new FrameWalk.Walked(20, 20));
        for (int i = 0; i < times.size(); i++) {
            assertThat(times.get(i)).isBetween(1000L * i - 1, 1000L * i + 34);
        }
    }
}
