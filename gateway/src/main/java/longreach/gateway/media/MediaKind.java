package longreach.gateway.media;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import longreach.v1.Modality;

/** The families of media types, and who reads them. */
public enum MediaKind {
    IMAGE(Modality.IMAGE),
    DOCUMENT(Modality.DOCUMENT),
    VIDEO(Modality.VIDEO),
    AUDIO(Modality.AUDIO);

    /** What callers are told when a type is none of these. */
    public static final String EXPECTED =
            "image/*, video/*, audio/*, text/*, application/pdf or an office document's type";

    private static final Set<String> DOCUMENTS = Set.of(
            "application/pdf",
            "application/epub+zip",
            "application/msword",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-excel",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.oasis.opendocument.presentation",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/json",
            "application/xml",
            "application/yaml",
            "application/x-yaml",
            "application/rtf",
            "application/javascript",
            "application/x-javascript",
            "application/typescript",
            "application/x-python",
            "application/x-python-code",
            "application/x-ndjson",
            "application/toml");

    /** For files that come without a type, as browsers and curl send them. */
    private static final Map<String, String> BY_EXTENSION = Map.ofEntries(
            Map.entry("pdf", "application/pdf"),
            Map.entry("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            Map.entry("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
            Map.entry("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            Map.entry("doc", "application/msword"),
            Map.entry("ppt", "application/vnd.ms-powerpoint"),
            Map.entry("xls", "application/vnd.ms-excel"),
            Map.entry("odt", "application/vnd.oasis.opendocument.text"),
            Map.entry("odp", "application/vnd.oasis.opendocument.presentation"),
            Map.entry("ods", "application/vnd.oasis.opendocument.spreadsheet"),
            Map.entry("epub", "application/epub+zip"),
            Map.entry("rtf", "application/rtf"),
            Map.entry("png", "image/png"),
            Map.entry("jpg", "image/jpeg"),
            Map.entry("jpeg", "image/jpeg"),
            Map.entry("webp", "image/webp"),
            Map.entry("gif", "image/gif"),
            Map.entry("bmp", "image/bmp"),
            Map.entry("tif", "image/tiff"),
            Map.entry("tiff", "image/tiff"),
            Map.entry("mp4", "video/mp4"),
            Map.entry("m4v", "video/mp4"),
            Map.entry("mov", "video/quicktime"),
            Map.entry("webm", "video/webm"),
            Map.entry("mkv", "video/x-matroska"),
            Map.entry("avi", "video/x-msvideo"),
            Map.entry("mpg", "video/mpeg"),
            Map.entry("mpeg", "video/mpeg"),
            Map.entry("wav", "audio/wav"),
            Map.entry("mp3", "audio/mpeg"),
            Map.entry("m4a", "audio/mp4"),
            Map.entry("aac", "audio/aac"),
            Map.entry("ogg", "audio/ogg"),
            Map.entry("oga", "audio/ogg"),
            Map.entry("opus", "audio/ogg"),
            Map.entry("flac", "audio/flac"),
            Map.entry("txt", "text/plain"),
            Map.entry("md", "text/markdown"),
            Map.entry("html", "text/html"),
            Map.entry("htm", "text/html"),
            Map.entry("csv", "text/csv"),
            Map.entry("json", "application/json"),
            Map.entry("xml", "application/xml"));

    private final Modality modality;

    MediaKind(Modality modality) {
        this.modality = modality;
    }

    /** What the media's tokens count under. */
    public Modality modality() {
        return modality;
    }

    /** @param mimeType lower case, without parameters; empty for a type that nobody here reads */
    public static Optional<MediaKind> of(String mimeType) {
        int slash = mimeType.indexOf('/');
        if (slash < 1 || slash == mimeType.length() - 1) {
            return Optional.empty();
        }
        if (DOCUMENTS.contains(mimeType)) {
            return Optional.of(DOCUMENT);
        }
        return switch (mimeType.substring(0, slash)) {
            case "image" -> Optional.of(IMAGE);
            case "video" -> Optional.of(VIDEO);
            case "audio" -> Optional.of(AUDIO);
            case "text" -> Optional.of(DOCUMENT);
            default -> Optional.empty();
        };
    }

    /** The type that a file name's ending stands for. */
    public static Optional<String> typeByName(String fileName) {
        int dot = fileName.lastIndexOf('.');
        return dot < 0
                ? Optional.empty()
                : Optional.ofNullable(
                        BY_EXTENSION.get(fileName.substring(dot + 1).toLowerCase(Locale.ROOT)));
    }
}
