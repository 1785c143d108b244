package longreach.vision.media;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Tells a file's type from its first bytes, and holds it against the type that was declared. */
public final class MediaSniffer {
    // How many leading bytes are looked at.
    private static final int HEAD_BYTES = 4096;

    private static final int TS_PACKET = 188;

    private MediaSniffer() {}

    /**
     * @param file borrowed; its first bytes are read, and the directory of what is an archive
     * @param declared the MIME type the caller gave; empty or application/octet-stream: unknown
     * @param fileName used in the message only
     * @return a readable type
     * @throws MediaException when the bytes are empty, of another type than declared, or of one that cannot be read
     */
    public static MediaType identify(Path file, String declared, String fileName) throws MediaException, IOException {
        String name = fileName.isEmpty() ? "the file" : fileName;
        byte[] head;
        try (InputStream in = Files.newInputStream(file)) {
            head = in.readNBytes(HEAD_BYTES);
        }
        if (head.length == 0) {
            throw MediaException.invalid(name + ": 0 bytes (expected: a file with content)");
        }
        MediaType found = sniff(head);
        found = switch (found) {
            case ZIP -> ContainerKind.ofZip(file);
            case OLE -> ContainerKind.ofOle(file, name);
            default -> found;
        };
        boolean undeclared = declared.isBlank() || MediaType.BINARY.mimeType().equals(declared);
        Optional<MediaType> named = undeclared ? Optional.of(found) : MediaType.named(declared);
        if (named.isEmpty()) {
            throw MediaException.invalid(
                    "mimeType: " + declared + " (expected one of: " + String.join(", ", MediaType.readable()) + ")");
        }
        MediaType type = named.get();
        boolean bothText = type.family() == MediaType.Family.TEXT && found.family() == MediaType.Family.TEXT;
        if (type != found && !bothText) {
            throw MediaException.invalid("mimeType: " + declared + " (expected: " + found.mimeType()
                    + ", which is what the bytes of " + name + " are)");
        }
        if (type.family() == MediaType.Family.UNREADABLE) {
            throw MediaException.invalid("mimeType: " + (undeclared ? found.mimeType() : declared)
                    + " (expected one of: " + String.join(", ", MediaType.readable()) + ")");
        }
        return type;
    }

    static MediaType sniff(byte[] head) {
        if (find(head, "%PDF-", 1024)) {
            return MediaType.PDF;
        }
        if (starts(head, 0, 0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A)) {
            return MediaType.PNG;
        }
        if (starts(head, 0, 0xFF, 0xD8, 0xFF)) {
            return MediaType.JPEG;
        }
        if (starts(head, 0, 'G', 'I', 'F', '8')) {
            return MediaType.GIF;
        }
        if (starts(head, 0, 'R', 'I', 'F', 'F')) {
            if (starts(head, 8, 'W', 'E', 'B', 'P')) {
                return MediaType.WEBP;
            }
            if (starts(head, 8, 'A', 'V', 'I', ' ')) {
                return MediaType.AVI;
            }
            return starts(head, 8, 'W', 'A', 'V', 'E') ? MediaType.AUDIO : MediaType.BINARY;
        }
        if (starts(head, 0, 'I', 'I', 42, 0) || starts(head, 0, 'M', 'M', 0, 42)) {
            return MediaType.TIFF;
        }
        if (starts(head, 4, 'f', 't', 'y', 'p')) {
            return isoBrand(head);
        }
        if (starts(head, 4, 'm', 'o', 'o', 'v')
                || starts(head, 4, 'm', 'd', 'a', 't')
                || starts(head, 4, 'w', 'i', 'd', 'e')
                || starts(head, 4, 'f', 'r', 'e', 'e')) {
            return MediaType.MP4;
        }
        if (starts(head, 0, 0x1A, 0x45, 0xDF, 0xA3)) {
            return MediaType.MATROSKA;
        }
        if (starts(head, 0, 0, 0, 1, 0xBA) || starts(head, 0, 0, 0, 1, 0xB3)) {
            return MediaType.MPEG;
        }
        if (head.length > 2 * TS_PACKET
                && starts(head, 0, 0x47)
                && starts(head, TS_PACKET, 0x47)
                && starts(head, 2 * TS_PACKET, 0x47)) {
            return MediaType.MPEG;
        }
        if (starts(head, 0, 'F', 'L', 'V', 1)) {
            return MediaType.FLV;
        }
        if (starts(head, 0, 0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11)) {
            return MediaType.ASF;
        }
        if (starts(head, 0, 'O', 'g', 'g', 'S')) {
            return find(head, "\u0080theora", 512) || find(head, "OVP80", 512) ? MediaType.OGG : MediaType.AUDIO;
        }
        if (starts(head, 0, 'f', 'L', 'a', 'C')
                || starts(head, 0, 'I', 'D', '3')
                || starts(head, 0, 'F', 'O', 'R', 'M')) {
            return MediaType.AUDIO;
        }
        if (starts(head, 0, 'P', 'K', 3, 4)) {
            return MediaType.ZIP;
        }
        if (starts(head, 0, 0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1)) {
            return MediaType.OLE;
        }
        if (starts(head, 0, '{', '\\', 'r', 't', 'f')) {
            return MediaType.RTF;
        }
        // Text may well begin with "BM"; a bitmap's header has zero bytes, which text has not.
        if (starts(head, 0, 'B', 'M') && starts(head, 6, 0, 0, 0, 0)) {
            return MediaType.BMP;
        }
        return text(head) ? textKind(head) : MediaType.BINARY;
    }

