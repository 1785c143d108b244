package longreach.lm.kv;

import java.util.ArrayList;
import java.util.List;
import longreach.lm.prompt.TokenStream;
import longreach.store.api.ChunkKey;
import longreach.tensor.kernel.KvPage;

/**
 * Cuts a prompt into chunks: full ones of {@link #CHUNK} tokens along the chain, and partial ones that end at a boundary
 * or at the end of the prompt and begin where the full chunk around them begins.
 */
public final class ChunkPlanner {
    /** Tokens of a full chunk: exactly one page per layer. */
    public static final int CHUNK = KvPage.POSITIONS;

    /**
     * How many partial chunks are looked up beside the full ones. Their values come back whether or not a full chunk
     * makes them useless, so only the last boundaries are asked for: those before the part that differs.
     */
    static final int PARTIAL_LOOKUPS = 8;

    private ChunkPlanner() {}

    public static ChunkPlan plan(TokenStream prompt, ChunkKeys keys) {
        int length = prompt.length();
        List<ChunkSpan> full = new ArrayList<>();
        List<ChunkSpan> partial = new ArrayList<>();
        int[] boundaries = prompt.boundaries();
        int next = 0;
        ChunkKey parent = ChunkKey.ROOT;
        for (int start = 0; start < length; start += CHUNK) {
            int end = Math.min(start + CHUNK, length);
            for (; next < boundaries.length && boundaries[next] < end; next++) {
                int boundary = boundaries[next];
                if (boundary > start && prompt.resumableAt(boundary) == boundary) {
                    partial.add(span(keys, parent, start, boundary, prompt));
                }
            }
            ChunkSpan whole = span(keys, parent, start, end, prompt);
            if (end - start == CHUNK) {
                full.add(whole);
                parent = whole.key();
            } else {
                partial.add(whole);
            }
        }
        return new ChunkPlan(prompt, full, partial);
    }

    private static ChunkSpan span(ChunkKeys keys, ChunkKey parent, int start, int end, TokenStream prompt) {
        return new ChunkSpan(keys.chunk(parent, start, end, prompt::id, prompt), parent, start, end);
    }
}
