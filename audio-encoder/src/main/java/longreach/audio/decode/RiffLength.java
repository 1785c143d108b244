package longreach.audio.decode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Whether a WAV file holds as many bytes as its header says. FFmpeg takes the smaller of the two without a word, so a
 * truncated WAV looks whole to it.
 */
final class RiffLength {
    private static final int RIFF = 0x46464952;
    private static final int WAVE = 0x45564157;
    private static final int DATA = 0x61746164;
    private static final int MAX_CHUNKS = 64;
    // Writers that cannot seek back leave 0 or about the largest number.
    private static final long UNKNOWN = 0x7ffff000L;

    private RiffLength() {}

    /**
     * Bytes of samples that the header promises and the file lacks.
     *
     * @return 0 for a complete file, one of unknown length, or one that is no WAV
     */
    static long missingBytes(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer header = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
            if (channel.read(header, 0) < 12 || header.getInt(0) != RIFF || header.getInt(8) != WAVE) {
                return 0;
            }
            long size = channel.size();
            long at = 12;
            for (int chunk = 0; chunk < MAX_CHUNKS; chunk++) {
                header.clear().limit(8);
                if (channel.read(header, at) < 8) {
                    return 0;
                }
                long length = Integer.toUnsignedLong(header.getInt(4));
                at += 8;
                if (header.getInt(0) == DATA) {
                    return length == 0 || length >= UNKNOWN ? 0 : Math.max(0, at + length - size);
                }
                // Chunks are padded to even lengths.
                at += length + (length & 1);
            }
            return 0;
        }
    }
}
