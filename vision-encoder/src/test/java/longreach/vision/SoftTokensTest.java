package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.MediaOptions;
import longreach.v1.MediaOptions.Resolution;
import longreach.v1.SoftPiece;
import longreach.vision.siglip.Eyes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images as soft tokens over the wire: the plan's counts, the items that are wanted, and who has no eyes. */
class SoftTokensTest {
    @TempDir
    static Path spool;

    private static Eyes eyes;
    private static VisionServer server;

    @BeforeAll
    static void start() throws Exception {
        Path tower =
                Path.of(SoftTokensTest.class.getResource("/golden/siglip/tower").toURI());
        eyes = Eyes.load(tower, KernelSelector.create("vector", new ComputePool(2)), true);
        server = new VisionServer(VisionServer.settings(null, spool), eyes);
    }

    @AfterAll
    static void stop() {
        server.close();
        eyes.close();
    }

    @Test
    void theServiceSaysWhatItSeesFor() throws Exception {
        var description = server.blocking().describe(DescribeEncoderRequest.getDefaultInstance());
        assertThat(description.getSoftWidth()).isEqualTo(36);
        assertThat(description.getSoftFingerprint()).startsWith("siglip/").isEqualTo(eyes.fingerprint());
        try (var blind = new VisionServer(VisionServer.settings(null, spool))) {
            var other = blind.blocking().describe(DescribeEncoderRequest.getDefaultInstance());
            assertThat(other.getSoftWidth()).isZero();
            assertThat(other.getFingerprint()).isEqualTo(description.getFingerprint());
        }
    }

    @Test
    void whatIsEncodedIsWhatWasPlanned() throws Exception {
        byte[] png = png(700, 300);
        assertThat(counts(png, Resolution.LOW)).containsExactly(9);
        assertThat(counts(png, Resolution.RESOLUTION_UNSPECIFIED)).containsExactly(36);
        assertThat(counts(png, Resolution.MEDIUM)).containsExactly(36);
        assertThat(counts(png, Resolution.HIGH)).containsExactly(36, 36, 36);
        assertThat(counts(png(300, 300), Resolution.HIGH)).containsExactly(36);
    }

    private static List<Integer> counts(byte[] png, Resolution resolution) throws Exception {
        var open = open(resolution);
        var planned = server.encode(open.toBuilder().setPlanOnly(true).build(), png);
        assertThat(planned.status()).isEqualTo(Status.OK);
        assertThat(soft(planned)).isEmpty();
        var seen = server.encode(open, png);
        assertThat(seen.plan()).isEqualTo(planned.plan());
        assertThat(seen.pieces()).isEmpty();
        assertThat(soft(seen).stream().map(SoftPiece::getTokenCount))
                .isEqualTo(seen.plan().getSoftTokensList());
        int sum = seen.plan().getSoftTokensList().stream()
                .mapToInt(Integer::intValue)
                .sum();
        assertThat(seen.done().getCountsOrThrow("soft_tokens")).isEqualTo(sum);
        return planned.plan().getSoftTokensList();
    }

    @Test
    void onlyTheWantedItemsAreMade() throws Exception {
        byte[] png = png(700, 300);
        var all = soft(server.encode(open(Resolution.HIGH), png));
        var last =
                soft(server.encode(open(Resolution.HIGH).toBuilder().addItems(2).build(), png));
        assertThat(last).hasSize(1);
        assertThat(last.getFirst().getTokens().getSegment()).isEqualTo(2);
        FloatBuffer expected = floats(all.get(2));
        FloatBuffer found = floats(last.getFirst());
        assertThat(found.remaining()).isEqualTo(36 * 36);
        while (found.hasRemaining()) {
            assertThat(found.get()).isCloseTo(expected.get(), org.assertj.core.data.Offset.offset(1e-5f));
        }
        var beyond = server.encode(open(Resolution.HIGH).toBuilder().addItems(3).build(), png);
        assertThat(beyond.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(beyond.status().getDescription()).contains("items: 3 (expected: less than 3");
    }

    @Test
    void whatCannotBeSeenIsRefused() throws Exception {
        var text = server.encode(
                VisionServer.open("text/plain", "a.txt").toBuilder()
                        .setSoft(true)
                        .build(),
                "words".getBytes());
        assertThat(text.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(text.status().getDescription()).contains("text/plain").contains("expected: of an image");
        try (var blind = new VisionServer(VisionServer.settings(null, spool))) {
            var answer = blind.encode(open(Resolution.LOW), png(20, 20));
            assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(answer.status().getDescription()).contains("no eyes");
        }
    }

    private static EncodeOpen open(Resolution resolution) {
        return VisionServer.open("image/png", "a.png").toBuilder()
                .setSoft(true)
                .setOptions(MediaOptions.newBuilder().setResolution(resolution))
                .build();
    }

    private static List<SoftPiece> soft(VisionServer.Answer answer) {
        assertThat(answer.status()).isEqualTo(Status.OK);
        return answer.messages().stream()
                .filter(EncodeDown::hasSoft)
                .map(EncodeDown::getSoft)
                .toList();
    }

    private static FloatBuffer floats(SoftPiece piece) {
        return ByteBuffer.wrap(piece.getTokens().getData().toByteArray())
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
    }

    private static byte[] png(int width, int height) throws Exception {
        var image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < width * height; i++) {
            image.setRGB(i % width, i / width, i * 2_654_435 ^ i / width << 9);
        }
        var out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }
}
