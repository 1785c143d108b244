package longreach.lm.model;

import longreach.lm.kv.KvCache;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.Matrix;

/**
 * The work of one step: rows of tokens, grouped into entries, one for each sequence. Made once and refilled for every
 * step, so that stepping allocates nothing.
 *
 * <p>Use: {@link #clear}; for each sequence {@link #begin}, its tokens in order, {@link #end}; {@link
 * LanguageModel#forward}; read {@link #logits}.
 */
public final class Batch {
    /** The rows of one sequence. */
    public static final class Entry {
        KvCache cache;
        TokenStream prompt;
        // Where the rows lie in the stream, and where the cache places them: the same unless it has arranged others.
        int position;
        int start;
        int row;
        int tokens;
        int logitRows;
        int logitIndex;

        /** Position of the first row in the stream. */
        public int start() {
            return position;
        }

        public int tokens() {
            return tokens;
        }

        /** Index of this entry's first row of logits; -1: none were asked for. */
        public int logitIndex() {
            return logitRows == 0 ? -1 : logitIndex;
        }

        /** Whether its rows are beyond the prompt: tokens that were generated, or that may be. */
        boolean generated() {
            return position >= prompt.length();
        }

        int end() {
            return start + tokens;
        }
    }

    private final int maxTokens;
    private final int maxLogits;
    private final int width;
    private final int vocabulary;
    private final Entry[] entries;
    final int[] ids;
    private float[] soft = new float[0];
    final float[] logits;
    private int count;
    private int rows;
    private int logitRows;

    /**
     * @param maxTokens most rows of one step
     * @param maxLogits most rows of logits of one step
     */
    public Batch(ModelCard card, int maxTokens, int maxLogits) {
        this.maxTokens = maxTokens;
        this.maxLogits = maxLogits;
        this.width = card.width();
        this.vocabulary = card.vocabulary();
        entries = new Entry[maxTokens];
        ids = new int[maxTokens];
        logits = new float[Math.multiplyExact(maxLogits, vocabulary)];
    }

    public void clear() {
        count = 0;
        rows = 0;
        logitRows = 0;
    }

    /**
     * Begins the rows of a sequence at position {@code cache.length()}.
     *
     * @param prompt names the bidirectional runs; a run that begins in this step must end in it
     */
    public Entry begin(KvCache cache, TokenStream prompt) {
        if (entries[count] == null) {
            entries[count] = new Entry();
        }
        Entry entry = entries[count++];
        entry.cache = cache;
        entry.prompt = prompt;
        entry.position = cache.length();
        entry.start = cache.place();
        entry.row = rows;
        entry.tokens = 0;
        entry.logitRows = 0;
        return entry;
    }

    public void addToken(int id) {
        ids[rows++] = id;
    }

    /** Adds a soft token; its {@code width} elements from {@code offset} are copied. */
    public void addSoft(float[] embedding, int offset) {
        if (soft.length == 0) {
            soft = new float[maxTokens * width];
        }
        ids[rows] = TokenStream.SOFT;
        System.arraycopy(embedding, offset, soft, rows * width, width);
        rows++;
    }

    /** Ends the entry; the logits of its last {@code wanted} rows will be computed. */
    public void end(int wanted) {
        Entry entry = entries[count - 1];
        entry.tokens = rows - entry.row;
        entry.logitRows = wanted;
        entry.logitIndex = logitRows;
        logitRows += wanted;
        if (entry.tokens == 0 || wanted > entry.tokens || logitRows > maxLogits) {
            throw new IllegalStateException("batch entry: " + entry.tokens + " tokens, " + wanted + " of " + maxLogits
                    + " rows of logits (expected: at least 1 token, no more logits than tokens and room)");
        }
    }

    public int maxTokens() {
        return maxTokens;
    }

    public int tokens() {
        return rows;
    }

    public boolean isEmpty() {
        return rows == 0;
    }

    int entries() {
        return count;
    }

    Entry entry(int index) {
        return entries[index];
    }

    int logitRows() {
        return logitRows;
    }

    /** x[T, width] = rows of the embedding times {@code scale}, or soft tokens as they came. */
    void embed(Matrix embedding, float scale, float[] x) {
        for (int row = 0; row < rows; row++) {
            int at = row * width;
            if (ids[row] == TokenStream.SOFT) {
                System.arraycopy(soft, at, x, at, width);
                continue;
            }
            embedding.row(ids[row], x, at);
            if (scale != 1) {
                for (int i = at; i < at + width; i++) {
                    x[i] *= scale;
                }
            }
        }
    }

    /** Moves the rows whose logits are asked for together, to [0, logitRows), in x[T, rowWidth]. */
    void keepLogitRows(float[] x, int rowWidth) {
        int kept = 0;
        for (int e = 0; e < count; e++) {
            Entry entry = entries[e];
            int from = entry.row + entry.tokens - entry.logitRows;
            System.arraycopy(x, from * rowWidth, x, kept * rowWidth, entry.logitRows * rowWidth);
            kept += entry.logitRows;
        }
    }

    /** Logits of all rows that asked for them, [rows, vocabulary]; valid until the next step. May be changed. */
    public float[] logits() {
        return logits;
    }

    public int logitsOffset(int logitIndex) {
        return logitIndex * vocabulary;
    }
}
