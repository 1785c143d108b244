package longreach.vision;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import longreach.vision.TestMedia.Shot;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files made to do harm: each is refused with a typed error or read harmlessly, and the service goes on. */
class HostileMediaTest {
    @TempDir
    static Path directory;

    private static VisionServer server;
    private static byte[] mp4;
    private static byte[] webm;

    @BeforeAll
    static void start() throws Exception {
        server = new VisionServer(VisionServer.settings(null, directory.resolve("spool")));
        var shots = List.of(new Shot(TestMedia.picture(160, 96, List.of()), 2));
        mp4 = TestMedia.bytes(TestMedia.video(directory.resolve("a.mp4"), shots, 100_000, 0));
        webm = TestMedia.bytes(TestMedia.video(directory.resolve("a.webm"), shots, 100_000, 0));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @AfterEach
    void theServiceGoesOn() throws Exception {
        assertThat(server.encode(VisionServer.open("video/mp4", "a.mp4"), mp4)
                        .status()
                        .isOk())
                .isTrue();
    }

    private static Status status(String mimeType, String name, byte[] bytes) throws Exception {
        return server.encode(VisionServer.open(mimeType, name), bytes).status();
    }

    private static void assertRefused(String mimeType, String name, byte[] bytes) throws Exception {
        Status status = status(mimeType, name, bytes);
        assertThat(status.getCode())
                .as("%s: %s", name, status)
                .isIn(Status.Code.INVALID_ARGUMENT, Status.Code.RESOURCE_EXHAUSTED);
        assertThat(status.getDescription()).isNotBlank().doesNotContain(directory.toString());
    }

    private static int find(byte[] bytes, String tag) {
        byte[] wanted = tag.getBytes(StandardCharsets.ISO_8859_1);
        for (int i = 0; i + wanted.length <= bytes.length; i++) {
            if (Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
                return i;
            }
        }
        throw new AssertionError("no " + tag);
    }

    private static byte[] png(int width, int height, int zeros) throws Exception {
        var bytes = new ByteArrayOutputStream();
        var out = new DataOutputStream(bytes);
        out.writeLong(0x89504E470D0A1A0AL);
        var header = new ByteArrayOutputStream();
        var fields = new DataOutputStream(header);
        fields.writeInt(width);
        fields.writeInt(height);
        fields.write(new byte[] {8, 2, 0, 0, 0});
        chunk(out, "IHDR", header.toByteArray());
        var data = new ByteArrayOutputStream();
        try (var deflater = new DeflaterOutputStream(data)) {
            byte[] block = new byte[1 << 16];
            for (long left = zeros; left > 0; left -= block.length) {
                deflater.write(block, 0, (int) Math.min(left, block.length));
            }
        }
        chunk(out, "IDAT", data.toByteArray());
        chunk(out, "IEND", new byte[0]);
        return bytes.toByteArray();
    }

    private static void chunk(DataOutputStream out, String type, byte[] data) throws Exception {
        var crc = new CRC32();
        crc.update(type.getBytes(StandardCharsets.US_ASCII));
        crc.update(data);
        out.writeInt(data.length);
        out.writeBytes(type);
        out.write(data);
        out.writeInt((int) crc.getValue());
    }

    @Test
    void aDecompressionBombIsRefusedByItsSize() throws Exception {
        // 300 KB that unfold to 300 MB of pixels that the header does not admit to, and one that admits to more.
        assertThat(status("image/png", "small.png", png(64, 64, 300_000_000)).getCode())
                .isIn(Status.Code.OK, Status.Code.INVALID_ARGUMENT);
        assertRefused("image/png", "large.png", png(60_000, 60_000, 1_000_000));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, Integer.MAX_VALUE, 65_535})
    void absurdDimensionsOfAnImage(int side) throws Exception {
        assertRefused("image/png", "absurd.png", png(side, side, 100));
    }

    @Test
    void absurdDimensionsOfAVideo() throws Exception {
        byte[] large = mp4.clone();
        int at = find(large, "avc1") + 4 + 24;
        // Width and height of the sample entry: 65535 x 65535. The codec's own header says otherwise.
        Arrays.fill(large, at, at + 4, (byte) 0xFF);
        assertThat(status("video/mp4", "large.mp4", large).getCode())
                .isIn(Status.Code.OK, Status.Code.INVALID_ARGUMENT, Status.Code.RESOURCE_EXHAUSTED);
    }

