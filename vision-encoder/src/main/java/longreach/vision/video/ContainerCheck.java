package longreach.vision.video;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.StandardOpenOption;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaSource;

/**
 * Whether a container is whole: its outermost boxes say how long they are, so a file that was cut off is told from a
 * damaged one, and refused rather than answered from the part that arrived. Only headers are read.
 */
final class ContainerCheck {
    // Fragmented files have two boxes for every few seconds.
    private static final int MAX_BOXES = 1_000_000;

    private ContainerCheck() {}

    static void requireWhole(MediaSource source) throws MediaException {
        try (FileChannel file = FileChannel.open(source.path(), StandardOpenOption.READ)) {
            switch (source.type()) {
                case MP4 -> isoBoxes(source, file);
                case MATROSKA -> matroskaSegment(source, file);
                case AVI -> riff(source, file);
                default -> {
                    // The other formats are streams of packets without a length.
                }
            }
        } catch (IOException e) {
            throw MediaException.invalid(source.name() + ": cannot be read (expected: a readable file)", e);
        }
    }

    /** ISO/IEC 14496-12, section 4.2. */
    private static void isoBoxes(MediaSource source, FileChannel file) throws MediaException, IOException {
        long size = file.size();
        long at = 0;
        boolean index = false;
        boolean media = false;
        for (int boxes = 0; at < size && boxes < MAX_BOXES; boxes++) {
            ByteBuffer head = bytes(file, at, 16);
            if (head.limit() < 8) {
                throw cut(source, "a box header", at, 8, size);
            }
            long length = head.getInt(0) & 0xFFFFFFFFL;
            String type = tag(head, 4);
            if (length == 0) {
                length = size - at;
            } else if (length == 1) {
                if (head.limit() < 16) {
                    throw cut(source, "a box header", at, 16, size);
                }
                length = head.getLong(8);
            }
            if (length < 8) {
                // Some writers pad the end with zeros or text; what came before counts.
                if (index) {
                    break;
                }
                throw MediaException.invalid(source.name() + ": box '" + printable(type) + "' at byte " + at + " of "
                        + length + " bytes (expected: at least 8)");
            }
            if (length > size - at) {
                throw cut(source, "box '" + printable(type) + "'", at, length, size);
            }
            index |= type.equals("moov");
            media |= type.equals("mdat");
            at += length;
        }
        if (!index) {
            throw MediaException.invalid(source.name() + ": no index ('moov' box) in " + size
                    + " bytes (expected: a whole MP4; " + (media ? "the end is missing)" : "this has no media)"));
        }
    }

    /** RFC 8794: an EBML header, then one segment of known or unknown size. */
    private static void matroskaSegment(MediaSource source, FileChannel file) throws MediaException, IOException {
        long size = file.size();
        long[] header = element(file, 0);
        if (header == null || header[1] > size) {
            throw cut(source, "the EBML header", 0, header == null ? 5 : header[1], size);
        }
        long at = header[1];
        long[] segment = element(file, at);
        if (segment == null) {
            throw cut(source, "the segment header", at, 12, size);
        }
        // Negative: unknown, as live recordings have it.
        if (segment[1] > size) {
            throw cut(source, "the segment", at, segment[1] - at, size);
        }
    }

    /** The id of the element at a place and where it ends; end -1: unknown; null when its header is not all there. */
    private static long[] element(FileChannel file, long at) throws IOException {
        ByteBuffer head = bytes(file, at, 12);
        if (head.limit() < 2 || head.get(0) == 0) {
            return null;
        }
        int idLength = Integer.numberOfLeadingZeros(head.get(0) & 255) - 23;
        if (idLength > 4 || head.limit() <= idLength || head.get(idLength) == 0) {
            return null;
        }
        int sizeLength = Integer.numberOfLeadingZeros(head.get(idLength) & 255) - 23;
        if (head.limit() < idLength + sizeLength) {
            return null;
        }
        long id = 0;
        for (int i = 0; i < idLength; i++) {
            id = id << 8 | head.get(i) & 255;
        }
        long size = head.get(idLength) & (0x7F >> (sizeLength - 1));
        for (int i = 1; i < sizeLength; i++) {
            size = size << 8 | head.get(idLength + i) & 255;
        }
        boolean unknown = size == (1L << 7 * sizeLength) - 1;
        return new long[] {id, unknown ? -1 : at + idLength + sizeLength + size};
    }

    private static void riff(MediaSource source, FileChannel file) throws MediaException, IOException {
        ByteBuffer head = bytes(file, 0, 12).order(ByteOrder.LITTLE_ENDIAN);
        if (head.limit() < 12) {
            throw cut(source, "the RIFF header", 0, 12, file.size());
        }
        long length = (head.getInt(4) & 0xFFFFFFFFL) + 8;
        if (length > file.size()) {
            throw cut(source, "the RIFF chunk", 0, length, file.size());
        }
    }

    private static MediaException cut(MediaSource source, String what, long at, long length, long size) {
        return MediaException.invalid(source.name() + ": truncated: " + what + " at byte " + at + " is " + length
                + " bytes long, and the file ends after " + size + " (expected: a whole file)");
    }

    private static ByteBuffer bytes(FileChannel file, long at, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count);
        while (buffer.hasRemaining() && file.read(buffer, at + buffer.position()) > 0) {
            continue;
        }
        return buffer.flip();
    }

    private static String tag(ByteBuffer data, int at) {
        byte[] four = new byte[4];
        data.get(at, four);
        return new String(four, StandardCharsets.ISO_8859_1);
    }

    private static String printable(String type) {
        return type.replaceAll("[^ -~]", "?");
    }
}
