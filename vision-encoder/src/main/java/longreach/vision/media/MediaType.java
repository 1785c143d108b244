package longreach.vision.media;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The kinds of file that are understood, or known well enough to be named when refused. */
public enum MediaType {
    PDF(Family.PDF, "application/pdf"),
    HTML(Family.TEXT, "text/html", "application/xhtml+xml"),
    MARKDOWN(Family.TEXT, "text/markdown", "text/md", "text/x-markdown"),
    CSV(Family.TEXT, "text/csv", "text/tab-separated-values"),
    PLAIN_TEXT(
            Family.TEXT,
            "text/plain",
            "text/xml",
            "application/xml",
            "application/json",
            "application/x-ndjson",
            "application/yaml",
            "text/yaml",
            "text/css",
            "text/javascript",
            "application/javascript",
            "application/x-javascript"),
    DOCX(Family.OFFICE, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    PPTX(Family.OFFICE, "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    XLSX(Family.OFFICE, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    DOC(Family.OFFICE, "application/msword"),
    PPT(Family.OFFICE, "application/vnd.ms-powerpoint"),
    XLS(Family.OFFICE, "application/vnd.ms-excel"),
    ODT(Family.OFFICE, "application/vnd.oasis.opendocument.text"),
    ODP(Family.OFFICE, "application/vnd.oasis.opendocument.presentation"),
    ODS(Family.OFFICE, "application/vnd.oasis.opendocument.spreadsheet"),
    EPUB(Family.OFFICE, "application/epub+zip"),
    RTF(Family.OFFICE, "application/rtf", "text/rtf"),
    PNG(Family.IMAGE, "image/png"),
    JPEG(Family.IMAGE, "image/jpeg", "image/jpg"),
    GIF(Family.IMAGE, "image/gif"),
    WEBP(Family.IMAGE, "image/webp"),
    BMP(Family.IMAGE, "image/bmp", "image/x-ms-bmp"),
    TIFF(Family.IMAGE, "image/tiff"),
    MP4(Family.VIDEO, "video/mp4", "video/quicktime", "video/mov", "video/3gpp", "video/x-m4v"),
    MATROSKA(Family.VIDEO, "video/webm", "video/x-matroska"),
    AVI(Family.VIDEO, "video/x-msvideo", "video/avi"),
    MPEG(Family.VIDEO, "video/mpeg", "video/mpg", "video/mp2t"),
    FLV(Family.VIDEO, "video/x-flv"),
    ASF(Family.VIDEO, "video/x-ms-wmv", "video/wmv", "video/x-ms-asf"),
    OGG(Family.VIDEO, "video/ogg"),
    HEIF(Family.UNREADABLE, "image/heic", "image/heif", "image/avif"),
    ZIP(Family.UNREADABLE, "application/zip"),
    OLE(Family.UNREADABLE, "application/x-ole-storage"),
    AUDIO(Family.UNREADABLE, "audio"),
    BINARY(Family.UNREADABLE, "application/octet-stream");

    /** What reads it. */
    public enum Family {
        PDF,
        TEXT,
        OFFICE,
        IMAGE,
        VIDEO,
        UNREADABLE
    }

    private final Family family;
    private final List<String> mimeTypes;

    MediaType(Family family, String... mimeTypes) {
        this.family = family;
        this.mimeTypes = List.of(mimeTypes);
    }

    public Family family() {
        return family;
    }

    /** The usual MIME type. */
    public String mimeType() {
        return mimeTypes.getFirst();
    }

    /** Every MIME type that can be encoded. */
    public static List<String> readable() {
        return Arrays.stream(values())
                .filter(type -> type.family != Family.UNREADABLE)
                .flatMap(type -> type.mimeTypes.stream())
                .toList();
    }

    /** The type a MIME name stands for, its parameters aside; any other text/... is plain text. */
    public static Optional<MediaType> named(String mimeType) {
        String name = mimeType.split(";", 2)[0].strip().toLowerCase(java.util.Locale.ROOT);
        for (MediaType type : values()) {
            if (type.mimeTypes.contains(name)) {
                return Optional.of(type);
            }
        }
        if (name.startsWith("text/")) {
            return Optional.of(PLAIN_TEXT);
        }
        return name.startsWith("audio/") ? Optional.of(AUDIO) : Optional.empty();
    }
}
