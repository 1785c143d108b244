package longreach.standalone.needle;

import java.util.List;
import java.util.Locale;

/** Recall over length and depth, one panel for each way of seeing the context, as an SVG picture. */
final class RecallPlot {
    private static final int CELL = 34;
    private static final int ROW = 18;
    private static final int LEFT = 46;
    private static final int TOP = 34;
    private static final int GAP = 26;

    private RecallPlot() {}

    static String svg(List<Recall> recalls) {
        List<String> panels = recalls.stream().map(RecallPlot::panel).distinct().toList();
        List<Integer> lengths =
                recalls.stream().map(r -> r.length).distinct().sorted().toList();
        int depths = Recall.DEPTHS;
        int width = LEFT + Math.max(6, lengths.size()) * CELL + GAP;
        int height = TOP + depths * ROW + 40;
        int columns = Math.min(3, panels.size());
        int rows = Math.ceilDiv(panels.size(), Math.max(1, columns));
        var out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\""
                        + " font-size=\"10\">%n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n",
                columns * width,
                rows * height));
        for (int p = 0; p < panels.size(); p++) {
            String panel = panels.get(p);
            out.append(String.format(
                    Locale.ROOT,
                    "<g transform=\"translate(%d,%d)\">%n<text x=\"%d\" y=\"16\" font-size=\"12\">%s</text>%n",
                    p % columns * width,
                    p / columns * height,
                    LEFT,
                    panel));
            out.append(text(4, TOP + depths * ROW / 2, "depth"));
            for (int depth = 0; depth < depths; depth++) {
                int percent = (int) Math.round(100 * (depth + 0.5) / depths);
                out.append(text(LEFT - 18, TOP + depth * ROW + 13, percent + "%"));
            }
            for (int column = 0; column < lengths.size(); column++) {
                int length = lengths.get(column);
                out.append(text(LEFT + 4 + column * CELL, TOP + depths * ROW + 14, Recall.label(length)));
                recalls.stream()
                        .filter(r -> panel(r).equals(panel) && r.length == length)
                        .findFirst()
                        .ifPresent(r -> cells(out, r, LEFT + lengths.indexOf(length) * CELL));
            }
            out.append("</g>\n");
        }
        return out.append("</svg>\n").toString();
    }

    private static String panel(Recall recall) {
        return recall.mode + (recall.paraphrased ? ", paraphrased" : "");
    }

    private static void cells(StringBuilder out, Recall recall, int x) {
        for (int depth = 0; depth < Recall.DEPTHS; depth++) {
            int asked = recall.askedAt(depth);
            if (asked == 0) {
                continue;
            }
            double share = (double) recall.foundAt(depth) / asked;
            // From red over yellow to green.
            int hue = (int) Math.round(120 * share);
            out.append(String.format(
                    Locale.ROOT,
                    "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"hsl(%d,65%%,55%%)\" stroke=\"white\"/>"
                            + "<text x=\"%d\" y=\"%d\">%d/%d</text>%n",
                    x,
                    TOP + depth * ROW,
                    CELL,
                    ROW,
                    hue,
                    x + 8,
                    TOP + depth * ROW + 13,
                    recall.foundAt(depth),
                    asked));
        }
    }

    private static String text(int x, int y, String text) {
        return String.format(Locale.ROOT, "<text x=\"%d\" y=\"%d\">%s</text>%n", x, y, text);
    }
}
