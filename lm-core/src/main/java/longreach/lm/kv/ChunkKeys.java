package longreach.lm.kv;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.TokenStream.SoftRun;
import longreach.store.api.ChunkKey;
import longreach.store.api.Digest;
import longreach.store.api.KeyChain;
import longreach.store.api.MediaSpan;

/**
 * Chunk keys along a token stream: what the store's {@link KeyChain} needs to know of each chunk is its token ids and the
 * media items that overlap it, with what part of each lies where.
 */
public record ChunkKeys(KeyChain chain) {
    /**
     * Key of the chunk [start, end).
     *
     * @param parent key of the full chunk that ends at {@code start}; {@link ChunkKey#ROOT} at 0
     * @param id the token id at each position; {@link TokenStream#SOFT} at soft ones
     * @param prompt names the soft items; positions at or past its length are text
     */
    public ChunkKey chunk(ChunkKey parent, int start, int end, IntUnaryOperator id, TokenStream prompt) {
        int[] ids = new int[end - start];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = id.applyAsInt(start + i);
        }
        return chain.child(parent, ids, overlapping(prompt, start, end));
    }

    private static List<MediaSpan> overlapping(TokenStream prompt, int start, int end) {
        List<MediaSpan> spans = new ArrayList<>();
        if (start >= prompt.length()) {
            return spans;
        }
        for (int i = prompt.runAt(start); i < prompt.runs().size() && prompt.start(i) < end; i++) {
            if (prompt.runs().get(i) instanceof SoftRun soft) {
                int from = Math.max(start, prompt.start(i));
                int to = Math.min(end, prompt.end(i));
                spans.add(new MediaSpan(
                        Digest.of(soft.digest()),
                        from - prompt.start(i),
                        from - start,
                        to - from,
                        soft.bidirectional()));
            }
        }
        return spans;
    }
}
