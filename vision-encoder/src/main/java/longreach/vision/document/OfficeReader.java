package longreach.vision.document;

import java.io.IOException;
import java.util.List;
import longreach.v1.MediaPlan;
import longreach.v1.Modality;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;
import longreach.vision.VisionSettings;
import longreach.vision.media.ComputeGate;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaSource;
import longreach.vision.media.MediaType;
import longreach.vision.media.PieceSink;
import org.apache.tika.exception.EncryptedDocumentException;
import org.apache.tika.exception.TikaException;
import org.apache.tika.extractor.EmbeddedDocumentExtractor;
import org.apache.tika.io.TikaInputStream;
import org.apache.tika.metadata.Metadata;
import org.apache.tika.parser.ParseContext;
import org.apache.tika.parser.Parser;
import org.apache.tika.parser.epub.EpubParser;
import org.apache.tika.parser.microsoft.OfficeParser;
import org.apache.tika.parser.microsoft.OfficeParserConfig;
import org.apache.tika.parser.microsoft.ooxml.OOXMLParser;
import org.apache.tika.parser.microsoft.rtf.RTFParser;
import org.apache.tika.parser.odf.OpenDocumentParser;
import org.apache.tika.sax.SecureContentHandler;
import org.xml.sax.ContentHandler;
import org.xml.sax.SAXException;

/**
 * Word processors', presentations' and spreadsheets' files, and books, by Apache Tika. Slides and sheets are pages; the
 * others flow, and have no page marks. Files inside the file are left out.
 */
public final class OfficeReader implements MediaReader {
    // Text is held as a whole; more is far beyond any model's context.
    private static final int MAX_CHARACTERS = 64 << 20;
    private static final long MAX_BYTES = 512L << 20;

    private final VisionSettings settings;
    private final ComputeGate gate;

    public OfficeReader(VisionSettings settings, ComputeGate gate) {
        this.settings = settings;
        this.gate = gate;
    }

    @Override
    public void plan(MediaSource source, PieceSink sink) throws MediaException {
        List<String> pages = pages(source, sink);
        sink.plan(planOf(source, pages));
        sink.count("pages", pages.size());
    }

    @Override
    public void read(MediaSource source, PieceSink sink) throws MediaException {
        List<String> pages = pages(source, sink);
        sink.plan(planOf(source, pages));
        boolean marked = !pageClass(source.type()).isEmpty();
        for (int i = 0; i < pages.size(); i++) {
            sink.checkCancelled();
            sink.progress("reading text", (double) i / pages.size());
            var mark = SourceMark.newBuilder().setPage(marked ? i + 1 : 0);
            for (String piece : TextReader.pieces(pages.get(i), MediaType.MARKDOWN)) {
                sink.text(TextPiece.newBuilder()
                        .setKind(TextPiece.Kind.TEXT_LAYER)
                        .setText(piece)
                        .setMark(mark)
                        .setConfidence(1)
                        .build());
            }
        }
        sink.count("pages", pages.size());
    }

    private static MediaPlan planOf(MediaSource source, List<String> pages) {
        return MediaPlan.newBuilder()
                .setModality(Modality.DOCUMENT)
                .setPages(pages.size())
                .setContainer(source.type().mimeType())
                .build();
    }

    private List<String> pages(MediaSource source, PieceSink sink) throws MediaException {
        if (source.sizeBytes() > MAX_BYTES) {
            throw MediaException.tooLarge(
                    source.name() + ": " + source.sizeBytes() + " bytes (expected: at most " + MAX_BYTES + ")");
        }
        var text = new OfficeText(pageClass(source.type()), MAX_CHARACTERS, sink::cancelled);
        gate.run(() -> {
            parse(source, text);
            return null;
        });
        List<String> pages = text.pages();
        if (pages.stream().allMatch(String::isBlank)) {
            throw MediaException.invalid(source.name() + ": no text (expected: a file with text)");
        }
        if (pages.size() > settings.maxPages()) {
            throw MediaException.tooLarge(
                    source.name() + ": " + pages.size() + " pages (expected: at most " + settings.maxPages() + ")");
        }
        return pages;
    }

    private static void parse(MediaSource source, OfficeText text) throws MediaException {
        try (TikaInputStream in = TikaInputStream.get(source.path())) {
            // Ends the parse of what grows out of all proportion to the file's size.
            var guarded = new SecureContentHandler(text, in);
            parser(source.type()).parse(in, guarded, new Metadata(), context());
        } catch (EncryptedDocumentException e) {
            throw MediaException.invalid(
                    source.name() + ": protected by a password (expected: a file that opens without one)", e);
        } catch (SAXException e) {
            throw switch (e) {
                case OfficeText.TooLong longer ->
                    MediaException.tooLarge(
                            source.name() + ": more than " + MAX_CHARACTERS + " characters (expected: at most that)");
                case OfficeText.Unwanted unwanted -> MediaException.cancelled();
                default -> unreadable(source, e);
            };
        } catch (TikaException | IOException | RuntimeException e) {
            throw unreadable(source, e);
        }
    }

    private static MediaException unreadable(MediaSource source, Exception cause) {
        return MediaException.invalid(
                source.name() + ": damaged (expected: a sound " + source.type().mimeType() + ")", cause);
    }

    private static ParseContext context() {
        var context = new ParseContext();
        context.set(EmbeddedDocumentExtractor.class, new NothingEmbedded());
        var config = new OfficeParserConfig();
        config.setIncludeSlideMasterContent(false);
        config.setIncludeHeadersAndFooters(false);
        config.setExtractMacros(false);
        context.set(OfficeParserConfig.class, config);
        return context;
    }

    private static Parser parser(MediaType type) {
        return switch (type) {
            case DOCX, PPTX, XLSX -> new OOXMLParser();
            case ODT, ODP, ODS -> new OpenDocumentParser();
            case EPUB -> new EpubParser();
            case RTF -> new RTFParser();
            case DOC, PPT, XLS -> new OfficeParser();
            default -> throw new IllegalArgumentException(type + " (expected: an office type)");
        };
    }

    /** How the parsers call what is a page; empty: there are none. */
    private static String pageClass(MediaType type) {
        return switch (type) {
            case PPTX -> "slide-content";
            case PPT -> "slide";
            case XLSX -> "sheet";
            case XLS -> "page";
            default -> "";
        };
    }

    private static final class NothingEmbedded implements EmbeddedDocumentExtractor {
        @Override
        public boolean shouldParseEmbedded(Metadata metadata) {
            return false;
        }

        @Override
        public void parseEmbedded(
                java.io.InputStream stream, ContentHandler handler, Metadata metadata, boolean outputHtml) {
            throw new IllegalStateException("embedded file (expected: skipped)");
        }
    }
}
