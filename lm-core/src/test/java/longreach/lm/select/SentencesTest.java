package longreach.lm.select;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A token is a word with the blank before it, a mark or a line's end here. */
class SentencesTest {
    private static List<String> tokens(String text) {
        List<String> tokens = new ArrayList<>();
        var matcher =
                java.util.regex.Pattern.compile("\\n| ?[^\\s.?!;:]+| ?[.?!;:]").matcher(text);
        while (matcher.find()) {
            tokens.add(matcher.group());
        }
        return tokens;
    }

    private static Sentences sentences(List<String> tokens) {
        return new Sentences(id -> tokens.get(id).getBytes(StandardCharsets.UTF_8), position -> position);
    }

    private static List<String> cut(List<String> tokens, int start, int end) {
        return sentences(tokens).of(start, end).stream()
                .map(span -> String.join("", tokens.subList(span.start(), span.end()))
                        .strip())
                .toList();
    }

    private static final String FIRST = "The king went up to the house of his father and spoke.";
    private static final String SECOND = "The access code of the laboratory freezer is 7314482.";

    @Test
    void aSentenceIsAPiece() {
        String third = "They saw a field with many oxen;";
        String fourth = "and it was evening there in the land.";
        List<String> tokens = tokens(String.join(" ", FIRST, SECOND, third, fourth));
        assertThat(cut(tokens, 0, tokens.size())).containsExactly(FIRST, SECOND, third, fourth);
    }

    @Test
    void aLineEndsAPieceWithoutAMark() {
        List<String> tokens = tokens("and the servants went down to the river\n" + SECOND + "\nbread wine gold");
        assertThat(cut(tokens, 0, tokens.size()).subList(0, 2))
                .containsExactly("and the servants went down to the river", SECOND);
    }

    @Test
    void aMarkInsideANumberEndsNothingAndShortSentencesGoOn() {
        List<String> tokens =
                tokens("The wall of the old tower is 12.5 metres high now. Yes. No. He heard it in the morning.");
        assertThat(cut(tokens, 0, tokens.size()))
                .containsExactly(
                        "The wall of the old tower is 12.5 metres high now.", "Yes. No. He heard it in the morning.");
    }

    @Test
    void theSentenceThatAChunksBeginningCutsIsWholeInIt() {
        List<String> tokens = tokens(FIRST + " " + SECOND + " Then the people went away from the gate.");
        int first = tokens(FIRST).size();
        for (int start = first; start < first + tokens(SECOND).size(); start++) {
            assertThat(cut(tokens, start, tokens.size())).as("from %d", start).startsWith(SECOND);
        }
    }

    @Test
    void aShortEndIsLeftToTheNextChunk() {
        List<String> tokens = tokens(FIRST + " And the wall of the old tower was stone.");
        int end = tokens(FIRST).size() + 4;
        assertThat(cut(tokens, 0, end)).containsExactly(FIRST);
        assertThat(cut(tokens, end, tokens.size())).containsExactly("And the wall of the old tower was stone.");
    }

    @Test
    void longTextWithoutAnEndIsCutAndNothingIsLost() {
        List<String> tokens = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            tokens.add(" word");
        }
        tokens.set(110, ".");
        List<Sentences.Span> spans = sentences(tokens).of(0, 256);
        assertThat(spans).allMatch(span -> span.tokens() <= Sentences.MOST);
        assertThat(spans.getFirst().start()).isZero();
        assertThat(spans.getLast().end()).isEqualTo(256);
        for (int i = 1; i < spans.size(); i++) {
            assertThat(spans.get(i).start()).isEqualTo(spans.get(i - 1).end());
        }
        assertThat(spans).anyMatch(span -> span.end() == 111);
    }

    @Test
    void positionsWithoutTextEndNothing() {
        var silent = new Sentences(id -> new byte[0], position -> -1);
        assertThat(silent.of(256, 512)).hasSize(8).allMatch(span -> span.tokens() == 32);
    }
}
