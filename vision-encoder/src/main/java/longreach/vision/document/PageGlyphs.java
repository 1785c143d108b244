package longreach.vision.document;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import longreach.vision.layout.Fragment;
import longreach.vision.layout.PageLayout;
import org.apache.pdfbox.contentstream.operator.Operator;
import org.apache.pdfbox.cos.COSBase;
import org.apache.pdfbox.cos.COSName;
import org.apache.pdfbox.pdmodel.PDPage;
import org.apache.pdfbox.pdmodel.common.PDRectangle;
import org.apache.pdfbox.text.PDFTextStripper;
import org.apache.pdfbox.text.TextPosition;
import org.apache.pdfbox.util.Matrix;

/**
 * Collects the glyphs of a page as fragments, and notes what else is painted. PDFBox's stripper is used for its glyph
 * positions only; the order comes from {@link PageLayout}.
 */
final class PageGlyphs extends PDFTextStripper {
    // A page of a dense book has about 6,000. More is a map drawn in text, or an attack.
    private static final int MAX_GLYPHS = 300_000;
    private static final long MAX_OPERATORS = 20_000_000;
    private static final Set<String> PAINT = Set.of("f", "F", "f*", "S", "s", "B", "B*", "b", "b*", "sh", "BI");

    /** Thrown out of PDFBox when the caller left. */
    static final class StoppedException extends IOException {
        private static final long serialVersionUID = 1;
    }

    /**
     * @param text in reading order
     * @param visible letters and digits that are text
     * @param garbled glyphs without a meaning: private use, replacement and control characters
     * @param imageShare share of the page's area that images cover, at most 1
     * @param paints anything but text is drawn
     */
    record Content(String text, int visible, int garbled, float imageShare, boolean paints) {}

    private record GlyphKey(String text, int x, int y) {}

    private final BooleanSupplier cancelled;
    // By writing direction in degrees.
    private final Map<Integer, List<Run>> runs = new TreeMap<>();
    private final Set<GlyphKey> seen = new HashSet<>();
    private int glyphs;
    private int visible;
    private int garbled;
    private long operators;
    private double imageArea;
    private boolean paints;

    PageGlyphs(BooleanSupplier cancelled) {
        this.cancelled = cancelled;
        // Pages are given one by one, and the stripper's own count stays at 0.
        setStartPage(0);
    }

    Content read(PDPage page) throws IOException {
        runs.clear();
        seen.clear();
        glyphs = 0;
        visible = 0;
        garbled = 0;
        operators = 0;
        imageArea = 0;
        paints = false;
        if (page.hasContents()) {
            processPage(page);
        }
        PDRectangle box = page.getCropBox();
        double area = Math.max(1, (double) box.getWidth() * box.getHeight());
        var out = new StringBuilder();
        runs.values().stream()
                .sorted(Comparator.comparingInt((List<Run> list) -> -list.size()))
                .forEach(list -> {
                    String text =
                            PageLayout.read(list.stream().map(Run::fragment).toList());
                    out.append(out.isEmpty() ? "" : "\n\n").append(text);
                });
        return new Content(GlyphText.logical(out), visible, garbled, (float) Math.min(1, imageArea / area), paints);
    }

    @Override
    protected void writePage() {
        // The text is put together from the runs.
    }

    @Override
    protected void processOperator(Operator operator, List<COSBase> operands) throws IOException {
        if ((++operators & 0xFF) == 0 && cancelled.getAsBoolean()) {
            throw new StoppedException();
        }
        if (operators > MAX_OPERATORS) {
            throw new IOException("more than " + MAX_OPERATORS + " drawing operators on a page");
        }
        String name = operator.getName();
        if (PAINT.contains(name)) {
            paints = true;
        } else if (name.equals("Do") && !operands.isEmpty() && operands.getFirst() instanceof COSName object) {
            if (getResources() != null && getResources().isImageXObject(object)) {
                paints = true;
                Matrix m = getGraphicsState().getCurrentTransformationMatrix();
                imageArea += Math.abs((double) m.getScaleX() * m.getScaleY() - (double) m.getShearX() * m.getShearY());
            }
        }
        super.processOperator(operator, operands);
    }

    @Override
    protected void processTextPosition(TextPosition glyph) {
        String text = glyph.getUnicode();
        if (text == null || text.isEmpty() || glyphs >= MAX_GLYPHS) {
            return;
        }
        glyphs++;
        List<Run> list = runs.computeIfAbsent(Math.round(glyph.getDir()), k -> new ArrayList<>());
        Run last = list.isEmpty() ? null : list.getLast();
        if (text.isBlank()) {
            if (last != null) {
                last.space = true;
            }
            return;
        }
        float x = glyph.getXDirAdj();
        float baseline = glyph.getYDirAdj();
        float em = em(glyph);
        float width = glyph.getWidthDirAdj();
        if (!Float.isFinite(x + baseline + em + width)) {
            return;
        }
        // The same glyph again at the same place is boldness or a shadow.
        float grain = Math.max(0.15f * em, 0.1f);
        if (!seen.add(new GlyphKey(text, Math.round(x / grain), Math.round(baseline / grain)))) {
            return;
        }
        count(text);
        if (last == null || !last.takes(x, baseline, em)) {
            last = new Run(x, baseline, em);
            list.add(last);
        }
        last.add(text, x, width, glyph.getWidthOfSpace());
    }

    private void count(String text) {
        int c = text.codePointAt(0);
        if (Character.isLetterOrDigit(c)) {
            visible++;
        } else if (c == 0xFFFD || Character.getType(c) == Character.PRIVATE_USE || Character.isISOControl(c)) {
            garbled++;
        }
    }

    /** The font's size as drawn; where it does not fit the glyph's width, one and a half times the font's height. */
    private static float em(TextPosition glyph) {
        // Not getFontSizeInPt, which leaves out by how much the page scales its contents.
        float size = Math.abs(glyph.getTextMatrix().getScalingFactorY());
        float width = glyph.getWidthDirAdj();
        boolean plausible = size > 0.1f && size >= 0.5f * width && (width < 0.01f || size <= 12 * width);
        return plausible ? size : 1.5f * Math.max(glyph.getHeightDir(), 0.5f);
    }

    /** Glyphs that follow each other on one baseline. */
    private static final class Run {
        private final StringBuilder text = new StringBuilder();
        private final float left;
        private final float baseline;
        private final float em;
        private float right;
        private boolean space;

        Run(float left, float baseline, float em) {
            this.left = left;
            this.right = left;
            this.baseline = baseline;
            this.em = em;
        }

        boolean takes(float x, float y, float size) {
            float gap = x - right;
            return Math.abs(y - baseline) < 0.15f * em
                    && Math.abs(size - em) < 0.25f * em
                    && gap > -0.4f * em
                    && gap < em;
        }

        void add(String glyph, float x, float width, float spaceWidth) {
            // Half a space is a space; where the font's is wide (monospaced) or not told, a seventh of an em. Lines set
            // tight by TeX have spaces of a fifth.
            float wordGap = spaceWidth > 0.1f * em ? Math.min(0.5f * spaceWidth, 0.14f * em) : 0.14f * em;
            if (!text.isEmpty() && (space || x - right > wordGap)) {
                text.append(' ');
            }
            space = false;
            text.append(glyph);
            right = Math.max(right, x + width);
        }

        Fragment fragment() {
            return new Fragment(text.toString(), left, baseline - 0.8f * em, right, baseline + 0.2f * em);
        }
    }
}
