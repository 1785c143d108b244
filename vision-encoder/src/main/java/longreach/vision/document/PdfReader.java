package longreach.vision.document;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import longreach.v1.MediaPlan;
import longreach.v1.Modality;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;
import longreach.vision.VisionSettings;
import longreach.vision.image.Raster;
import longreach.vision.layout.Fragment;
import longreach.vision.layout.PageLayout;
import longreach.vision.media.ComputeGate;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaSource;
import longreach.vision.media.PieceSink;
import longreach.vision.media.SearchSide;
import longreach.vision.ocr.OcrEngine;
import longreach.vision.ocr.OcrLine;
import org.apache.pdfbox.Loader;
import org.apache.pdfbox.contentstream.operator.Operator;
import org.apache.pdfbox.cos.COSBase;
import org.apache.pdfbox.io.MemoryUsageSetting;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.PDPage;
import org.apache.pdfbox.pdmodel.common.PDRectangle;
import org.apache.pdfbox.pdmodel.encryption.InvalidPasswordException;
import org.apache.pdfbox.rendering.ImageType;
import org.apache.pdfbox.rendering.PDFRenderer;
import org.apache.pdfbox.rendering.PageDrawer;
import org.apache.pdfbox.rendering.PageDrawerParameters;

/** PDF pages: their text layer, or where a page has none, what recognition reads on its drawing. */
public final class PdfReader implements MediaReader {
    static {
        // Else PDFBox leaves its list of the system's fonts in the home directory.
        if (System.getProperty("pdfbox.fontcache") == null) {
            System.setProperty("pdfbox.fontcache", System.getProperty("java.io.tmpdir"));
        }
    }

    private static final float POINTS_PER_INCH = 72;
    // A page with fewer letters than this that also draws something is looked at: a scan often carries a page number.
    private static final int FEW_LETTERS = 30;
    // A scan under a download stamp: some text, but mostly one image.
    private static final int STAMP_LETTERS = 250;
    private static final float MOSTLY_IMAGE = 0.5f;

    private final VisionSettings settings;
    private final OcrEngine ocr;
    private final ComputeGate gate;

    public PdfReader(VisionSettings settings, OcrEngine ocr, ComputeGate gate) {
        this.settings = settings;
        this.ocr = ocr;
        this.gate = gate;
    }

    @Override
    public void plan(MediaSource source, PieceSink sink) throws MediaException {
        try (PDDocument document = gate.run(() -> open(source))) {
            sink.plan(gate.run(() -> planOf(document)));
            sink.count("pages", document.getNumberOfPages());
        } catch (IOException e) {
            throw unreadable(source, e);
        }
    }

    @Override
    public void read(MediaSource source, PieceSink sink) throws MediaException {
        try (PDDocument document = gate.run(() -> open(source))) {
            int pages = document.getNumberOfPages();
            sink.plan(gate.run(() -> planOf(document)));
            var glyphs = new PageGlyphs(sink::cancelled);
            for (int page = 0; page < pages; page++) {
                sink.checkCancelled();
                sink.progress("reading page " + (page + 1) + " of " + pages, (double) page / pages);
                readPage(source, document, page, glyphs, sink);
            }
            sink.count("pages", pages);
        } catch (IOException e) {
            throw unreadable(source, e);
        }
    }

    private PDDocument open(MediaSource source) throws MediaException {
        PDDocument document;
        try {
            document = Loader.loadPDF(
                    source.path().toFile(),
                    MemoryUsageSetting.setupMixed(settings.pdfMemory().toBytes()).streamCache);
        } catch (InvalidPasswordException e) {
            throw MediaException.invalid(
                    source.name() + ": protected by a password (expected: a PDF that opens without one)", e);
        } catch (IOException | RuntimeException e) {
            throw unreadable(source, e);
        }
        try {
            int pages = document.getNumberOfPages();
            if (pages == 0) {
                throw MediaException.invalid(source.name() + ": 0 pages (expected: at least 1)");
            }
            if (pages > settings.maxPages()) {
                throw MediaException.tooLarge(
                        source.name() + ": " + pages + " pages (expected: at most " + settings.maxPages() + ")");
            }
            return document;
        } catch (MediaException | RuntimeException e) {
            try {
                document.close();
            } catch (IOException closing) {
                e.addSuppressed(closing);
            }
            throw e instanceof MediaException known ? known : unreadable(source, e);
        }
    }

