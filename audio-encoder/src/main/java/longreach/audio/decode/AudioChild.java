package longreach.audio.decode;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import longreach.audio.AudioException;
import longreach.tensor.process.ChildMain;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.ffmpeg.global.swresample;
import org.bytedeco.javacpp.Loader;

/** The process in which FFmpeg decodes sound: one file, then it ends. */
final class AudioChild implements ChildMain.Work {
    /** Once, first: an {@link AudioProbe}, field by field. */
    static final int PROBED = 32;

    /** Place of the first sample (long), then samples (float). */
    static final int SAMPLES = 33;

    /** Why the file cannot be read (UTF). The last. */
    static final int UNDECODABLE = 34;

    /** Nothing more comes. */
    static final int END = 35;

    /** Of one message. */
    static final int BLOCK_SAMPLES = 16_384;

    public static void main(String[] args) {
        ChildMain.run(new AudioChild());
    }

    /** @param probeOnly the headers and no samples */
    static byte[] request(Clip clip, boolean probeOnly) {
        return ByteBuffer.allocate(17)
                .putLong(clip.startMillis())
                .putLong(clip.endMillis())
                .put((byte) (probeOnly ? 1 : 0))
                .array();
    }

    @Override
    public void load() throws IOException {
        for (Class<?> library : new Class<?>[] {avutil.class, avcodec.class, avformat.class, swresample.class}) {
            Loader.load(library);
        }
        rehearse();
    }

    // Classes are found by opening files, which is over once the request has come: a made-up file goes the whole way.
    private static void rehearse() throws IOException {
        Path file = Files.createTempFile("longreach-", ".wav");
        try {
            int bytes = 8_000;
            ByteBuffer wav = ByteBuffer.allocate(44 + bytes).order(ByteOrder.LITTLE_ENDIAN);
            wav.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + bytes);
            wav.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16);
            wav.putShort((short) 1)
                    .putShort((short) 2)
                    .putInt(8000)
                    .putInt(32_000)
                    .putShort((short) 4);
            wav.putShort((short) 16)
                    .put("data".getBytes(StandardCharsets.US_ASCII))
                    .putInt(bytes);
            Files.write(file, wav.array());
            ChildMain.Out out = ChildMain.Out.nowhere();
            serve(() -> AudioReader.open(file, new Clip(1, 0)), false, out);
            Files.write(file, new byte[] {'R', 'I', 'F', 'F'});
            serve(() -> AudioReader.open(file, Clip.WHOLE), false, out);
        } finally {
            Files.delete(file);
        }
    }

    @Override
    public void serve(int file, byte[] request, ChildMain.Out out) throws IOException {
        try (var in = new DataInputStream(new ByteArrayInputStream(request))) {
            Clip clip = new Clip(in.readLong(), in.readLong());
            boolean probeOnly = in.readBoolean();
            serve(() -> AudioReader.open(file, clip), probeOnly, out);
        }
    }

    private static void serve(Supplier<AudioReader> opening, boolean probeOnly, ChildMain.Out out) throws IOException {
        try (AudioReader reader = opening.get()) {
            reader.onStep(() -> signal(out));
            out.send(PROBED, probed(reader.probe()));
            if (!probeOnly) {
                samples(reader, out);
            }
            out.send(END, new byte[0]);
        } catch (AudioException e) {
            var bytes = new ByteArrayOutputStream();
            try (var data = new DataOutputStream(bytes)) {
                data.writeUTF(e.getMessage());
            }
            out.send(UNDECODABLE, bytes.toByteArray());
        }
    }

    private static void signal(ChildMain.Out out) {
        try {
            out.alive();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] probed(AudioProbe probe) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var data = new DataOutputStream(bytes)) {
            data.writeUTF(probe.container());
            data.writeUTF(probe.codec());
            data.writeLong(probe.durationMillis());
            data.writeBoolean(probe.hasAudio());
            data.writeInt(probe.sampleRate());
            data.writeInt(probe.channels());
            data.writeBoolean(probe.hasVideo());
            data.writeInt(probe.width());
            data.writeInt(probe.height());
        }
        return bytes.toByteArray();
    }

    // Whole blocks: a message for each packet would cost more than the decoding.
    private static void samples(AudioReader reader, ChildMain.Out out) throws IOException {
        float[] block = new float[BLOCK_SAMPLES];
        ByteBuffer bytes = ByteBuffer.allocate(4 * BLOCK_SAMPLES);
        int read = 0;
        while (read >= 0) {
            long from = reader.position();
            int filled = 0;
            while (filled < BLOCK_SAMPLES && (read = reader.read(block, filled, BLOCK_SAMPLES - filled)) >= 0) {
                filled += read;
            }
            if (filled > 0) {
                bytes.clear().asFloatBuffer().put(block, 0, filled);
                byte[] head = ByteBuffer.allocate(8).putLong(from).array();
                out.send(SAMPLES, head, bytes.array(), 4 * filled);
            }
        }
    }
}
