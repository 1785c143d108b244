package longreach.lm.speculate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import longreach.lm.prompt.TokenStream;
import longreach.lm.schedule.StepPlan;
import org.junit.jupiter.api.Test;

class PromptLookupTest {
    private static PromptLookup of(int... ids) {
        var lookup = new PromptLookup(ids.length);
        for (int id : ids) {
            lookup.add(id);
        }
        return lookup;
    }

    private static int[] copy(PromptLookup lookup, int most) {
        int[] to = new int[most];
        return Arrays.copyOf(to, lookup.copy(to, most));
    }

    @Test
    void theLongestMatchIsFoundAndTheLatestAmongEquals() {
        PromptLookup lookup = of(1, 2, 3, 10, 11, 9, 2, 3, 20, 21, 5, 2, 3, 30, 31, 1, 2, 3);
        assertThat(lookup.find()).isEqualTo(3);
        assertThat(lookup.guess()).isEqualTo(10);
        assertThat(copy(lookup, 4)).containsExactly(10, 11, 9, 2);
        lookup = of(9, 2, 3, 20, 21, 5, 2, 3, 30, 31, 7, 2, 3);
        assertThat(lookup.find()).isEqualTo(2);
        assertThat(lookup.guess()).isEqualTo(30);
    }

    @Test
    void singleTokensAndNewTextMatchNothing() {
        assertThat(of(1, 2, 3, 4, 3).find()).isZero();
        assertThat(of(1).find()).isZero();
        assertThat(new PromptLookup(0).find()).isZero();
    }

    @Test
    void whatRepeatsItselfIsGuessedAtAnyLength() {
        PromptLookup lookup = of(4, 1, 2, 3, 1, 2, 3);
        assertThat(lookup.find()).isEqualTo(3);
        assertThat(copy(lookup, 8)).containsExactly(1, 2, 3, 1, 2, 3, 1, 2);
    }

    @Test
    void whatIsNoTextMatchesNothingAndIsNeverGuessed() {
        int soft = TokenStream.SOFT;
        assertThat(of(1, soft, soft, 2, 5, soft, soft).find()).isZero();
        assertThat(of(1, 2, soft, 3, 1, 2).find()).isZero();
        PromptLookup lookup = of(1, 2, 3, soft, 1, 2);
        assertThat(lookup.find()).isEqualTo(2);
        assertThat(copy(lookup, 5)).containsExactly(3);
    }

    /** Against a scan of everything: texts whose chains are short enough to be followed to their ends. */
    @Test
    void theIndexFindsWhatAScanFinds() {
        var random = new Random(5);
        for (int round = 0; round < 20; round++) {
            int[] ids = random.ints(400, 0, 12 + round).toArray();
            var lookup = new PromptLookup(10);
            for (int n = 0; n < ids.length; n++) {
                lookup.add(ids[n]);
                int longest = 0;
                int guess = -1;
                for (int place = n; place > 0; place--) {
                    int common = 0;
                    while (common < place
                            && common < PromptLookup.LONGEST
                            && ids[place - 1 - common] == ids[n - common]) {
                        common++;
                    }
                    if (common >= PromptLookup.SHORTEST && common > longest) {
                        longest = common;
                        guess = ids[place];
                    }
                }
                assertThat(lookup.find()).isEqualTo(longest);
                if (longest > 0) {
                    assertThat(lookup.guess()).isEqualTo(guess);
                }
            }
        }
    }

    @Test
    void guessingStopsWhereGuessesAreWrongAndComesBack() {
        // Every pair of tokens recurs, with another one after it each time.
        int[] prompt = new int[300];
        for (int i = 0; i < prompt.length; i += 3) {
            prompt[i] = 1;
            prompt[i + 1] = 2;
            prompt[i + 2] = 100 + i;
        }
        var draft = new LookupDraft(TokenStream.ofText(prompt));
        var plan = new StepPlan(rows -> 1 + 0.25 * rows);
        int[] into = new int[8];
        int guesses = 0;
        for (int i = 0; i < 60; i++) {
            draft.add(1);
            draft.add(2);
            plan.begin(1, 8);
            guesses += draft.draft(into, 8, plan);
            draft.add(1000 + i);
        }
        assertThat(guesses).isLessThan(12);
        // Now the answer quotes.
        int[] quoted = new Random(1).ints(40, 200, 1000).toArray();
        for (int id : quoted) {
            draft.add(id);
        }
        int kept = 0;
        for (int i = 0; i < quoted.length; i++) {
            plan.begin(1, 8);
            int count = draft.draft(into, 8, plan);
            for (int k = 0; k < count && i + k < quoted.length && into[k] == quoted[i + k]; k++) {
                kept++;
            }
            draft.add(quoted[i]);
        }
        assertThat(kept).isGreaterThan(100);
    }
}
