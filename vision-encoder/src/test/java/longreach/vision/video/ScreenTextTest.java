package longreach.vision.video;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import longreach.v1.TextPiece;
import longreach.vision.ocr.OcrLine;
import org.junit.jupiter.api.Test;

class ScreenTextTest {
    private final ScreenText screen = new ScreenText(1000);
    private final List<String> told = new ArrayList<>();

    private static OcrLine line(String text, int row) {
        return new OcrLine(text, 10, 100 * row, 400, 100 * row + 40, 0.9f);
    }

    private void tell(List<TextPiece> pieces) {
        for (TextPiece piece : pieces) {
            told.add(piece.getMark().getStartMs() / 1000 + "-" + piece.getMark().getEndMs() / 1000 + " "
                    + piece.getText().replaceAll("\n+", "/"));
        }
    }

    private void read(int second, OcrLine... lines) {
        tell(screen.read(List.of(lines), second * 1000L, (second + 1) * 1000L));
    }

    private void unchanged(int second) {
        tell(screen.unchanged((second + 1) * 1000L));
    }

    @Test
    void aSlideThatStaysIsOnePiece() {
        read(0, line("Title", 1), line("First point", 2));
        for (int second = 1; second < 30; second++) {
            unchanged(second);
        }
        read(30, line("Next slide", 1));
        read(31, line("Next slide", 1));
        tell(screen.finish());
        assertThat(told).containsExactly("0-30 Title/First point", "30-32 Next slide");
    }

    @Test
    void aPointThatIsAddedIsToldAlone() {
        read(0, line("Title", 1));
        read(5, line("Title", 1), line("A point", 2));
        read(10, line("Title", 1), line("A point", 2), line("Another point", 3));
        read(15, line("End", 1));
        read(16, line("End", 1));
        tell(screen.finish());
        assertThat(told).containsExactly("0-11 Title", "5-11 A point", "10-11 Another point", "15-17 End");
    }

    @Test
    void aMisreadLetterIsTheSameLineAndAnotherDigitIsNot() {
        read(0, line("Turnover in March 2041", 1));
        read(1, line("Turnover in Marcb 2041", 1));
        read(2, line("Turnover in March 2042", 1));
        read(3, line("Turnover in March 2042", 1));
        tell(screen.finish());
        assertThat(told).containsExactly("0-2 Turnover in March 2041", "2-4 Turnover in March 2042");
    }

    @Test
    void oneMissDoesNotEndALine() {
        read(0, line("A caption", 1));
        read(1);
        read(2, line("A caption", 1));
        tell(screen.finish());
        assertThat(told).containsExactly("0-3 A caption");
    }

    @Test
    void aLogoDoesNotHoldBackHours() {
        int hours = 3;
        int most = 0;
        for (int second = 0; second < hours * 3600; second++) {
            int before = told.size();
            read(second, line("CHANNEL FIVE", 0), line("news item " + (second / 20), 3));
            most = Math.max(most, told.size() - before);
        }
        tell(screen.finish());
        long items = told.stream().filter(piece -> piece.contains("news item")).count();
        assertThat(items).isEqualTo(hours * 3600 / 20);
        // Never more than one span of the logo is waiting.
        assertThat(most).isLessThanOrEqualTo((int) (ScreenText.MAX_SPAN_MILLIS / 20_000) + 3);
    }
}
