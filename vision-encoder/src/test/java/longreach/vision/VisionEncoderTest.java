package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import java.awt.image.BufferedImage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import longreach.v1.EncodeOpen;
import longreach.v1.Modality;
import longreach.v1.TextPiece;
import longreach.vision.TestMedia.Words;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Documents and images through the whole service. */
class VisionEncoderTest {
    @TempDir
    Path directory;

    private Path spool;
    private Path mediaRoot;
    private VisionServer server;

    @BeforeEach
    void start() throws Exception {
        spool = directory.resolve("spool");
        mediaRoot = Files.createDirectory(directory.resolve("media"));
        server = new VisionServer(VisionServer.settings(mediaRoot, spool));
    }

    @AfterEach
    void nothingStaysInTheSpool() throws Exception {
        server.close();
        if (Files.exists(spool)) {
            try (var files = Files.list(spool)) {
                assertThat(files).isEmpty();
            }
        }
    }

    @Test
    void aPdfComesByPage() throws Exception {
        byte[] pdf = TestMedia.pdf(List.of(
                List.of(new Words(60, 80, 18, "The first page"), new Words(60, 120, 11, "It has two lines.")),
                List.of(new Words(60, 80, 18, "The second page"))));
        var answer = server.encode(VisionServer.open("application/pdf", "report.pdf"), pdf);
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.plan().getModality()).isEqualTo(Modality.DOCUMENT);
        assertThat(answer.plan().getPages()).isEqualTo(2);
        assertThat(answer.pieces())
                .extracting(TextPiece::getText)
                .containsExactly("The first page\n\nIt has two lines.", "The second page");
        assertThat(answer.pieces())
                .extracting(piece -> piece.getMark().getPage())
                .containsExactly(1, 2);
        assertThat(answer.pieces()).extracting(TextPiece::getKind).containsOnly(TextPiece.Kind.TEXT_LAYER);
        assertThat(answer.done().getCountsMap()).containsEntry("pages", 2L).containsEntry("text_pages", 2L);
    }

    @Test
    void aScannedPageIsRecognised() throws Exception {
        BufferedImage scan = TestMedia.picture(
                1240,
                1754,
                List.of(
                        new Words(120, 200, 48, "Annual report 2041"),
                        new Words(120, 300, 30, "The lighthouse was painted red in March."),
                        new Words(120, 345, 30, "It cost 48,200 crowns.")));
        var answer = server.encode(VisionServer.open("application/pdf", "scan.pdf"), TestMedia.imagePdf(scan));
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.pieces()).hasSize(1);
        TextPiece piece = answer.pieces().getFirst();
        assertThat(piece.getKind()).isEqualTo(TextPiece.Kind.OCR);
        assertThat(piece.getMark().getPage()).isEqualTo(1);
        assertThat(piece.getConfidence()).isGreaterThan(0.8f);
        assertThat(piece.getText())
                .isEqualTo("Annual report 2041\n\nThe lighthouse was painted red in March.\nIt cost 48,200 crowns.");
        assertThat(answer.done().getCountsMap()).containsEntry("ocr_pages", 1L);
    }

    @Test
    void anImageIsRead() throws Exception {
        BufferedImage image = TestMedia.picture(640, 200, List.of(new Words(40, 100, 40, "Exit to platform 7")));
        var answer = server.encode(VisionServer.open("image/png", "sign.png"), TestMedia.encoded(image, "png"));
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.plan().getWidth()).isEqualTo(640);
        assertThat(answer.pieces()).extracting(TextPiece::getText).containsExactly("Exit to platform 7");
    }

    @Test
    void aFileUnderTheMediaRootIsOpenedByPath() throws Exception {
        Files.writeString(mediaRoot.resolve("notes.md"), "# Harbour\n\nThe crane lifts 40 tonnes.\n");
        var open = EncodeOpen.newBuilder()
                .setMimeType("text/markdown")
                .setFileName("notes.md")
                .setPath(mediaRoot.resolve("notes.md").toString())
                .build();
        var answer = server.encode(open, new byte[0]);
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.pieces().getFirst().getText()).contains("The crane lifts 40 tonnes.");
        assertThat(Files.exists(mediaRoot.resolve("notes.md"))).isTrue();
    }

    @Test
    void aPathOutsideTheMediaRootIsRefused() throws Exception {
        Path secret = Files.writeString(directory.resolve("secret.txt"), "nothing to see");
        Files.createSymbolicLink(mediaRoot.resolve("link.txt"), secret);
        for (String path : List.of(secret.toString(), "../secret.txt", "link.txt", "absent.txt", "a\0b", ".")) {
            var open = EncodeOpen.newBuilder()
                    .setMimeType("text/plain")
                    .setPath(path)
                    .build();
            var answer = server.encode(open, new byte[0]);
            assertThat(answer.status().getCode()).as(path).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(answer.status().getDescription())
                    .isEqualTo("path: refused (expected: a file under the media root)");
        }
    }

    @Test
    void anEmptyFileIsRefused() throws Exception {
        var answer = server.encode(VisionServer.open("application/pdf", "empty.pdf"), new byte[0]);
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(answer.status().getDescription()).isEqualTo("empty.pdf: 0 bytes (expected: a file with content)");
    }

    @Test
    void aLockedPdfIsRefused() throws Exception {
        var answer = server.encode(VisionServer.open("application/pdf", "locked.pdf"), TestMedia.lockedPdf("x"));
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(answer.status().getDescription())
                .isEqualTo("locked.pdf: protected by a password (expected: a PDF that opens without one)");
    }

    @Test
    void aWrongTypeNamesBoth() throws Exception {
        byte[] pdf = TestMedia.pdf(List.of(List.of(new Words(60, 80, 12, "A page"))));
        var answer = server.encode(VisionServer.open("image/png", "photo.png"), pdf);
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(answer.status().getDescription())
                .isEqualTo("mimeType: image/png (expected: application/pdf, which is what the bytes of photo.png are)");
    }

    @Test
    void textThatIsNotAPdfIsNamedAsText() throws Exception {
        var answer = server.encode(
                VisionServer.open("application/pdf", "a.pdf"), "just words".getBytes(StandardCharsets.UTF_8));
        assertThat(answer.status().getDescription()).contains("application/pdf").contains("text/plain");
    }
}
