package longreach.lm.kv;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import longreach.lm.prompt.TokenStream;
import longreach.store.api.ChunkKey;

/**
 * What of a prompt may be in the store, and under which keys.
 *
 * @param full the chain of full chunks, from position 0
 * @param partial chunks that end at boundaries or at the end of the prompt, ascending by end
 */
public record ChunkPlan(TokenStream prompt, List<ChunkSpan> full, List<ChunkSpan> partial) {
    public ChunkPlan {
        full = List.copyOf(full);
        partial = List.copyOf(partial);
    }

    /** Everything worth asking the store for, in one batch. */
    public List<ChunkSpan> lookups() {
        List<ChunkSpan> wanted = new ArrayList<>(full);
        wanted.addAll(partial.subList(Math.max(0, partial.size() - ChunkPlanner.PARTIAL_LOOKUPS), partial.size()));
        return wanted;
    }

    /** Keys of the chunks that hold all of the prompt: the full ones, and the partial one at its end. */
    public List<ChunkKey> whole() {
        List<ChunkKey> keys = new ArrayList<>();
        full.forEach(span -> keys.add(span.key()));
        if (!partial.isEmpty() && partial.getLast().end() == prompt.length()) {
            keys.add(partial.getLast().key());
        }
        return keys;
    }

    /** The longest unbroken prefix that the present chunks make. */
    public Prefix longestPrefix(Predicate<ChunkSpan> present) {
        List<ChunkSpan> spans = new ArrayList<>();
        int end = 0;
        for (ChunkSpan span : full) {
            if (!present.test(span)) {
                break;
            }
            spans.add(span);
            end = span.end();
        }
        ChunkSpan tail = null;
        for (ChunkSpan span : partial) {
            if (span.start() == end && present.test(span)) {
                tail = span;
            }
        }
        if (tail != null) {
            spans.add(tail);
            end = tail.end();
        }
        // The last token is always computed: its logits choose the first token of the answer.
        int firstComputed = prompt.resumableAt(Math.min(end, prompt.length() - 1));
        spans.removeIf(span -> span.start() >= firstComputed);
        return new Prefix(spans, firstComputed);
    }

    /**
     * @param spans chunks to restore, in order; of the last one only the positions before {@code firstComputed} count
     * @param firstComputed where prefill begins
     */
    public record Prefix(List<ChunkSpan> spans, int firstComputed) {}
}
