package longreach.vision.document;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import longreach.vision.media.MediaType;
import org.junit.jupiter.api.Test;

class GlyphTextTest {
    @Test
    void accentsAndLigaturesAreJoined() {
        assertThat(GlyphText.logical("P\u00B4eter Br\u00A8oker, misﬁts")).isEqualTo("Péter Bröker, misfits");
    }

    @Test
    void arabicIsPutInReadingOrderAndNumbersInsideStay() {
        String logical = "مرحبا 42 بالعالم";
        String shown = "ملاعلاب 42 ابحرم";
        assertThat(GlyphText.logical(shown)).isEqualTo(logical);
        assertThat(GlyphText.logical("plain text 1.5")).isEqualTo("plain text 1.5");
    }

    @Test
    void textIsCutAtHeadingsAndTablesKeepTheirHeader() {
        String page = ("# One\n" + "word ".repeat(500) + "\n# Two\n" + "word ".repeat(500)).strip();
        List<String> pieces = TextReader.pieces(page, MediaType.MARKDOWN);
        assertThat(pieces).hasSize(2);
        assertThat(pieces.get(1)).startsWith("# Two");
        List<String> rows = TextReader.pieces("name,size\n" + "a row,of data\n".repeat(400), MediaType.CSV);
        assertThat(rows).hasSizeGreaterThan(1).allMatch(piece -> piece.startsWith("name,size\n"));
    }

    @Test
    void oldAndWideEncodingsAreRead() throws Exception {
        assertThat(TextReader.decode("Grüße".getBytes(StandardCharsets.ISO_8859_1), "a"))
                .isEqualTo("Grüße");
        assertThat(TextReader.decode("\uFEFFGrüße".getBytes(StandardCharsets.UTF_16LE), "a"))
                .isEqualTo("Grüße");
        assertThat(TextReader.decode("\uFEFFGrüße".getBytes(StandardCharsets.UTF_8), "a"))
                .isEqualTo("Grüße");
    }

    @Test
    void htmlOfAnyKindGivesText() {
        assertThat(HtmlText.strip("<p>a < b &amp; c &#8364;<br>next<ul><li>one<li>two</ul><a title='>'>x</a>"))
                .isEqualTo("a < b & c €\nnext\n\n- one\n- two\n\nx");
        assertThat(HtmlText.strip("<div title=\"open")).isEmpty();
        assertThat(HtmlText.strip("<script>never ends")).isEmpty();
    }
}
