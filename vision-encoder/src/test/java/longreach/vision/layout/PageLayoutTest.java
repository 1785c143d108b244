package longreach.vision.layout;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PageLayoutTest {
    /** A line of 10-point text, 5 points a letter. */
    private static Fragment at(float left, float top, String text) {
        return new Fragment(text, left, top, left + 5 * text.length(), top + 10);
    }

    @Test
    void anEmptyPageIsEmpty() {
        assertThat(PageLayout.read(List.of())).isEmpty();
    }

    @Test
    void twoColumnsOfProseAreReadOneAfterTheOther() {
        var page = new ArrayList<Fragment>();
        page.add(at(150, 20, "A title across both of the columns of the page"));
        for (int i = 0; i < 12; i++) {
            page.add(at(40, 60 + 12 * i, "left line " + i + " filling the column well here"));
            page.add(at(300, 60 + 12 * i, "right line " + i + " filling the column too, yes"));
        }
        Collections.shuffle(page, new Random(7));
        String text = PageLayout.read(page);
        assertThat(text).startsWith("A title across");
        assertThat(text.indexOf("left line 11")).isLessThan(text.indexOf("right line 0 "));
        assertThat(text).doesNotContain("|");
    }

    @Test
    void theRowsOfATableStayTogether() {
        var page = new ArrayList<Fragment>();
        String[][] rows = {
            {"Month", "Boats", "Dues"},
            {"May", "210", "4,620"},
            {"June", "340", "7,480"},
            {"July", "512", "11,264"},
            {"August", "498", "10,956"},
            {"September", "354", "7,788"}
        };
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < 3; j++) {
                page.add(at(50 + 150 * j, 100 + 14 * i, rows[i][j]));
            }
        }
        assertThat(PageLayout.read(page))
                .isEqualTo("Month | Boats | Dues\nMay | 210 | 4,620\nJune | 340 | 7,480\nJuly | 512 | 11,264\n"
                        + "August | 498 | 10,956\nSeptember | 354 | 7,788");
    }

    @Test
    void paragraphsAreSeparatedAndSuperscriptsStayOnTheirLine() {
        var page = List.of(
                at(40, 20, "The area is 40 m"),
                new Fragment("2", 120.5f, 18, 123, 24),
                at(40, 32, "in all."),
                at(40, 60, "Another paragraph."));
        assertThat(PageLayout.read(page)).isEqualTo("The area is 40 m2\nin all.\n\nAnother paragraph.");
    }
}
