package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import longreach.v1.MediaOptions;
import longreach.v1.TextPiece;
import longreach.vision.TestMedia.Shot;
import longreach.vision.TestMedia.Words;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small H.264 video of two slides, whole, cut off and clipped, through the whole service. */
class VideoTest {
    @TempDir
    static Path directory;

    private static VisionServer server;
    private static byte[] slides;

    @BeforeAll
    static void record() throws Exception {
        server = new VisionServer(VisionServer.settings(null, directory.resolve("spool")));
        slides = TestMedia.bytes(TestMedia.video(
                directory.resolve("talk.mp4"),
                List.of(
                        new Shot(
                                TestMedia.picture(640, 360, List.of(new Words(60, 120, 36, "Budget of the harbour"))),
                                4),
                        new Shot(
                                TestMedia.picture(640, 360, List.of(new Words(60, 120, 36, "Opening in May 2043"))),
                                3)),
                400_000,
                0));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void eachSlideIsOnePieceWithItsTime() throws Exception {
        var answer = server.encode(VisionServer.open("video/mp4", "talk.mp4"), slides);
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.plan().getHasVideo()).isTrue();
        assertThat(answer.plan().getHasAudio()).isFalse();
        assertThat(answer.plan().getDurationMs()).isBetween(6900L, 7100L);
        assertThat(answer.plan().getFrames()).isEqualTo(7);
        assertThat(answer.plan().getCodec()).isEqualTo("h264");
        assertThat(answer.pieces())
                .extracting(TextPiece::getText)
                .containsExactly("Budget of the harbour", "Opening in May 2043");
        assertThat(answer.pieces().get(0).getMark().getStartMs()).isZero();
        assertThat(answer.pieces().get(0).getMark().getEndMs()).isEqualTo(4000);
        assertThat(answer.pieces().get(1).getMark().getStartMs()).isEqualTo(4000);
        assertThat(answer.pieces().get(1).getMark().getEndMs()).isBetween(6900L, 7100L);
        assertThat(answer.done().getCountsMap())
                .containsEntry("frames_seen", 7L)
                .containsEntry("frames_kept", 2L)
                .containsEntry("ocr_frames", 2L);
    }

    @Test
    void aClipIsReadAloneAndKeepsTheVideosClock() throws Exception {
        var open = VisionServer.open("video/mp4", "talk.mp4").toBuilder()
                .setOptions(MediaOptions.newBuilder()
                        .setStartMs(5000)
                        .setEndMs(6500)
                        .setFps(2))
                .build();
        var answer = server.encode(open, slides);
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.pieces()).extracting(TextPiece::getText).containsExactly("Opening in May 2043");
        assertThat(answer.pieces().getFirst().getMark().getStartMs()).isEqualTo(5000);
        assertThat(answer.pieces().getFirst().getMark().getEndMs()).isEqualTo(6500);
        assertThat(answer.done().getCountsMap()).containsEntry("frames_seen", 3L);
    }

    @Test
    void aPlanDecodesNothing() throws Exception {
        var open = VisionServer.open("video/mp4", "talk.mp4").toBuilder()
                .setPlanOnly(true)
                .build();
        var answer = server.encode(open, slides);
        assertThat(answer.status().isOk()).isTrue();
        assertThat(answer.plan().getFrames()).isEqualTo(7);
        assertThat(answer.done().getCountsMap()).doesNotContainKey("frames_seen");
    }

    @Test
    void aVideoThatWasCutOffIsRefusedWithTheReason() throws Exception {
        for (int percent : new int[] {1, 10, 50, 90, 99}) {
            byte[] part = Arrays.copyOf(slides, slides.length * percent / 100);
            var answer = server.encode(VisionServer.open("video/mp4", "talk.mp4"), part);
            assertThat(answer.status().getCode()).as(percent + "%").isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(answer.status().getDescription()).as(percent + "%").startsWith("talk.mp4: truncated: ");
        }
        var answer = server.encode(VisionServer.open("video/mp4", "talk.mp4"), Arrays.copyOf(slides, 12));
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void damagedFramesDoNotStopTheService() throws Exception {
        byte[] damaged = slides.clone();
        for (int i = 200; i < damaged.length - 4000; i += 7) {
            damaged[i] ^= 0x5A;
        }
        var answer = server.encode(VisionServer.open("video/mp4", "talk.mp4"), damaged);
        assertThat(answer.status().getCode()).isIn(Status.Code.OK, Status.Code.INVALID_ARGUMENT);
        assertThat(server.encode(VisionServer.open("video/mp4", "talk.mp4"), slides)
                        .status()
                        .isOk())
                .isTrue();
    }

    @Test
    void aVideoFilmedOnItsSideIsTurned() throws Exception {
        Path file = TestMedia.video(
                directory.resolve("side.mp4"),
                List.of(new Shot(TestMedia.picture(640, 360, List.of(new Words(60, 120, 36, "Turned around"))), 1)),
                400_000,
                180);
        var answer = server.encode(VisionServer.open("video/mp4", "side.mp4"), Files.readAllBytes(file));
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        // The picture is stored upright and marked as upside down; recognition turns pages back by itself.
        assertThat(answer.pieces()).extracting(TextPiece::getText).containsExactly("Turned around");
    }

    @Test
    void aPlaylistIsNotFollowed() throws Exception {
        byte[] playlist = ("ffconcat version 1.0\nfile '" + directory.resolve("talk.mp4") + "'\n").getBytes();
        var answer = server.encode(VisionServer.open("video/mp4", "list.mp4"), playlist);
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(answer.status().getDescription()).contains("video/mp4").contains("text/plain");
    }

    @Test
    void badOptionsAreNamed() throws Exception {
        var fast = VisionServer.open("video/mp4", "talk.mp4").toBuilder()
                .setOptions(MediaOptions.newBuilder().setFps(1000))
                .build();
        assertThat(server.encode(fast, slides).status().getDescription())
                .isEqualTo("fps: 1000.0 (expected: 0 < fps <= 24.0)");
        var late = VisionServer.open("video/mp4", "talk.mp4").toBuilder()
                .setOptions(MediaOptions.newBuilder().setStartMs(60_000))
                .build();
        assertThat(server.encode(late, slides).status().getDescription())
                .isEqualTo("clip: from 60000 ms (expected: a start before the video's end, 7000 ms)");
    }
}
