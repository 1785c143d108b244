package longreach.vision.layout;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Puts the fragments of a page into the order in which a person reads them. Recursive XY cut (Nagy and Seth 1984):
 * cut at a gutter between two columns of prose, else at the widest blank band, until neither is found; then lines from
 * top to bottom. A table's gutters are not cut, because its cells do not fill their columns as prose does: its rows
 * stay lines, with {@code " | "} between cells.
 */
public final class PageLayout {
    // All in line heights. A gap wider than a cell gap separates table cells or columns; one wider than a word gap is a
    // space that the source left out.
    private static final float CELL_GAP = 1.5f;
    private static final float WORD_GAP = 0.12f;
    private static final float GUTTER = 0.8f;
    private static final float BAND = 0.9f;
    private static final float PARAGRAPH_GAP = 0.75f;
    // What makes a side of a gutter prose: enough lines, long enough, most of them reaching across it.
    private static final int PROSE_LINES = 4;
    private static final int PROSE_CHARACTERS = 18;
    private static final float PROSE_FILL = 0.6f;
    private static final int MAX_DEPTH = 40;

    private PageLayout() {}

    /** The page's text; lines end with a newline, paragraphs with an empty line. Empty when there is nothing. */
    public static String read(List<Fragment> fragments) {
        var out = new StringBuilder();
        write(fragments, out, 0);
        return out.toString().strip();
    }

    private static void write(List<Fragment> fragments, StringBuilder out, int depth) {
        if (fragments.isEmpty()) {
            return;
        }
        float unit = medianHeight(fragments);
        if (fragments.size() >= 2 * PROSE_LINES && depth < MAX_DEPTH) {
            List<List<Fragment>> parts = columns(fragments, unit);
            if (parts.isEmpty()) {
                parts = bands(fragments, unit);
            }
            if (!parts.isEmpty()) {
                for (List<Fragment> part : parts) {
                    write(part, out, depth + 1);
                }
                return;
            }
        }
        writeLines(lines(fragments), unit, out);
    }

    /** Left and right of the widest gutter with prose on both sides; empty when there is none. */
    private static List<List<Fragment>> columns(List<Fragment> fragments, float unit) {
        var byLeft = new ArrayList<>(fragments);
        byLeft.sort(Comparator.comparingDouble(Fragment::left));
        float reached = byLeft.getFirst().right();
        var gutters = new ArrayList<float[]>();
        for (Fragment f : byLeft) {
            if (f.left() - reached >= GUTTER * unit) {
                gutters.add(new float[] {reached, f.left()});
            }
            reached = Math.max(reached, f.right());
        }
        gutters.sort(Comparator.comparingDouble(g -> g[0] - g[1]));
        for (float[] gutter : gutters) {
            float x = (gutter[0] + gutter[1]) / 2;
            List<Fragment> left = fragments.stream().filter(f -> f.right() <= x).toList();
            List<Fragment> right = fragments.stream().filter(f -> f.left() >= x).toList();
            if (prose(left) && prose(right)) {
                return List.of(left, right);
            }
        }
        return List.of();
    }

    private static boolean prose(List<Fragment> side) {
        List<List<Fragment>> lines = lines(side);
        if (lines.size() < PROSE_LINES) {
            return false;
        }
        float left = Float.MAX_VALUE;
        float right = -Float.MAX_VALUE;
        for (Fragment f : side) {
            left = Math.min(left, f.left());
            right = Math.max(right, f.right());
        }
        int filled = 0;
        int longEnough = 0;
        for (List<Fragment> line : lines) {
            float covered = 0;
            int characters = 0;
            for (Fragment f : line) {
                covered += f.right() - f.left();
                characters += f.text().length();
            }
            filled += covered >= PROSE_FILL * (right - left) ? 1 : 0;
            longEnough += characters >= PROSE_CHARACTERS ? 1 : 0;
        }
        return 2 * filled >= lines.size() && 2 * longEnough >= lines.size();
    }

    /** Above and below the tallest blank band; empty when no band is tall enough. */
    private static List<List<Fragment>> bands(List<Fragment> fragments, float unit) {
        var byTop = new ArrayList<>(fragments);
        byTop.sort(Comparator.comparingDouble(Fragment::top));
        float reached = byTop.getFirst().bottom();
        float widest = BAND * unit;
        int cut = -1;
        for (int i = 1; i < byTop.size(); i++) {
            float gap = byTop.get(i).top() - reached;
            if (gap > widest) {
                widest = gap;
                cut = i;
            }
            reached = Math.max(reached, byTop.get(i).bottom());
        }
        return cut < 0 ? List.of() : List.of(byTop.subList(0, cut), byTop.subList(cut, byTop.size()));
    }

    /** Fragments that share a line, each line from left to right, lines from top to bottom. */
    private static List<List<Fragment>> lines(List<Fragment> fragments) {
        var byMiddle = new ArrayList<>(fragments);
        byMiddle.sort(Comparator.comparingDouble(Fragment::middle));
        var lines = new ArrayList<List<Fragment>>();
        float top = 0;
        float bottom = 0;
        for (Fragment f : byMiddle) {
            float shared = Math.min(bottom, f.bottom()) - Math.max(top, f.top());
            if (!lines.isEmpty() && shared > 0.5f * Math.min(bottom - top, f.height())) {
                lines.getLast().add(f);
                // A superscript must not widen the line into the next one.
                if (f.height() > bottom - top) {
                    top = f.top();
                    bottom = f.bottom();
                }
            } else {
                lines.add(new ArrayList<>(List.of(f)));
                top = f.top();
                bottom = f.bottom();
            }
        }
        for (List<Fragment> line : lines) {
            line.sort(Comparator.comparingDouble(Fragment::left));
        }
        return lines;
    }

    private static void writeLines(List<List<Fragment>> lines, float unit, StringBuilder out) {
        float previousBottom = Float.NaN;
        if (!out.isEmpty()) {
            out.append('\n');
        }
        for (List<Fragment> line : lines) {
            float top = (float) line.stream().mapToDouble(Fragment::top).min().orElseThrow();
            float bottom =
                    (float) line.stream().mapToDouble(Fragment::bottom).max().orElseThrow();
            if (top - previousBottom > PARAGRAPH_GAP * unit) {
                out.append('\n');
            }
            Fragment before = null;
            for (Fragment f : line) {
                if (before != null) {
                    float gap = f.left() - before.right();
                    float height = Math.max(before.height(), f.height());
                    out.append(gap > CELL_GAP * height ? " | " : gap > WORD_GAP * height ? " " : "");
                }
                out.append(f.text().strip());
                before = f;
            }
            out.append('\n');
            previousBottom = bottom;
        }
    }

    private static float medianHeight(List<Fragment> fragments) {
        double[] heights =
                fragments.stream().mapToDouble(Fragment::height).sorted().toArray();
        return (float) Math.max(heights[heights.length / 2], 1e-3);
    }
}
