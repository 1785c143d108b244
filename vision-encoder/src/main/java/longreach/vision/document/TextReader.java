package longreach.vision.document;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import longreach.v1.MediaPlan;
import longreach.v1.Modality;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaSource;
import longreach.vision.media.MediaType;
import longreach.vision.media.PieceSink;

/**
 * Files that are text already. They come as pieces of some {@value #PIECE_CHARACTERS} characters, cut at a heading, else
 * at an empty line, else at a line. Form feeds separate pages, as printers have it; without any there are no page marks.
 */
public final class TextReader implements MediaReader {
    private static final int PIECE_CHARACTERS = 4_000;
    // Text is held as a whole; a file this large is far beyond any model's context.
    private static final long MAX_BYTES = 64L << 20;

    @Override
    public void plan(MediaSource source, PieceSink sink) throws MediaException {
        List<String> pages = pages(load(source));
        sink.plan(planOf(source, pages));
        sink.count("pages", pages.size());
    }

    @Override
    public void read(MediaSource source, PieceSink sink) throws MediaException {
        List<String> pages = pages(load(source));
        sink.plan(planOf(source, pages));
        for (int i = 0; i < pages.size(); i++) {
            sink.checkCancelled();
            sink.progress("reading text", (double) i / pages.size());
            var mark = SourceMark.newBuilder().setPage(pages.size() > 1 ? i + 1 : 0);
            for (String piece : pieces(pages.get(i), source.type())) {
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

    private static String load(MediaSource source) throws MediaException {
        if (source.sizeBytes() > MAX_BYTES) {
            throw MediaException.tooLarge(
                    source.name() + ": " + source.sizeBytes() + " bytes of text (expected: at most " + MAX_BYTES + ")");
        }
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(source.path());
        } catch (IOException e) {
            throw MediaException.invalid(source.name() + ": cannot be read (expected: a readable file)", e);
        }
        String text = decode(bytes, source.name()).replace("\r\n", "\n").replace('\r', '\n');
        text = source.type() == MediaType.HTML ? HtmlText.strip(text) : text;
        if (text.isBlank()) {
            throw MediaException.invalid(source.name() + ": no text (expected: a file with text)");
        }
        return text;
    }

    /** By its byte order mark, else UTF-8, else the Western single-byte code that old files are in. */
    static String decode(byte[] bytes, String name) throws MediaException {
        if (bytes.length >= 2 && (bytes[0] & 255) == 0xFF && (bytes[1] & 255) == 0xFE) {
            return new String(bytes, 2, bytes.length - 2, StandardCharsets.UTF_16LE);
        }
        if (bytes.length >= 2 && (bytes[0] & 255) == 0xFE && (bytes[1] & 255) == 0xFF) {
            return new String(bytes, 2, bytes.length - 2, StandardCharsets.UTF_16BE);
        }
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            text = new String(bytes, Charset.forName("windows-1252"));
        }
        int zero = text.indexOf('\0');
        if (zero >= 0) {
            throw MediaException.invalid(
                    name + ": a zero byte at character " + zero + " (expected: text, without zero bytes)");
        }
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }

    private static List<String> pages(String text) {
        var pages = new ArrayList<>(List.of(text.split("\f", -1)));
        // The last page's own form feed begins no further page.
        while (pages.size() > 1 && pages.getLast().isBlank()) {
            pages.removeLast();
        }
        return pages;
    }

    static List<String> pieces(String page, MediaType type) {
        var pieces = new ArrayList<String>();
        String header = type == MediaType.CSV ? page.lines().findFirst().orElse("") + "\n" : "";
        var piece = new StringBuilder();
        int lastBreak = 0;
        for (String line : (Iterable<String>) page.lines()::iterator) {
            boolean heading = type == MediaType.MARKDOWN && line.startsWith("#");
            if (heading || line.isBlank()) {
                lastBreak = piece.length();
            }
            if (piece.length() + line.length() > PIECE_CHARACTERS && !piece.isEmpty()) {
                // A break in the first quarter would make a crumb.
                int cut = lastBreak > PIECE_CHARACTERS / 4 ? lastBreak : piece.length();
                add(pieces, piece.substring(0, cut));
                piece.delete(0, cut).insert(0, header);
                lastBreak = 0;
            }
            piece.append(line).append('\n');
            while (piece.length() > 4 * PIECE_CHARACTERS) {
                int cut = Character.isHighSurrogate(piece.charAt(PIECE_CHARACTERS - 1))
                        ? PIECE_CHARACTERS - 1
                        : PIECE_CHARACTERS;
                add(pieces, piece.substring(0, cut));
                piece.delete(0, cut);
                lastBreak = 0;
            }
        }
        add(pieces, piece.toString());
        return pieces;
    }

    private static void add(List<String> pieces, String text) {
        if (!text.isBlank()) {
            pieces.add(text.stripTrailing());
        }
    }
}