    private static MediaPlan planOf(PDDocument document) {
        PDRectangle box = document.getPage(0).getCropBox();
        return MediaPlan.newBuilder()
                .setModality(Modality.DOCUMENT)
                .setPages(document.getNumberOfPages())
                .setWidth(Math.max(0, Math.round(box.getWidth())))
                .setHeight(Math.max(0, Math.round(box.getHeight())))
                .setContainer("pdf")
                .build();
    }

    private void readPage(MediaSource source, PDDocument document, int index, PageGlyphs glyphs, PieceSink sink)
            throws MediaException {
        PageGlyphs.Content content = gate.run(() -> {
            try {
                return glyphs.read(document.getPage(index));
            } catch (PageGlyphs.StoppedException e) {
                throw MediaException.cancelled();
            } catch (IOException | RuntimeException e) {
                throw brokenPage(source, index, e);
            }
        });
        SourceMark mark = SourceMark.newBuilder().setPage(index + 1).build();
        if (worthDrawing(content)) {
            sink.progress(
                    "recognising page " + (index + 1) + " of " + document.getNumberOfPages(),
                    (double) index / document.getNumberOfPages());
            List<OcrLine> lines = gate.run(() -> recognise(source, document, index, sink));
            sink.count("ocr_pages", 1);
            int letters = lines.stream()
                    .mapToInt(line -> (int) line.text()
                            .codePoints()
                            .filter(Character::isLetterOrDigit)
                            .count())
                    .sum();
            if (letters > content.visible()) {
                sink.text(TextPiece.newBuilder()
                        .setKind(TextPiece.Kind.OCR)
                        .setText(
                                PageLayout.read(lines.stream().map(Fragment::of).toList()))
                        .setMark(mark)
                        .setConfidence(OcrLine.confidence(lines))
                        .build());
                return;
            }
        }
        if (!content.text().isBlank()) {
            sink.count("text_pages", 1);
            sink.text(TextPiece.newBuilder()
                    .setKind(TextPiece.Kind.TEXT_LAYER)
                    .setText(content.text())
                    .setMark(mark)
                    .setConfidence(1)
                    .build());
        }
    }

    private static boolean worthDrawing(PageGlyphs.Content content) {
        boolean meaningless = content.garbled() > 20 && content.garbled() > content.visible() / 2;
        return meaningless
                || content.paints() && content.visible() < FEW_LETTERS
                || content.imageShare() > MOSTLY_IMAGE && content.visible() < STAMP_LETTERS;
    }

    private List<OcrLine> recognise(MediaSource source, PDDocument document, int index, PieceSink sink)
            throws MediaException {
        PDPage page = document.getPage(index);
        PDRectangle box = page.getCropBox();
        double area = Math.max(1, (double) box.getWidth() * box.getHeight());
        float scale =
                (float) Math.min(settings.pageDpi() / POINTS_PER_INCH, Math.sqrt(settings.maxPagePixels() / area));
        BufferedImage image;
        try {
            image = new StoppableRenderer(document, sink).renderImage(index, scale, ImageType.RGB);
        } catch (PageGlyphs.StoppedException e) {
            throw MediaException.cancelled();
        } catch (IOException | RuntimeException e) {
            throw brokenPage(source, index, e);
        }
        return ocr.read(Raster.of(image), SearchSide.ofPage(source.options()), sink::cancelled);
    }

    private static MediaException unreadable(MediaSource source, Exception cause) {
        return MediaException.invalid(
                source.name() + ": not a readable PDF: " + reason(cause) + " (expected: a sound PDF)", cause);
    }

    private static MediaException brokenPage(MediaSource source, int index, Exception cause) {
        return MediaException.invalid(
                source.name() + ", page " + (index + 1) + ": " + reason(cause) + " (expected: a sound page)", cause);
    }

    private static String reason(Exception cause) {
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    /** Draws until the caller leaves. */
    private static final class StoppableRenderer extends PDFRenderer {
        private final PieceSink sink;

        StoppableRenderer(PDDocument document, PieceSink sink) {
            super(document);
            this.sink = sink;
            setSubsamplingAllowed(true);
        }

        @Override
        protected PageDrawer createPageDrawer(PageDrawerParameters parameters) throws IOException {
            return new PageDrawer(parameters) {
                private int operators;

                @Override
                protected void processOperator(Operator operator, List<COSBase> operands) throws IOException {
                    if ((++operators & 0x3F) == 0 && sink.cancelled()) {
                        throw new PageGlyphs.StoppedException();
                    }
                    super.processOperator(operator, operands);
                }
            };
        }
    }
}
