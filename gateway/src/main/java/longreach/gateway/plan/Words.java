package longreach.gateway.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import longreach.v1.SourceMark;

/** Text as a bag of words for ranking and for checking citations: lower case, no stop words, light stems. */
public final class Words {
    private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+(?:[.,][\\p{N}]+)*");
    private static final Pattern PAGE = Pattern.compile("(?i)\\b(?:page|p\\.)\\s*(\\d{1,5})\\b");
    private static final Set<String> STOP = Set.of(("a about above after again all also am an and any are as at be"
                    + " been before being below between both but by can could did do does doing down during each few"
                    + " for from further had has have having he her here hers him his how i if in into is it its"
                    + " itself just me more most my no nor not now of off on once only or other our out over own"
                    + " please same she should so some such tell than that the their them then there these they this"
                    + " those through to too under until up us very was we were what when where which while who whom"
                    + " whose why will with would you your say says said give describe explain according document"
                    + " video audio file page recording report")
            .split(" "));
    private static final int LONG_WORD = 5;

    private Words() {}

    /** The words that carry meaning, in order, stemmed. */
    public static List<String> of(String text) {
        var words = new ArrayList<String>();
        var match = WORD.matcher(text.toLowerCase(Locale.ROOT));
        while (match.find()) {
            if (!STOP.contains(match.group())) {
                words.add(stem(match.group()));
            }
        }
        return words;
    }

    /** A question's words, and a word for every page that it names. */
    static List<String> ofQuestion(String text) {
        var words = of(text);
        var pages = PAGE.matcher(text);
        while (pages.find()) {
            words.add(pageWord(Integer.parseInt(pages.group(1))));
        }
        return words;
    }

    /** The word that stands for a mark's place; empty where it has no page. */
    static List<String> ofMark(SourceMark mark) {
        return mark.getPage() > 0 ? List.of(pageWord(mark.getPage())) : List.of();
    }

    private static String pageWord(int page) {
        return "#page" + page;
    }

    public static boolean isNumber(String word) {
        return Character.isDigit(word.charAt(0));
    }

    /** Endings of plurals and of the commonest verb forms; numbers and short words stay. */
    static String stem(String word) {
        if (word.length() < 4 || isNumber(word)) {
            return word;
        }
        var stem = word;
        if (stem.endsWith("ies")) {
            stem = stem.substring(0, stem.length() - 3) + "y";
        } else if (stem.endsWith("sses")) {
            stem = stem.substring(0, stem.length() - 2);
        } else if (stem.endsWith("s") && !stem.endsWith("ss") && !stem.endsWith("us") && !stem.endsWith("is")) {
            stem = stem.substring(0, stem.length() - 1);
        }
        if (stem.length() > LONG_WORD + 1 && stem.endsWith("ing")) {
            stem = undouble(stem.substring(0, stem.length() - 3));
        } else if (stem.length() > LONG_WORD && stem.endsWith("ed")) {
            stem = undouble(stem.substring(0, stem.length() - 2));
        } else if (stem.length() > LONG_WORD && stem.endsWith("ly")) {
            stem = stem.substring(0, stem.length() - 2);
        }
        // "close" and "closed" meet in "clos".
        return stem.length() > 3 && stem.endsWith("e") ? stem.substring(0, stem.length() - 1) : stem;
    }

    private static String undouble(String stem) {
        int last = stem.length() - 1;
        char c = stem.charAt(last);
        return c == stem.charAt(last - 1) && c != 'l' && c != 's' && c != 'z' ? stem.substring(0, last) : stem;
    }
}
