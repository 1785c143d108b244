package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import longreach.v1.TextPiece;
import org.apache.poi.hslf.usermodel.HSLFSlideShow;
import org.apache.poi.hssf.usermodel.HSSFWorkbook;
import org.apache.poi.poifs.crypt.EncryptionInfo;
import org.apache.poi.poifs.crypt.EncryptionMode;
import org.apache.poi.poifs.filesystem.POIFSFileSystem;
import org.apache.poi.ss.usermodel.Workbook;
import org.apache.poi.xslf.usermodel.XMLSlideShow;
import org.apache.poi.xssf.usermodel.XSSFWorkbook;
import org.apache.poi.xwpf.usermodel.XWPFDocument;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Office files through the whole service. */
class OfficeTest {
    private static final String WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    private static final String SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    private static final String SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

    @TempDir
    Path directory;

    private VisionServer server;

    @BeforeEach
    void start() throws Exception {
        server = new VisionServer(VisionServer.settings(null, directory.resolve("spool")));
    }

    @AfterEach
    void stop() throws Exception {
        server.close();
    }

    private interface Writer {
        void write(ByteArrayOutputStream out) throws IOException;
    }

    private static byte[] bytes(Writer writer) throws IOException {
        var out = new ByteArrayOutputStream();
        writer.write(out);
        return out.toByteArray();
    }

    private List<TextPiece> read(String type, String name, byte[] file) throws Exception {
        var answer = server.encode(VisionServer.open(type, name), file);
        assertThat(answer.status().isOk()).as("%s", answer.status()).isTrue();
        assertThat(answer.done().getCountsMap())
                .containsEntry("pages", (long) answer.plan().getPages());
        return answer.pieces();
    }

    private String refusal(String type, String name, byte[] file) throws Exception {
        var answer = server.encode(VisionServer.open(type, name), file);
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        return answer.status().getDescription();
    }

    private static byte[] letter() throws IOException {
        try (var document = new XWPFDocument()) {
            document.createParagraph().createRun().setText("The blue crane lifts 40 tonnes.");
            var table = document.createTable(2, 2);
            table.getRow(0).getCell(0).setText("Year");
            table.getRow(0).getCell(1).setText("Ships");
            table.getRow(1).getCell(0).setText("2041");
            table.getRow(1).getCell(1).setText("905");
            document.createParagraph().createRun().setText("The end.");
            return bytes(document::write);
        }
    }

    @Test
    void aLetterKeepsItsTable() throws Exception {
        List<TextPiece> pieces = read(WORD, "letter.docx", letter());
        assertThat(pieces)
                .extracting(TextPiece::getText)
                .containsExactly("The blue crane lifts 40 tonnes.\n\nYear | Ships\n2041 | 905\n\nThe end.");
        assertThat(pieces.getFirst().getMark().getPage()).isZero();
        assertThat(pieces.getFirst().getKind()).isEqualTo(TextPiece.Kind.TEXT_LAYER);
    }

    @Test
    void slidesArePages() throws Exception {
        byte[] talk;
        try (var show = new XMLSlideShow()) {
            for (String title : List.of("Opening", "Budget: 48,200 crowns", "Thanks")) {
                show.createSlide().createTextBox().setText(title);
            }
            talk = bytes(show::write);
        }
        List<TextPiece> pieces = read("", "talk.pptx", talk);
        assertThat(pieces)
                .extracting(piece -> piece.getMark().getPage() + ": " + piece.getText())
                .containsExactly("1: Opening", "2: Budget: 48,200 crowns", "3: Thanks");
        assertThat(read(SLIDES, "talk.pptx", talk)).hasSize(3);
    }

    @Test
    void oldSlidesArePagesToo() throws Exception {
        byte[] talk;
        try (var show = new HSLFSlideShow()) {
            for (String title : List.of("Opening", "Thanks")) {
                show.createSlide().createTextBox().setText(title);
            }
            talk = bytes(show::write);
        }
        assertThat(read("application/vnd.ms-powerpoint", "talk.ppt", talk))
                .extracting(piece -> piece.getMark().getPage() + ": " + piece.getText())
                .containsExactly("1: Opening", "2: Thanks");
    }

    private static byte[] ships(Workbook workbook) throws IOException {
        try (workbook) {
            var ships = workbook.createSheet("Ships");
            ships.createRow(0).createCell(0).setCellValue("Name");
            ships.getRow(0).createCell(1).setCellValue("Tonnes");
            ships.createRow(1).createCell(0).setCellValue("Aurora");
            ships.getRow(1).createCell(1).setCellValue(1200);
            workbook.createSheet("Crew").createRow(0).createCell(0).setCellValue("Cook");
            return bytes(workbook::write);
        }
    }

    @Test
    void sheetsArePages() throws Exception {
        var expected = List.of("1: # Ships\n\nName | Tonnes\nAurora | 1200", "2: # Crew\n\nCook");
        assertThat(read(SHEETS, "ships.xlsx", ships(new XSSFWorkbook())))
                .extracting(piece -> piece.getMark().getPage() + ": " + piece.getText())
                .containsExactlyElementsOf(expected);
        assertThat(read("application/vnd.ms-excel", "ships.xls", ships(new HSSFWorkbook())))
                .extracting(piece -> piece.getMark().getPage() + ": " + piece.getText())
                .containsExactlyElementsOf(expected);
    }

