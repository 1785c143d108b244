package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import longreach.v1.TextPiece;
import longreach.vision.TestMedia.Words;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that are small, huge, turned, animated, damaged or of another type, through the whole service. */
class ImageTest {
    @TempDir
    static Path directory;

    private static VisionServer server;

    @BeforeAll
    static void start() throws Exception {
        server = new VisionServer(VisionServer.settings(null, directory));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static BufferedImage sign() {
        return TestMedia.picture(480, 160, List.of(new Words(40, 90, 36, "Mind the step")));
    }

    @Test
    void onePixelIsAnImageWithoutText() throws Exception {
        byte[] png = TestMedia.encoded(new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB), "png");
        var answer = server.encode(VisionServer.open("image/png", "dot.png"), png);
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.pieces()).isEmpty();
        assertThat(answer.plan().getWidth()).isEqualTo(1);
        assertThat(answer.done().getCountsMap()).containsEntry("ocr_images", 1L).containsEntry("lines", 0L);
    }

    @Test
    void aBombIsRefusedByItsHeader() throws Exception {
        byte[] png = TestMedia.encoded(new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB), "png");
        ByteBuffer header = ByteBuffer.wrap(png);
        header.putInt(16, 60_000).putInt(20, 50_000);
        var crc = new CRC32();
        crc.update(png, 12, 17);
        header.putInt(29, (int) crc.getValue());
        var answer = server.encode(VisionServer.open("image/png", "bomb.png"), png);
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(answer.status().getDescription())
                .isEqualTo("bomb.png: 60000 x 50000 pixels (expected: at most 100000000 in all)");
    }

    @Test
    void aCameraPictureIsTurned() throws Exception {
        // Orientation 6: the camera was held a quarter to the left, so the picture is to be turned clockwise.
        var side = new BufferedImage(160, 480, BufferedImage.TYPE_3BYTE_BGR);
        var graphics = side.createGraphics();
        graphics.translate(0, 480);
        graphics.rotate(-Math.PI / 2);
        graphics.drawImage(sign(), 0, 0, null);
        graphics.dispose();
        byte[] jpeg = TestMedia.encoded(side, "jpeg");
        byte[] exif = exif(6);
        var out = new ByteArrayOutputStream();
        out.write(jpeg, 0, 2);
        out.write(exif);
        out.write(jpeg, 2, jpeg.length - 2);
        var answer = server.encode(VisionServer.open("image/jpeg", "photo.jpg"), out.toByteArray());
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.plan().getWidth()).isEqualTo(480);
        assertThat(answer.plan().getHeight()).isEqualTo(160);
        assertThat(answer.pieces()).extracting(TextPiece::getText).containsExactly("Mind the step");
    }

    private static byte[] exif(int orientation) {
        ByteBuffer tiff = ByteBuffer.allocate(26);
        tiff.put("MM".getBytes(StandardCharsets.US_ASCII)).putShort((short) 42).putInt(8);
        tiff.putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1);
        tiff.putShort((short) orientation).putShort((short) 0).putInt(0);
        ByteBuffer segment = ByteBuffer.allocate(4 + 6 + tiff.capacity());
        segment.putShort((short) 0xFFE1).putShort((short) (segment.capacity() - 2));
        segment.put("Exif\0\0".getBytes(StandardCharsets.US_ASCII)).put(tiff.array());
        return segment.array();
    }

    @Test
    void anAnimatedGifIsItsFirstFrame() throws Exception {
        var out = new ByteArrayOutputStream();
        var writer = ImageIO.getImageWritersByFormatName("gif").next();
        try (var stream = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(stream);
            writer.prepareWriteSequence(null);
            writer.writeToSequence(new IIOImage(sign(), null, null), null);
            writer.writeToSequence(
                    new IIOImage(TestMedia.picture(480, 160, List.of(new Words(40, 90, 36, "Another"))), null, null),
                    null);
            writer.endWriteSequence();
        }
        writer.dispose();
        var answer = server.encode(VisionServer.open("image/gif", "loop.gif"), out.toByteArray());
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.plan().getFrames()).isEqualTo(2);
        assertThat(answer.pieces()).extracting(TextPiece::getText).containsExactly("Mind the step");
    }

    @Test
    void imagesThatWereCutOffAreRefused() throws Exception {
        for (String format : List.of("png", "jpeg", "gif", "bmp")) {
            byte[] whole = TestMedia.encoded(
                    format.equals("png") || format.equals("gif") ? sign() : withoutAlpha(sign()), format);
            byte[] half = Arrays.copyOf(whole, whole.length / 2);
            var answer = server.encode(VisionServer.open("image/" + format, "half." + format), half);
            assertThat(answer.status().getCode()).as(format).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(answer.status().getDescription()).as(format).startsWith("half." + format + ": not a readable");
        }
    }

    private static BufferedImage withoutAlpha(BufferedImage image) {
        var copy = new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_3BYTE_BGR);
        copy.createGraphics().drawImage(image, 0, 0, null);
        return copy;
    }

    @Test
    void aPageOnItsHeadAndOneOnItsSideAreRead() throws Exception {
        BufferedImage page = TestMedia.picture(
                600,
                600,
                List.of(
                        new Words(40, 100, 34, "Harbour dues for small boats"),
                        new Words(40, 180, 34, "are paid at the yellow kiosk"),
                        new Words(40, 260, 34, "before six in the evening")));
        for (int quarters = 1; quarters <= 3; quarters++) {
            var turned = new BufferedImage(600, 600, BufferedImage.TYPE_INT_RGB);
            var graphics = turned.createGraphics();
            graphics.rotate(quarters * Math.PI / 2, 300, 300);
            graphics.drawImage(page, 0, 0, null);
            graphics.dispose();
            var answer = server.encode(VisionServer.open("image/png", "scan.png"), TestMedia.encoded(turned, "png"));
            assertThat(answer.pieces().getFirst().getText().lines().filter(line -> !line.isBlank()))
                    .as(quarters + " quarters")
                    .containsExactly(
                            "Harbour dues for small boats",
                            "are paid at the yellow kiosk",
                            "before six in the evening");
        }
    }
}
