package longreach.gateway.plan;

import java.util.ArrayList;
import java.util.List;
import longreach.v1.EncodedMedia;
import longreach.v1.Modality;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;

/** Cuts what was read of a media item into units of about a page. */
public final class Units {
    /** A page that is longer than a unit by less than this stays whole: a short rest would say little alone. */
    private static final double SLACK = 1.35;

    private final int unitTokens;

    /** @param unitTokens most tokens of a unit, estimated */
    public Units(int unitTokens) {
        this.unitTokens = unitTokens;
    }

    /** @param media index of the item in its request @param id for the marks */
    public List<Unit> of(int media, String id, Modality modality, EncodedMedia read) {
        return switch (modality) {
            case VIDEO, AUDIO -> byTime(media, id, read.getPiecesList());
            case IMAGE, DOCUMENT -> byPage(media, id, read.getPiecesList());
            case TEXT, MODALITY_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException("modality: " + modality + " (expected: one of the media)");
        };
    }

    private List<Unit> byPage(int media, String id, List<TextPiece> pieces) {
        var units = new ArrayList<Unit>();
        for (int i = 0; i < pieces.size(); ) {
            int page = pieces.get(i).getMark().getPage();
            var text = new StringBuilder();
            for (; i < pieces.size() && pieces.get(i).getMark().getPage() == page; i++) {
                text.append(text.isEmpty() ? "" : "\n")
                        .append(pieces.get(i).getText().strip());
            }
            var mark = SourceMark.newBuilder().setPage(page).setFile(id).build();
            var label = Marks.label(mark);
            for (var part : split(text.toString())) {
                var shown = label.isEmpty() ? part : "[" + label + "]\n" + part;
                units.add(new Unit(media, units.size(), mark, shown, List.of(new Passage(mark, part))));
            }
        }
        return units;
    }

    private List<Unit> byTime(int media, String id, List<TextPiece> pieces) {
        var units = new ArrayList<Unit>();
        var open = new ArrayList<Passage>();
        int tokens = 0;
        for (var piece : pieces) {
            var mark = piece.getMark().toBuilder().setFile(id).build();
            for (var part : split(piece.getText().strip().replaceAll("\\s*\\n\\s*", " "))) {
                int more = Unit.estimateTokens(line(new Passage(mark, part)));
                if (!open.isEmpty() && tokens + more > unitTokens) {
                    units.add(timed(media, units.size(), id, open));
                    open.clear();
                    tokens = 0;
                }
                open.add(new Passage(mark, part));
                tokens += more;
            }
        }
        if (!open.isEmpty()) {
            units.add(timed(media, units.size(), id, open));
        }
        return units;
    }

    private static Unit timed(int media, int number, String id, List<Passage> passages) {
        long start = Long.MAX_VALUE;
        long end = 0;
        var text = new StringBuilder();
        for (var passage : passages) {
            start = Math.min(start, passage.mark().getStartMs());
            end = Math.max(
                    end, Math.max(passage.mark().getEndMs(), passage.mark().getStartMs()));
            text.append(text.isEmpty() ? "" : "\n").append(line(passage));
        }
        var mark = SourceMark.newBuilder()
                .setStartMs(start)
                .setEndMs(end)
                .setFile(id)
                .build();
        return new Unit(media, number, mark, text.toString(), List.copyOf(passages));
    }

    private static String line(Passage passage) {
        var label = Marks.label(passage.mark());
        return label.isEmpty() ? passage.text() : "[" + label + "] " + passage.text();
    }

    /** Whole when it is not much longer than a unit; else cut at the last paragraph, line, sentence or word that fits. */
    List<String> split(String text) {
        var parts = new ArrayList<String>();
        int from = 0;
        int charsPerToken = Math.max(1, text.length() / Math.max(1, Unit.estimateTokens(text)));
        while (isLong(text, from)) {
            int cut = cutBefore(text, from, Math.min(from + unitTokens * charsPerToken, text.length()));
            parts.add(text.substring(from, cut).strip());
            from = cut;
        }
        parts.add(text.substring(from).strip());
        parts.removeIf(String::isEmpty);
        return parts;
    }

    /** Looks at no more than it must: texts may be megabytes long and are cut many times. */
    private boolean isLong(String text, int from) {
        double most = unitTokens * SLACK;
        return text.length() - from > most * Unit.LETTERS_PER_TOKEN || Unit.estimateTokens(text.substring(from)) > most;
    }

    private static int cutBefore(String text, int from, int limit) {
        // A cut in the first half would leave a stump, so a weaker kind of break further on is better.
        int earliest = from + (limit - from) / 2;
        for (var breaking : new String[] {"\n\n", "\n", ". ", "? ", "! ", "; ", ", ", " "}) {
            int at = text.lastIndexOf(breaking, limit - breaking.length());
            if (at >= earliest) {
                return at + breaking.length();
            }
        }
        return Character.isLowSurrogate(text.charAt(limit - 1)) || !Character.isHighSurrogate(text.charAt(limit - 1))
                ? limit
                : limit - 1;
    }
}
