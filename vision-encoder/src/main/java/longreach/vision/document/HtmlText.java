package longreach.vision.document;

import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The readable text of an HTML page: tags gone, blocks on lines of their own, cells separated, list items marked,
 * headings marked as Markdown has them. A scanner that takes any input; it builds no tree, so nothing nests too deep.
 */
final class HtmlText {
    private static final Set<String> DROPPED = Set.of("script", "style", "noscript", "template", "svg", "head");
    private static final Set<String> BLOCKS = Set.of(
            "p",
            "div",
            "section",
            "article",
            "header",
            "footer",
            "nav",
            "main",
            "aside",
            "ul",
            "ol",
            "dl",
            "table",
            "tr",
            "blockquote",
            "pre",
            "form",
            "figure",
            "figcaption",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "dt",
            "dd",
            "li",
            "title",
            "body");
    private static final Map<String, String> ENTITIES = Map.ofEntries(
            Map.entry("amp", "&"),
            Map.entry("lt", "<"),
            Map.entry("gt", ">"),
            Map.entry("quot", "\""),
            Map.entry("apos", "'"),
            Map.entry("nbsp", " "),
            Map.entry("ndash", "–"),
            Map.entry("mdash", "—"),
            Map.entry("hellip", "…"),
            Map.entry("lsquo", "‘"),
            Map.entry("rsquo", "’"),
            Map.entry("ldquo", "“"),
            Map.entry("rdquo", "”"),
            Map.entry("copy", "©"),
            Map.entry("reg", "®"),
            Map.entry("trade", "™"),
            Map.entry("deg", "°"),
            Map.entry("euro", "€"),
            Map.entry("pound", "£"),
            Map.entry("times", "×"),
            Map.entry("middot", "·"),
            Map.entry("bull", "•"),
            Map.entry("eacute", "é"),
            Map.entry("egrave", "è"),
            Map.entry("agrave", "à"),
            Map.entry("ccedil", "ç"),
            Map.entry("auml", "ä"),
            Map.entry("ouml", "ö"),
            Map.entry("uuml", "ü"),
            Map.entry("szlig", "ß"));

    private final String html;
    private final StringBuilder out = new StringBuilder();
    private int at;
    private int preformatted;

    private HtmlText(String html) {
        this.html = html;
    }

    static String strip(String html) {
        var scanner = new HtmlText(html);
        scanner.scan();
        return scanner.out
                .toString()
                .replaceAll("[ \\t]+\n", "\n")
                .replaceAll("\n{3,}", "\n\n")
                .strip();
    }

    private void scan() {
        while (at < html.length()) {
            int tag = html.indexOf('<', at);
            if (tag < 0) {
                text(html.substring(at));
                return;
            }
            text(html.substring(at, tag));
            at = tag;
            if (html.startsWith("<!--", at)) {
                int end = html.indexOf("-->", at + 4);
                at = end < 0 ? html.length() : end + 3;
            } else if (at + 1 < html.length() && tagStart(html.charAt(at + 1))) {
                tag();
            } else {
                text("<");
                at++;
            }
        }
    }

    private static boolean tagStart(char c) {
        return c == '/' || c == '!' || c == '?' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
    }

    private void tag() {
        boolean closing = html.charAt(at + 1) == '/';
        int nameStart = at + (closing ? 2 : 1);
        int nameEnd = nameStart;
        while (nameEnd < html.length() && Character.isLetterOrDigit(html.charAt(nameEnd))) {
            nameEnd++;
        }
        String name = html.substring(nameStart, nameEnd).toLowerCase(Locale.ROOT);
        at = endOfTag(nameEnd);
        if (!closing && DROPPED.contains(name)) {
            skipTo(name);
            return;
        }
        switch (name) {
            case "br" -> newline(1);
            case "td", "th" -> {
                if (!closing && !out.isEmpty() && out.charAt(out.length() - 1) != '\n') {
                    out.append(" | ");
                }
            }
            case "pre" -> {
                preformatted = Math.max(0, preformatted + (closing ? -1 : 1));
                newline(1);
            }
            case "tr", "dt", "dd" -> newline(1);
            case "li" -> {
                newline(1);
                if (!closing) {
                    out.append("- ");
                }
            }
            case "h1", "h2", "h3", "h4", "h5", "h6" -> {
                newline(2);
                if (!closing) {
                    out.append("#".repeat(name.charAt(1) - '0')).append(' ');
                }
            }
            default -> {
                if (BLOCKS.contains(name)) {
                    newline(2);
                }
            }
        }
    }

    /** Past the tag's end; quoted attribute values may hold a {@code >}. */
    private int endOfTag(int from) {
        char quote = 0;
        for (int i = from; i < html.length(); i++) {
            char c = html.charAt(i);
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if (c == '"' || c == '\'') {
                quote = c;
            } else if (c == '>') {
                return i + 1;
            }
        }
        // An open quote swallowed the rest: take the first end after all.
        int end = html.indexOf('>', from);
        return end < 0 ? html.length() : end + 1;
    }

    private void skipTo(String name) {
        String end = "</" + name;
        for (int i = at; i < html.length(); i++) {
            i = html.indexOf('<', i);
            if (i < 0) {
                break;
            }
            if (html.regionMatches(true, i, end, 0, end.length())) {
                at = endOfTag(i + end.length());
                return;
            }
            // The page's title is worth having, and sits in the part that is dropped.
            if (name.equals("head") && html.regionMatches(true, i, "<title", 0, 6)) {
                int from = endOfTag(i + 6);
                int to = html.indexOf('<', from);
                text(html.substring(from, to < 0 ? html.length() : to));
                newline(2);
            }
            if (name.equals("head") && html.regionMatches(true, i, "<body", 0, 5)) {
                at = i;
                return;
            }
        }
        at = html.length();
    }

    private void newline(int count) {
        int have = 0;
        while (have < count && out.length() > have && out.charAt(out.length() - 1 - have) == '\n') {
            have++;
        }
        if (!out.isEmpty()) {
            out.append("\n".repeat(count - have));
        }
    }

    private void text(String raw) {
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            if (c == '&') {
                int end = raw.indexOf(';', i);
                String entity = end > i && end - i <= 10 ? entity(raw.substring(i + 1, end)) : null;
                if (entity != null) {
                    out.append(entity);
                    i = end;
                    continue;
                }
            }
            if (preformatted == 0 && Character.isWhitespace(c)) {
                boolean after = !out.isEmpty() && !Character.isWhitespace(out.charAt(out.length() - 1));
                out.append(after ? " " : "");
            } else {
                out.append(c);
            }
        }
    }

    private static String entity(String name) {
        if (!name.startsWith("#")) {
            return ENTITIES.get(name);
        }
        try {
            boolean hex = name.startsWith("#x") || name.startsWith("#X");
            int code = hex ? Integer.parseInt(name.substring(2), 16) : Integer.parseInt(name.substring(1));
            return Character.isValidCodePoint(code) && code != 0 ? Character.toString(code) : "\uFFFD";
        } catch (NumberFormatException e) {
            // Not a number: the text stays as it is written.
            return null;
        }
    }
}