    /** Its first entry is stored as it is, as the formats that name themselves there demand. */
    private static byte[] archive(String mimeType, String... namesAndContents) throws IOException {
        return bytes(out -> {
            try (var zip = new ZipOutputStream(out)) {
                byte[] type = mimeType.getBytes(StandardCharsets.US_ASCII);
                var first = new ZipEntry("mimetype");
                var crc = new CRC32();
                crc.update(type);
                first.setMethod(ZipEntry.STORED);
                first.setSize(type.length);
                first.setCrc(crc.getValue());
                zip.putNextEntry(first);
                zip.write(type);
                for (int i = 0; i < namesAndContents.length; i += 2) {
                    zip.putNextEntry(new ZipEntry(namesAndContents[i]));
                    zip.write(namesAndContents[i + 1].getBytes(StandardCharsets.UTF_8));
                }
            }
        });
    }

    @Test
    void openDocumentsBooksAndRichTextAreRead() throws Exception {
        byte[] odt = archive(
                "application/vnd.oasis.opendocument.text",
                "content.xml",
                "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\""
                        + " xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:text>"
                        + "<text:h text:outline-level=\"1\">Harbour</text:h><text:p>An open paragraph.</text:p>"
                        + "</office:text></office:body></office:document-content>");
        assertThat(read("", "open.odt", odt).getFirst().getText()).isEqualTo("# Harbour\n\nAn open paragraph.");

        byte[] epub = archive(
                "application/epub+zip",
                "META-INF/container.xml",
                "<container version=\"1.0\" xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles>"
                        + "<rootfile full-path=\"book.opf\" media-type=\"application/oebps-package+xml\"/>"
                        + "</rootfiles></container>",
                "book.opf",
                "<package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\"><manifest><item id=\"one\""
                        + " href=\"one.xhtml\" media-type=\"application/xhtml+xml\"/></manifest><spine>"
                        + "<itemref idref=\"one\"/></spine></package>",
                "one.xhtml",
                "<html xmlns=\"http://www.w3.org/1999/xhtml\"><body><h1>One</h1><p>A dark night.</p></body></html>");
        assertThat(read("application/epub+zip", "book.epub", epub).getFirst().getText())
                .isEqualTo("# One\n\nA dark night.");

        byte[] rtf = "{\\rtf1\\ansi{\\fonttbl\\f0 Arial;}\\pard This is {\\b bold}.\\par Second.\\par}"
                .getBytes(StandardCharsets.US_ASCII);
        assertThat(read("text/rtf", "note.rtf", rtf).getFirst().getText()).isEqualTo("This is bold.\n\nSecond.");
    }

    @Test
    void aLockedFileIsRefused() throws Exception {
        byte[] locked;
        try (var ole = new POIFSFileSystem()) {
            var encryptor = new EncryptionInfo(EncryptionMode.standard).getEncryptor();
            encryptor.confirmPassword("secret");
            try (var content = encryptor.getDataStream(ole)) {
                content.write(letter());
            }
            locked = bytes(ole::writeFilesystem);
        }
        assertThat(refusal(WORD, "locked.docx", locked))
                .isEqualTo("locked.docx: protected by a password (expected: a file that opens without one)");
    }

    @Test
    void whatIsCutShortIsRefused() throws Exception {
        byte[] letter = letter();
        for (int tenth = 1; tenth < 10; tenth++) {
            byte[] cut = Arrays.copyOf(letter, letter.length * tenth / 10);
            assertThat(refusal("", "cut.docx", cut)).contains("expected");
        }
        byte[] old = ships(new HSSFWorkbook());
        for (int tenth = 1; tenth < 10; tenth++) {
            var answer = server.encode(VisionServer.open("", "cut.xls"), Arrays.copyOf(old, old.length * tenth / 10));
            // Its sectors may all be there although the file is shorter.
            if (!answer.status().isOk()) {
                assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            }
        }
    }

    @Test
    void anArchiveThatGrowsWithoutBoundsIsRefused() throws Exception {
        byte[] bomb = archive(
                "application/vnd.oasis.opendocument.text",
                "content.xml",
                "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\""
                        + " xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:text>"
                        + ("<text:p>" + "a".repeat(10_000) + "</text:p>").repeat(2_000)
                        + "</office:text></office:body></office:document-content>");
        assertThat(bomb.length).isLessThan(200_000);
        assertThat(refusal("", "bomb.odt", bomb)).contains("bomb.odt");
    }

    @Test
    void entitiesOfTheOutsideAreNotFollowed() throws Exception {
        byte[] odt = archive(
                "application/vnd.oasis.opendocument.text",
                "content.xml",
                "<!DOCTYPE x [<!ENTITY outside SYSTEM \"file:///etc/hostname\">]>"
                        + "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\""
                        + " xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:text>"
                        + "<text:p>before &outside; after</text:p></office:text></office:body>"
                        + "</office:document-content>");
        var answer = server.encode(VisionServer.open("", "outside.odt"), odt);
        if (answer.status().isOk()) {
            assertThat(answer.pieces().getFirst().getText()).isEqualTo("before after");
        } else {
            assertThat(answer.status().getDescription()).contains("outside.odt");
        }
    }
}