    @Test
    void oneByOneIsAnImage() throws Exception {
        assertThat(status("image/png", "one.png", png(1, 1, 4)).isOk()).isTrue();
    }

    @Test
    void aVideoWithoutFrames() throws Exception {
        byte[] empty = mp4.clone();
        int at = find(empty, "stsz") + 4;
        // Sample count 0, in the table of sizes.
        Arrays.fill(empty, at + 8, at + 12, (byte) 0);
        assertRefused("video/mp4", "empty.mp4", empty);
    }

    @Test
    void truncatedAtEveryTenth() throws Exception {
        for (int tenth = 0; tenth < 10; tenth++) {
            assertRefused("video/mp4", "cut-" + tenth + ".mp4", Arrays.copyOf(mp4, mp4.length * tenth / 10));
            assertRefused("video/webm", "cut-" + tenth + ".webm", Arrays.copyOf(webm, webm.length * tenth / 10));
        }
    }

    @Test
    void theBytesDecideAndNotTheName() throws Exception {
        assertThat(status("", "talk.png", mp4).isOk()).isTrue();
        assertRefused("image/png", "talk.png", mp4);
        assertRefused("video/mp4", "picture.mp4", png(4, 4, 60));
    }

    /** Names of other files and of the network, in every dress that FFmpeg knows. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
                "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n",
                "ffconcat version 1.0\nfile '/etc/hostname'\n",
                "concat:/etc/hostname|/etc/hostname",
                "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>http://127.0.0.1:1/</BaseURL></MPD>"
            })
    void playlistsAreNoVideo(String list) throws Exception {
        assertRefused("video/mp4", "list.mp4", list.getBytes(StandardCharsets.UTF_8));
        assertRefused("video/x-matroska", "list.mkv", list.getBytes(StandardCharsets.UTF_8));
    }

    /** A track of a QuickTime file may say that its data lies elsewhere. */
    @Test
    void aReferenceToAnotherFileIsNotFollowed() throws Exception {
        byte[] refers = mp4.clone();
        int at = find(refers, "dref");
        // The only entry says "in this file"; now it says "elsewhere", and not where.
        refers[at + 4 + 8 + 11] = 0;
        Status status = status("video/quicktime", "refers.mov", refers);
        assertThat(status.getCode()).isIn(Status.Code.OK, Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void timesWithoutMeaning() throws Exception {
        byte[] broken = mp4.clone();
        int at = find(broken, "mdhd") + 4 + 12;
        // A clock of 0 ticks a second.
        Arrays.fill(broken, at, at + 4, (byte) 0);
        Status zero = status("video/mp4", "zero.mp4", broken);
        assertThat(zero.getCode()).isIn(Status.Code.OK, Status.Code.INVALID_ARGUMENT, Status.Code.RESOURCE_EXHAUSTED);
        byte[] nan = webm.clone();
        int duration = find(nan, "\u0044\u0089");
        // The duration of a Matroska file is a floating-point number: here none.
        byte[] value =
                nan[duration + 2] == (byte) 0x88 ? new byte[] {0x7F, (byte) 0xF8} : new byte[] {0x7F, (byte) 0xC0};
        System.arraycopy(value, 0, nan, duration + 3, 2);
        assertThat(status("video/webm", "nan.webm", nan).getCode())
                .isIn(Status.Code.OK, Status.Code.INVALID_ARGUMENT, Status.Code.RESOURCE_EXHAUSTED);
    }

    /** Every frame lasts half an hour, whatever the file says of its length. */
    @Test
    void aVideoThatWouldNotEnd() throws Exception {
        byte[] endless = mp4.clone();
        int at = find(endless, "stts") + 4 + 4 + 4 + 4;
        endless[at + 1] = (byte) 0xFF;
        // Without the list that cuts the track to its length.
        System.arraycopy("free".getBytes(StandardCharsets.US_ASCII), 0, endless, find(endless, "edts"), 4);
        assertRefused("video/mp4", "endless.mp4", endless);
    }
}
