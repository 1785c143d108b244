package longreach.vision.media;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.apache.poi.poifs.filesystem.POIFSFileSystem;

/** Looks into the two containers that office files are made of, for the part that tells which kind of file it is. */
final class ContainerKind {
    // The entry that names the type in OpenDocument and EPUB files holds some forty bytes.
    private static final int MAX_MIME_BYTES = 128;

    private ContainerKind() {}

    /** @return the type of a ZIP archive's content; {@link MediaType#ZIP} when it is none that is known */
    static MediaType ofZip(Path file) throws IOException {
        try (ZipFile zip = new ZipFile(file.toFile())) {
            if (zip.getEntry("word/document.xml") != null) {
                return MediaType.DOCX;
            }
            if (zip.getEntry("ppt/presentation.xml") != null) {
                return MediaType.PPTX;
            }
            if (zip.getEntry("xl/workbook.xml") != null) {
                return MediaType.XLSX;
            }
            var declared = zip.getEntry("mimetype");
            if (declared == null) {
                return MediaType.ZIP;
            }
            try (var in = zip.getInputStream(declared)) {
                String name = new String(in.readNBytes(MAX_MIME_BYTES), java.nio.charset.StandardCharsets.US_ASCII);
                Optional<MediaType> type = MediaType.named(name);
                return type.filter(t -> t.family() == MediaType.Family.OFFICE).orElse(MediaType.ZIP);
            }
        } catch (ZipException e) {
            // Cut short: its directory is at the end.
            return MediaType.ZIP;
        }
    }

    /**
     * @return the type of an OLE 2 file; {@link MediaType#BINARY} when it is none that is known
     * @throws MediaException when it is the shell that a password puts around a newer file
     */
    static MediaType ofOle(Path file, String name) throws MediaException {
        try (var ole = new POIFSFileSystem(file.toFile(), true)) {
            var root = ole.getRoot();
            if (root.hasEntry("WordDocument")) {
                return MediaType.DOC;
            }
            if (root.hasEntry("PowerPoint Document")) {
                return MediaType.PPT;
            }
            if (root.hasEntry("Workbook") || root.hasEntry("Book")) {
                return MediaType.XLS;
            }
            if (root.hasEntry("EncryptedPackage")) {
                throw MediaException.invalid(
                        name + ": protected by a password (expected: a file that opens without one)");
            }
            return MediaType.BINARY;
        } catch (RuntimeException | IOException e) {
            return MediaType.BINARY;
        }
    }
}
