package longreach.vision.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What the container of an image says beside its pixels: the orientation (EXIF 2.32, tag 0x0112) of JPEG, PNG and WebP
 * files, and the size of a WebP one. Every length is checked against the bytes that are there.
 *
 * @param orientation 1 to 8; 1: as stored
 * @param width of a WebP image; 0: not looked for
 * @param animated a WebP image of several frames
 */
record ImageHeader(int orientation, int width, int height, boolean animated) {
    // Metadata precedes the pixels in JPEG; WebP may have it at the end.
    private static final int WINDOW = 1 << 20;

    static ImageHeader of(Path file) throws IOException {
        byte[] bytes;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(channel.size(), WINDOW));
            while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
                continue;
            }
            bytes = java.util.Arrays.copyOf(buffer.array(), buffer.position());
        }
        ByteBuffer data = ByteBuffer.wrap(bytes);
        if (bytes.length > 4 && (data.getInt(0) >>> 8) == 0xFFD8FF) {
            return new ImageHeader(jpegOrientation(data), 0, 0, false);
        }
        if (bytes.length > 8 && data.getInt(0) == 0x89504E47) {
            return new ImageHeader(pngOrientation(data), 0, 0, false);
        }
        if (bytes.length > 30 && tag(data, 0).equals("RIFF") && tag(data, 8).equals("WEBP")) {
            return webp(data);
        }
        return new ImageHeader(1, 0, 0, false);
    }

    private static int jpegOrientation(ByteBuffer data) {
        int at = 2;
        while (at + 4 <= data.limit() && (data.get(at) & 255) == 0xFF) {
            int marker = data.get(at + 1) & 255;
            int length = data.getShort(at + 2) & 0xFFFF;
            if (marker == 0xDA || length < 2) {
                break;
            }
            if (marker == 0xE1 && at + 10 <= data.limit() && tag(data, at + 4).equals("Exif")) {
                return exifOrientation(data, at + 10, Math.min(data.limit(), at + 2 + length));
            }
            at += 2 + length;
        }
        return 1;
    }

    private static int pngOrientation(ByteBuffer data) {
        int at = 8;
        while (at + 8 <= data.limit()) {
            long length = data.getInt(at) & 0xFFFFFFFFL;
            if (tag(data, at + 4).equals("eXIf")) {
                return exifOrientation(data, at + 8, (int) Math.min(data.limit(), at + 8 + length));
            }
            if (tag(data, at + 4).equals("IDAT") || at + 12 + length > data.limit()) {
                break;
            }
            at += (int) (12 + length);
        }
        return 1;
    }

    private static ImageHeader webp(ByteBuffer data) {
        data.order(ByteOrder.LITTLE_ENDIAN);
        int width = 0;
        int height = 0;
        int orientation = 1;
        boolean animated = false;
        long at = 12;
        while (at + 8 <= data.limit()) {
            int body = (int) at + 8;
            long length = data.getInt((int) at + 4) & 0xFFFFFFFFL;
            boolean whole = body + 10 <= data.limit();
            switch (tag(data, (int) at)) {
                case "VP8X" -> {
                    if (whole) {
                        animated = (data.get(body) & 2) != 0;
                        width = 1 + (data.getInt(body + 4) & 0xFFFFFF);
                        height = 1 + (data.getInt(body + 6) >>> 8);
                    }
                }
                case "VP8 " -> {
                    if (whole && width == 0) {
                        width = data.getShort(body + 6) & 0x3FFF;
                        height = data.getShort(body + 8) & 0x3FFF;
                    }
                }
                case "VP8L" -> {
                    if (whole && width == 0) {
                        int bits = data.getInt(body + 1);
                        width = 1 + (bits & 0x3FFF);
                        height = 1 + (bits >>> 14 & 0x3FFF);
                    }
                }
                case "EXIF" -> orientation = exifOrientation(data, body, (int) Math.min(data.limit(), body + length));
                default -> {
                    // Not about size or orientation.
                }
            }
            at = body + length + (length & 1);
        }
        return new ImageHeader(orientation, width, height, animated);
    }

    /** The orientation in the first directory of a TIFF structure at [from, to); 1 when there is none. */
    private static int exifOrientation(ByteBuffer data, int from, int to) {
        ByteBuffer exif = data.slice(from, Math.max(0, to - from));
        if (exif.limit() >= 6 && tag(exif, 0).equals("Exif")) {
            exif = exif.slice(6, exif.limit() - 6);
        }
        if (exif.limit() < 14) {
            return 1;
        }
        exif.order(exif.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        long directory = exif.getInt(4) & 0xFFFFFFFFL;
        if (directory + 2 > exif.limit()) {
            return 1;
        }
        int entries = exif.getShort((int) directory) & 0xFFFF;
        for (int i = 0; i < entries; i++) {
            long entry = directory + 2 + 12L * i;
            if (entry + 12 > exif.limit()) {
                break;
            }
            if ((exif.getShort((int) entry) & 0xFFFF) == 0x0112) {
                int value = exif.getShort((int) entry + 8) & 0xFFFF;
                return value >= 1 && value <= 8 ? value : 1;
            }
        }
        return 1;
    }

    private static String tag(ByteBuffer data, int at) {
        if (at + 4 > data.limit()) {
            return "";
        }
        byte[] four = new byte[4];
        data.get(at, four);
        return new String(four, StandardCharsets.ISO_8859_1);
    }

    /** The raster as it is meant to be seen. */
    Raster upright(Raster stored) {
        return switch (orientation) {
            case 2 -> stored.mirrored();
            case 3 -> stored.turned(180);
            case 4 -> stored.turned(180).mirrored();
            case 5 -> stored.turned(90).mirrored();
            case 6 -> stored.turned(90);
            case 7 -> stored.turned(270).mirrored();
            case 8 -> stored.turned(270);
            default -> stored;
        };
    }
}
