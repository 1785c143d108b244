package longreach.vision.video;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;
import longreach.vision.layout.Fragment;
import longreach.vision.layout.PageLayout;
import longreach.vision.ocr.OcrLine;

/**
 * Merges what is read on successive frames over time. Each line is followed while it stays; lines that came and went
 * together are one piece with the span of time they were seen. Pieces come out ordered by their start, as soon as
 * nothing that began earlier is still on screen.
 */
final class ScreenText {
    /** A line that stays longer (a channel's logo) is told again, so that it holds nothing back for hours. */
    static final long MAX_SPAN_MILLIS = 10 * 60_000L;

    private static final float SIMILAR = 0.75f;
    private static final float SAME_PLACE = 0.4f;

    private final long intervalMillis;
    private final List<Track> open = new ArrayList<>();
    private final List<Track> closed = new ArrayList<>();

    /** A line on screen. */
    private static final class Track {
        OcrLine line;
        String key;
        final long start;
        long end;
        boolean missed;

        Track(OcrLine line, String key, long start, long end) {
            this.line = line;
            this.key = key;
            this.start = start;
            this.end = end;
        }

        /** Keeps the surer of the two readings. */
        void seen(OcrLine again, String itsKey, long until) {
            if (again.confidence() > line.confidence()) {
                line = again;
                key = itsKey;
            }
            end = until;
            missed = false;
        }
    }

    /** @param intervalMillis between sampled frames: ends that near to each other count as one */
    ScreenText(long intervalMillis) {
        this.intervalMillis = intervalMillis;
    }

    /** A frame that was read, shown over [start, end). */
    List<TextPiece> read(List<OcrLine> lines, long start, long end) {
        Set<Track> matched = new HashSet<>();
        var unmatched = new ArrayList<OcrLine>();
        for (OcrLine line : lines) {
            String key = key(line.text());
            if (key.isEmpty()) {
                continue;
            }
            Track same = open.stream()
                    .filter(track -> !matched.contains(track) && track.key.equals(key))
                    .min(Comparator.comparingDouble(track -> distance(track.line, line)))
                    .orElse(null);
            if (same == null) {
                unmatched.add(line);
            } else {
                matched.add(same);
                same.seen(line, key, end);
            }
        }
        for (OcrLine line : unmatched) {
            String key = key(line.text());
            Track similar = open.stream()
                    .filter(track -> !matched.contains(track) && sameLine(track, line, key))
                    .findFirst()
                    .orElse(null);
            if (similar == null) {
                similar = new Track(line, key, start, end);
                open.add(similar);
            } else {
                similar.seen(line, key, end);
            }
            matched.add(similar);
        }
        for (Track track : List.copyOf(open)) {
            if (!matched.contains(track)) {
                missed(track);
            }
        }
        return ripe(end);
    }

    /** A frame like the last one that was read, shown until end. */
    List<TextPiece> unchanged(long end) {
        for (Track track : List.copyOf(open)) {
            if (track.missed) {
                missed(track);
            } else {
                track.end = end;
            }
        }
        return ripe(end);
    }

    /** The rest, after the last frame. */
    List<TextPiece> finish() {
        closed.addAll(open);
        open.clear();
        return ripe(0);
    }

    /** Recognition may fail once on a line that stays: only the second miss ends it. */
    private void missed(Track track) {
        if (track.missed) {
            open.remove(track);
            closed.add(track);
        }
        track.missed = true;
    }

    private List<TextPiece> ripe(long now) {
        for (Track track : List.copyOf(open)) {
            if (!track.missed && now - track.start >= MAX_SPAN_MILLIS) {
                open.remove(track);
                closed.add(track);
                open.add(new Track(track.line, track.key, now, now));
            }
        }
        long firstOpen = open.stream().mapToLong(track -> track.start).min().orElse(Long.MAX_VALUE);
        var pieces = new ArrayList<TextPiece>();
        closed.sort(Comparator.comparingLong((Track track) -> track.start).thenComparingLong(track -> -track.end));
        int taken = 0;
        while (taken < closed.size() && closed.get(taken).start < firstOpen) {
            Track first = closed.get(taken);
            int next = taken;
            while (next < closed.size()
                    && closed.get(next).start == first.start
                    && first.end - closed.get(next).end <= 2 * intervalMillis) {
                next++;
            }
            // A continued track that was not seen again has no span.
            List<Track> group = closed.subList(taken, next).stream()
                    .filter(track -> track.end > track.start)
                    .toList();
            if (!group.isEmpty()) {
                pieces.add(piece(group));
            }
            taken = next;
        }
        closed.subList(0, taken).clear();
        return pieces;
    }

    private static TextPiece piece(List<Track> group) {
        List<OcrLine> lines = group.stream().map(track -> track.line).toList();
        return TextPiece.newBuilder()
                .setKind(TextPiece.Kind.OCR)
                .setText(PageLayout.read(lines.stream().map(Fragment::of).toList()))
                .setMark(SourceMark.newBuilder()
                        .setStartMs(group.getFirst().start)
                        .setEndMs(group.stream()
                                .mapToLong(track -> track.end)
                                .max()
                                .orElseThrow()))
                .setConfidence(OcrLine.confidence(lines))
                .build();
    }

    /** The same line read a little differently: in the same place, with the same digits, and most letters alike. */
    private static boolean sameLine(Track track, OcrLine line, String key) {
        return digits(track.key).equals(digits(key))
                && overlap(track.line, line) >= SAME_PLACE
                && similarity(track.key, key) >= SIMILAR;
    }

    private static String key(String text) {
        var key = new StringBuilder();
        text.toLowerCase(Locale.ROOT)
                .codePoints()
                .filter(Character::isLetterOrDigit)
                .forEach(key::appendCodePoint);
        return key.toString();
    }

    private static String digits(String key) {
        return key.replaceAll("\\D", "");
    }

    private static double distance(OcrLine a, OcrLine b) {
        return Math.abs(a.left() - b.left()) + Math.abs(a.top() - b.top());
    }

    /** Shared area over joint area. */
    private static float overlap(OcrLine a, OcrLine b) {
        float width = Math.min(a.right(), b.right()) - Math.max(a.left(), b.left());
        float height = Math.min(a.bottom(), b.bottom()) - Math.max(a.top(), b.top());
        if (width <= 0 || height <= 0) {
            return 0;
        }
        float shared = width * height;
        return shared / (area(a) + area(b) - shared);
    }

    private static float area(OcrLine line) {
        return (line.right() - line.left()) * (line.bottom() - line.top());
    }

    /** 1 - edit distance (Levenshtein) over the longer length. */
    static float similarity(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                row[j] = Math.min(Math.min(row[j] + 1, row[j - 1] + 1), diagonal + change);
                diagonal = above;
            }
        }
        int longest = Math.max(a.length(), b.length());
        return longest == 0 ? 1 : 1 - (float) row[b.length()] / longest;
    }
}
