package longreach.vision.video;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import longreach.vision.media.MediaException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is passed over changes nothing of what comes out. */
class FrameDecoderTest {
    @TempDir
    Path directory;

    private record Seen(long millis, int content) {}

    private static Path resource(String name) throws URISyntaxException {
        return Path.of(FrameDecoderTest.class.getResource("/golden/" + name).toURI());
    }

    private static List<Seen> frames(Path file, String demuxer, SampleGrid grid) throws MediaException {
        List<Seen> seen = new ArrayList<>();
        try (var decoder = new FrameDecoder("file:" + file, -1, "file", demuxer, 1_000_000, () -> {})) {
            if (grid.startMillis() > 0) {
                decoder.seek(grid.startMillis());
            }
            double due = grid.startMillis();
            while (decoder.next(due, grid)) {
                seen.add(new Seen(
                        decoder.millis(), Arrays.hashCode(decoder.picture(4096).bgra())));
                due = grid.after(decoder.millis());
            }
        }
        return seen;
    }

    /** Of all frames, those that the grid asks for. */
    private static List<Seen> chosen(List<Seen> all, SampleGrid grid) {
        List<Seen> chosen = new ArrayList<>();
        double due = grid.startMillis();
        for (Seen frame : all) {
            if (SampleGrid.reaches(frame.millis(), due)) {
                chosen.add(frame);
                due = grid.after(frame.millis());
            }
        }
        return chosen;
    }

    @ParameterizedTest
    @CsvSource({"0, 1000", "0, 2000", "0, 333.4", "0, 100", "0, 70", "0, 40", "0, 5000", "2500, 1000", "3990, 500"})
    void samplingGivesTheFramesOfAFullDecode(long start, double interval) throws Exception {
        Path file = resource("bframes.mp4");
        List<Seen> all = frames(file, "mov", new SampleGrid(0, 1));
        assertThat(all).hasSize(200).doesNotHaveDuplicates();
        var grid = new SampleGrid(start, interval);
        assertThat(frames(file, "mov", grid)).isEqualTo(chosen(all, grid)).isNotEmpty();
    }

    @Test
    void hevcToo() throws Exception {
        Path file = resource("hevc.mkv");
        List<Seen> all = frames(file, "matroska", new SampleGrid(0, 1));
        assertThat(all).hasSize(50);
        var grid = new SampleGrid(0, 250);
        assertThat(frames(file, "matroska", grid)).isEqualTo(chosen(all, grid)).hasSize(8);
    }

    @Test
    void framesLargerThanAllowedAreRefused() throws Exception {
        Path file = resource("bframes.mp4");
        assertThatThrownBy(() -> new FrameDecoder("file:" + file, -1, "file", "mov", 10_000, () -> {}))
                .isInstanceOf(MediaException.class)
                .hasMessage("file: 192 x 108 pixels (expected: at most 10000 in all)");
    }

    /** Damage of every kind, decoded in this process: it must answer or refuse, and end. */
    @Test
    void damagedFilesEnd() throws Exception {
        long seed = 20_261_125;
        var random = new SplittableRandom(seed);
        for (String name : new String[] {"bframes.mp4", "hevc.mkv"}) {
            byte[] whole = Files.readAllBytes(resource(name));
            String demuxer = name.endsWith("mkv") ? "matroska" : "mov";
            for (int round = 0; round < 40; round++) {
                byte[] damaged = round % 4 == 0 ? Arrays.copyOf(whole, random.nextInt(1, whole.length)) : whole.clone();
                for (int i = 0; i < 1 + round % 8; i++) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
                }
                String which = name + ", seed " + seed + ", round " + round;
                assertThat(count(damaged, demuxer)).as(which).isBetween(-1, 5000);
            }
        }
    }

    private int count(byte[] bytes, String demuxer) throws IOException {
        Path file = Files.write(directory.resolve("damaged"), bytes);
        try {
            return frames(file, demuxer, new SampleGrid(0, 1000)).size();
        } catch (MediaException e) {
            assertThat(e).hasMessageNotContaining(file.toString());
            return -1;
        }
    }
}
