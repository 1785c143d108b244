package longreach.vision.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MediaSnifferTest {
    @TempDir
    Path directory;

    private static byte[] bytes(String latin) {
        return latin.getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void typesAreToldByTheirFirstBytes() {
        assertThat(MediaSniffer.sniff(bytes("junk\n%PDF-1.7"))).isEqualTo(MediaType.PDF);
        assertThat(MediaSniffer.sniff(bytes("\0\0\0\u0018ftypisom"))).isEqualTo(MediaType.MP4);
        assertThat(MediaSniffer.sniff(bytes("\0\0\0\u0018ftypheic"))).isEqualTo(MediaType.HEIF);
        assertThat(MediaSniffer.sniff(bytes("RIFF....WEBPVP8 "))).isEqualTo(MediaType.WEBP);
        assertThat(MediaSniffer.sniff(bytes("RIFF....WAVEfmt "))).isEqualTo(MediaType.AUDIO);
        assertThat(MediaSniffer.sniff(bytes("\u001aE\u00df\u00a3...."))).isEqualTo(MediaType.MATROSKA);
        assertThat(MediaSniffer.sniff(bytes("BM is how this text begins"))).isEqualTo(MediaType.PLAIN_TEXT);
        assertThat(MediaSniffer.sniff(bytes("  <!DOCTYPE html>"))).isEqualTo(MediaType.HTML);
        assertThat(MediaSniffer.sniff("Grüße, 世界".getBytes(StandardCharsets.UTF_8)))
                .isEqualTo(MediaType.PLAIN_TEXT);
        assertThat(MediaSniffer.sniff(new byte[] {1, 2, 3, 0})).isEqualTo(MediaType.BINARY);
    }

    private MediaType identify(byte[] content, String declared, String name) throws Exception {
        return MediaSniffer.identify(Files.write(directory.resolve("file"), content), declared, name);
    }

    @Test
    void theDeclaredTypeMustFit() throws Exception {
        assertThat(identify(bytes("# Title"), "text/markdown; charset=utf-8", "a.md"))
                .isEqualTo(MediaType.MARKDOWN);
        assertThat(identify(bytes("%PDF-1.4"), "", "a")).isEqualTo(MediaType.PDF);
        assertThat(identify(bytes("\0\0\0\u0018ftypisom"), "video/quicktime", "a"))
                .isEqualTo(MediaType.MP4);
        assertThatThrownBy(() -> identify(bytes("%PDF-1.4"), "text/plain", "a.txt"))
                .hasMessage("mimeType: text/plain (expected: application/pdf, which is what the bytes of a.txt are)");
        assertThatThrownBy(() -> identify(bytes("x"), "application/x-foo", "a"))
                .hasMessageStartingWith("mimeType: application/x-foo (expected one of: application/pdf, ");
        assertThatThrownBy(() -> identify(bytes("PK\u0003\u0004"), "application/zip", "a"))
                .hasMessageStartingWith("mimeType: application/zip (expected one of: ");
    }
}
