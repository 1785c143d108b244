package longreach.vision.video;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * What a decoding child is asked for, and how it answers.
 *
 * @param name for messages
 * @param demuxer FFmpeg's name of the container format
 * @param maxPixels of a frame
 * @param what of the file is wanted
 * @param endMillis exclusive
 * @param intervalMillis between frames that are looked at
 * @param longestSide of a frame as it is sent; larger ones are shrunk
 * @param dropUnchanged frames that show nothing new are told of and not sent
 */
record FrameRequest(
        String name,
        String demuxer,
        long maxPixels,
        What what,
        long startMillis,
        long endMillis,
        double intervalMillis,
        int longestSide,
        boolean dropUnchanged) {

    /** Its headers; one picture; pictures at times. */
    enum What {
        PROBE,
        STILL,
        FRAMES
    }

    /** Once, first: has video, has audio (bool), width, height, turn (int), duration in ms (long), codec (UTF). */
    static final int PROBED = 32;

    /** Time in ms (long), is new (bool), width, height (int), then BGRA bytes when it is new. */
    static final int FRAME = 33;

    /** {@link longreach.vision.media.MediaException.Fault} by ordinal (byte), message (UTF). The last. */
    static final int FAULT = 34;

    /** Nothing more comes. */
    static final int END = 35;

    byte[] bytes() {
        var bytes = new ByteArrayOutputStream();
        try (var out = new DataOutputStream(bytes)) {
            out.writeUTF(name.length() > 1000 ? name.substring(0, 1000) : name);
            out.writeUTF(demuxer);
            out.writeLong(maxPixels);
            out.writeByte(what.ordinal());
            out.writeLong(startMillis);
            out.writeLong(endMillis);
            out.writeDouble(intervalMillis);
            out.writeInt(longestSide);
            out.writeBoolean(dropUnchanged);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static FrameRequest of(byte[] bytes) throws IOException {
        try (var in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            return new FrameRequest(
                    in.readUTF(),
                    in.readUTF(),
                    in.readLong(),
                    What.values()[in.readByte()],
                    in.readLong(),
                    in.readLong(),
                    in.readDouble(),
                    in.readInt(),
                    in.readBoolean());
        }
    }
}
