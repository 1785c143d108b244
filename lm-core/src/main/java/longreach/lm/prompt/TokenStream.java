package longreach.lm.prompt;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import longreach.v1.Modality;

/**
 * The prompt as the model takes it: one ordered list of runs, each of token ids or of soft tokens. Positions are counted
 * from the start of the stream. Chunk keys follow from this description alone, before any media item is encoded.
 */
public final class TokenStream {
    /** Stands in the list of ids for a position whose embedding comes from an encoder. */
    public static final int SOFT = -1;

    /** A run of the stream. */
    public sealed interface Run permits TextRun, SoftRun {
        int tokens();

        /** What the tokens count under in usage metadata. */
        Modality modality();

        /** Other requests are likely to go on from the end of this run. */
        boolean boundaryAfter();
    }

    /** @param ids token ids, each in [0, vocabulary) */
    public record TextRun(int[] ids, Modality modality, boolean boundaryAfter) implements Run {
        @Override
        public int tokens() {
            return ids.length;
        }
    }

    /**
     * @param digest 32 bytes that name the embeddings: content, encoder, options and item index
     * @param bidirectional the run's tokens see each other both ways, so nothing resumes inside it
     */
    public record SoftRun(byte[] digest, int tokens, boolean bidirectional, Modality modality, boolean boundaryAfter)
            implements Run {
        public SoftRun {
            if (digest.length != 32) {
                throw new IllegalArgumentException("digest: " + digest.length + " bytes (expected: 32)");
            }
            if (tokens < 1) {
                throw new IllegalArgumentException("token_count: " + tokens + " (expected: at least 1)");
            }
            digest = digest.clone();
        }
    }

    private final List<Run> runs;
    private final int[] starts;
    private final int[] ids;
    private final int[] boundaries;

    /** @throws ArithmeticException when the stream has more than 2^31 tokens */
    public TokenStream(List<Run> runs) {
        this.runs = List.copyOf(runs);
        starts = new int[runs.size() + 1];
        for (int i = 0; i < runs.size(); i++) {
            starts[i + 1] = Math.addExact(starts[i], runs.get(i).tokens());
        }
        ids = new int[length()];
        int[] ends = new int[runs.size()];
        int count = 0;
        for (int i = 0; i < runs.size(); i++) {
            switch (runs.get(i)) {
                case TextRun text -> System.arraycopy(text.ids(), 0, ids, starts[i], text.tokens());
                case SoftRun soft -> Arrays.fill(ids, starts[i], starts[i + 1], SOFT);
            }
            int end = starts[i + 1];
            if (runs.get(i).boundaryAfter() && end > 0 && (count == 0 || ends[count - 1] != end)) {
                ends[count++] = end;
            }
        }
        boundaries = Arrays.copyOf(ends, count);
    }

    public static TokenStream ofText(int... ids) {
        return new TokenStream(List.of(new TextRun(ids, Modality.TEXT, false)));
    }

    public int length() {
        return starts[starts.length - 1];
    }

    public List<Run> runs() {
        return runs;
    }

    /** First position of run {@code index}. */
    public int start(int index) {
        return starts[index];
    }

    /** Position after the last one of run {@code index}. */
    public int end(int index) {
        return starts[index + 1];
    }

    /** Index of the run that holds a position in [0, length). */
    public int runAt(int position) {
        int found = Arrays.binarySearch(starts, position);
        if (found < 0) {
            return -found - 2;
        }
        // Empty runs share a start with their successor: the last of equals holds the position.
        while (starts[found + 1] == position) {
            found++;
        }
        return found;
    }

    /** The token id at a position, or {@link #SOFT}. */
    public int id(int position) {
        return ids[position];
    }

    /** Ends of the runs marked as boundaries, ascending, each once. */
    public int[] boundaries() {
        return boundaries.clone();
    }

    /**
     * The latest position at or before {@code position} at which a computation may begin: the start of the bidirectional
     * run that {@code position} falls inside, else the position itself.
     */
    public int resumableAt(int position) {
        if (position <= 0 || position >= length()) {
            return position;
        }
        int run = runAt(position);
        return isBidirectional(run) ? starts[run] : position;
    }

    public boolean isBidirectional(int run) {
        return runs.get(run) instanceof SoftRun soft && soft.bidirectional();
    }

    /** Indices of the runs with soft tokens at or after {@code position}. */
    public List<Integer> softRunsFrom(int position) {
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            if (runs.get(i) instanceof SoftRun && end(i) > position) {
                found.add(i);
            }
        }
        return found;
    }

    /** Tokens of each modality in [from, to), indexed by the modality's number. */
    public int[] countByModality(int from, int to) {
        int[] counts = new int[Modality.values().length];
        for (int i = 0; i < runs.size(); i++) {
            int tokens = Math.min(to, end(i)) - Math.max(from, start(i));
            if (tokens > 0) {
                counts[runs.get(i).modality().getNumber()] += tokens;
            }
        }
        return counts;
    }
}
