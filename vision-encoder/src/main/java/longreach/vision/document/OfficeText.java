package longreach.vision.document;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.xml.sax.Attributes;
import org.xml.sax.SAXException;
import org.xml.sax.helpers.DefaultHandler;

/**
 * The text of the XHTML that a parser makes of an office file: paragraphs apart, headings and list items marked as
 * Markdown has them, the cells of a table's row on one line. Slides and sheets are pages; other files have one page.
 */
final class OfficeText extends DefaultHandler {
    /** Thrown out of the parse when more text comes than is taken. */
    static final class TooLong extends SAXException {
        private static final long serialVersionUID = 1;
    }

    /** Thrown out of the parse when nobody waits for the text any more. */
    static final class Unwanted extends SAXException {
        private static final long serialVersionUID = 1;
    }

    // Masters and layouts repeat on every slide what is none of its own content.
    private static final Set<String> DROPPED_PARTS =
            Set.of("slide-master-content", "slide-master-notes", "embedded", "package-entry");
    private static final Set<String> DROPPED_ELEMENTS = Set.of("head", "script", "style", "img");

    private final String pageClass;
    private final int maxCharacters;
    private final BooleanSupplier unwanted;
    private final List<String> pages = new ArrayList<>();
    private final StringBuilder page = new StringBuilder();
    private final StringBuilder cell = new StringBuilder();
    private final StringBuilder row = new StringBuilder();
    private final Deque<Boolean> divisions = new ArrayDeque<>();
    private int total;
    private int dropping;
    private int cells;

    /**
     * @param pageClass class of the div elements that are pages; empty: none are
     * @param maxCharacters most that is taken
     */
    OfficeText(String pageClass, int maxCharacters, BooleanSupplier unwanted) {
        this.pageClass = pageClass;
        this.maxCharacters = maxCharacters;
        this.unwanted = unwanted;
    }

    /** The pages with their text, empty ones included so that numbers stay those of the file. */
    List<String> pages() {
        var all = new ArrayList<>(pages);
        if (!page.toString().isBlank()) {
            if (all.isEmpty()) {
                all.add(tidy(page));
            } else {
                all.set(all.size() - 1, all.getLast() + "\n\n" + tidy(page));
            }
        }
        return all;
    }

    @Override
    public void startElement(String uri, String name, String qualified, Attributes attributes) throws SAXException {
        if (unwanted.getAsBoolean()) {
            throw new Unwanted();
        }
        String kind = attributes.getValue("class");
        if (dropping > 0 || DROPPED_ELEMENTS.contains(name) || kind != null && DROPPED_PARTS.contains(kind)) {
            dropping++;
            return;
        }
        switch (name) {
            case "div" -> {
                boolean begins = pageClass.equals(kind);
                divisions.push(begins);
                if (begins && !pages.isEmpty()) {
                    keepLoose();
                } else {
                    newline(2);
                }
            }
            case "p" -> {
                newline(cells > 0 ? 0 : 2);
                if (kind != null && kind.startsWith("list") && cells == 0) {
                    page.append("- ");
                }
            }
            case "h1", "h2", "h3", "h4", "h5", "h6" -> {
                newline(2);
                out().append("#".repeat(name.charAt(1) - '0')).append(' ');
            }
            case "li" -> {
                newline(1);
                out().append("- ");
            }
            case "table", "ul", "ol" -> newline(cells > 0 ? 0 : 2);
            case "tr" -> row.setLength(0);
            case "td", "th" -> {
                if (cells++ == 0) {
                    cell.setLength(0);
                }
            }
            case "br" -> newline(1);
            default -> {}
        }
    }

    @Override
    public void endElement(String uri, String name, String qualified) {
        if (dropping > 0) {
            dropping--;
            return;
        }
        switch (name) {
            case "div" -> {
                if (divisions.pop()) {
                    pages.add(tidy(page));
                    page.setLength(0);
                } else {
                    newline(2);
                }
            }
            case "td", "th" -> {
                if (--cells == 0) {
                    row.append(row.isEmpty() ? "" : " | ")
                            .append(cell.toString().strip());
                }
            }
            case "tr" -> {
                if (cells == 0 && !row.toString().replace('|', ' ').isBlank()) {
                    newline(1);
                    page.append(row.toString().stripTrailing()).append('\n');
                }
                row.setLength(0);
            }
            case "h1", "h2", "h3", "h4", "h5", "h6" -> newline(2);
            case "p", "table", "ul", "ol" -> newline(cells > 0 ? 0 : 2);
            case "li" -> newline(1);
            default -> {}
        }
    }

    @Override
    public void characters(char[] text, int start, int length) throws SAXException {
        if (dropping > 0) {
            return;
        }
        if (length > maxCharacters - total) {
            throw new TooLong();
        }
        total += length;
        StringBuilder out = out();
        for (int i = start; i < start + length; i++) {
            char c = text[i] == '\t' || text[i] == '\u00a0' ? ' ' : text[i];
            boolean space = Character.isWhitespace(c);
            if (!space) {
                out.append(c);
            } else if (cells > 0 || c != '\n') {
                out.append(out.isEmpty() || Character.isWhitespace(out.charAt(out.length() - 1)) ? "" : " ");
            } else {
                newline(1);
            }
        }
    }

    @Override
    public void ignorableWhitespace(char[] text, int start, int length) {
        // Between elements: the elements themselves break the lines.
    }

    private StringBuilder out() {
        return cells > 0 ? cell : page;
    }

    /** What stands between two pages, as a slide's notes do, goes with the first. */
    private void keepLoose() {
        if (!page.toString().isBlank()) {
            pages.set(pages.size() - 1, pages.getLast() + "\n\n" + tidy(page));
        }
        page.setLength(0);
    }

    private void newline(int count) {
        if (cells > 0) {
            out().append(out().isEmpty() ? "" : " ");
            return;
        }
        int have = 0;
        while (have < count && page.length() > have && page.charAt(page.length() - 1 - have) == '\n') {
            have++;
        }
        if (!page.isEmpty()) {
            page.append("\n".repeat(count - have));
        }
    }

    private static String tidy(CharSequence text) {
        return text.toString()
                .replaceAll("[ \\t]+\n", "\n")
                .replaceAll("\n{3,}", "\n\n")
                .strip();
    }
}
