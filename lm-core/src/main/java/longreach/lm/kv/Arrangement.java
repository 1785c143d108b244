package longreach.lm.kv;

import java.util.ArrayList;
import java.util.List;

/**
 * Which positions of a stream a step sees, in order: ranges [start, end), ascending and apart, that are placed one behind
 * the other from place 0 on. The last one ends where the stream goes on.
 */
public record Arrangement(int[] starts, int[] ends) {
    /** @throws IllegalArgumentException when ranges are empty, overlap or are out of order */
    public Arrangement {
        starts = starts.clone();
        ends = ends.clone();
        int from = 0;
        for (int i = 0; i < starts.length; i++) {
            if (starts[i] < from || ends[i] <= starts[i]) {
                throw new IllegalArgumentException(
                        "range [" + starts[i] + ", " + ends[i] + ") (expected: not empty, from " + from + " or later)");
            }
            from = ends[i];
        }
    }

    /**
     * What a prompt's token at {@code next} sees in long mode: the first tokens, and a window that begins {@code window}
     * tokens before the chunk of {@code next}. It depends on the position alone, and so on no step's size.
     */
    public static Arrangement window(int initial, int window, int next) {
        int from = (int) Math.max(0, (long) next / ChunkPlanner.CHUNK * ChunkPlanner.CHUNK - window);
        return of(initial, List.of(), from, next);
    }

    /**
     * The first tokens, chosen ranges and the last ones before {@code next}.
     *
     * @param chosen {start, end} each, in any order; what lies outside (initial, from) of them is left out
     * @param from where the local part begins
     */
    public static Arrangement of(int initial, List<int[]> chosen, int from, int next) {
        List<int[]> ranges = new ArrayList<>();
        add(ranges, 0, Math.min(initial, next));
        chosen.stream()
                .sorted(java.util.Comparator.comparingInt(range -> range[0]))
                .forEach(range -> add(ranges, range[0], Math.min(range[1], from)));
        add(ranges, from, next);
        return new Arrangement(
                ranges.stream().mapToInt(range -> range[0]).toArray(),
                ranges.stream().mapToInt(range -> range[1]).toArray());
    }

    /** Appends what is not there yet; what touches the last range prolongs it. */
    private static void add(List<int[]> ranges, int start, int end) {
        int before = ranges.isEmpty() ? 0 : ranges.getLast()[1];
        int from = Math.max(start, before);
        if (end <= from) {
            return;
        }
        if (!ranges.isEmpty() && before == from) {
            ranges.getLast()[1] = end;
        } else {
            ranges.add(new int[] {from, end});
        }
    }

    /** Where the stream goes on. */
    public int end() {
        return ends.length == 0 ? 0 : ends[ends.length - 1];
    }

    public int places() {
        int places = 0;
        for (int i = 0; i < starts.length; i++) {
            places += ends[i] - starts[i];
        }
        return places;
    }

    /** The position that lies at a place in [0, places). */
    public int source(int place) {
        int range = rangeOf(place);
        return starts[range] + place - before(range);
    }

    /** How many positions from this place on follow each other in the stream. */
    int together(int place) {
        int range = rangeOf(place);
        return before(range) + ends[range] - starts[range] - place;
    }

    private int rangeOf(int place) {
        int before = 0;
        for (int i = 0; i < starts.length; i++) {
            before += ends[i] - starts[i];
            if (place < before) {
                return i;
            }
        }
        throw new IndexOutOfBoundsException("place: " + place + " (expected: less than " + before + ")");
    }

    private int before(int range) {
        int before = 0;
        for (int i = 0; i < range; i++) {
            before += ends[i] - starts[i];
        }
        return before;
    }

    /** Indices of the stream's chunks that the ranges touch, ascending. */
    public List<Integer> chunks() {
        List<Integer> chunks = new ArrayList<>();
        for (int i = 0; i < starts.length; i++) {
            for (int chunk = starts[i] / ChunkPlanner.CHUNK; chunk * ChunkPlanner.CHUNK < ends[i]; chunk++) {
                if (chunks.isEmpty() || chunks.getLast() != chunk) {
                    chunks.add(chunk);
                }
            }
        }
        return chunks;
    }
}