    private static MediaType isoBrand(byte[] head) {
        String brand = new String(head, 8, Math.min(4, head.length - 8), StandardCharsets.ISO_8859_1);
        return switch (brand) {
            case "heic", "heix", "heim", "heis", "hevc", "mif1", "msf1", "avif", "avis" -> MediaType.HEIF;
            case "M4A ", "M4B " -> MediaType.AUDIO;
            default -> MediaType.MP4;
        };
    }

    private static MediaType textKind(byte[] head) {
        String start = new String(head, StandardCharsets.UTF_8).stripLeading().toLowerCase(java.util.Locale.ROOT);
        if (start.startsWith("\uFEFF")) {
            start = start.substring(1).stripLeading();
        }
        return start.startsWith("<!doctype html") || start.startsWith("<html") ? MediaType.HTML : MediaType.PLAIN_TEXT;
    }

    /** No control characters but the usual ones; UTF-8, UTF-16 with a mark, or a single-byte code. */
    private static boolean text(byte[] head) {
        if (starts(head, 0, 0xFF, 0xFE) || starts(head, 0, 0xFE, 0xFF)) {
            return true;
        }
        for (byte b : head) {
            if (b >= 0 && b < 32 && b != '\t' && b != '\n' && b != '\r' && b != '\f' && b != 0x1B) {
                return false;
            }
        }
        // Bytes above 127 that are not UTF-8 are let through only when rare, as accents in a Latin text are.
        int high = 0;
        for (byte b : head) {
            high += b < 0 ? 1 : 0;
        }
        return high * 4 < head.length || utf8(head);
    }

    private static boolean utf8(byte[] head) {
        var decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        // Not told that the input ends here: the head may cut a character.
        return !decoder.decode(ByteBuffer.wrap(head), CharBuffer.allocate(head.length + 1), false)
                .isError();
    }

    private static boolean starts(byte[] head, int at, int... bytes) {
        if (head.length < at + bytes.length) {
            return false;
        }
        for (int i = 0; i < bytes.length; i++) {
            if (head[at + i] != (byte) bytes[i]) {
                return false;
            }
        }
        return true;
    }

    private static boolean find(byte[] head, String mark, int within) {
        String start = new String(head, 0, Math.min(head.length, within), StandardCharsets.ISO_8859_1);
        return start.contains(mark);
    }
}
