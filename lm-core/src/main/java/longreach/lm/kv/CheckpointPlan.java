package longreach.lm.kv;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import longreach.lm.prompt.TokenStream;
import longreach.store.api.ChunkKey;
import longreach.store.api.KeyChain;

/**
 * Where in a prompt checkpoints may be in the store, and under which keys: at boundaries, at every {@link #EVERY} chunks,
 * before the last token, where the same prompt resumes, and at the end, if that is a boundary, where longer ones do.
 *
 * @param places ascending by position
 */
public record CheckpointPlan(List<Place> places) {
    /** Full chunks between two checkpoints of a long run: what differs late in a document recomputes 4096 tokens at most. */
    static final int EVERY = 16;

    /** Boundaries closer than this after a published one are not worth a checkpoint of their own. */
    static final int GAP = 64;

    /**
     * One checkpoint.
     *
     * @param position where it resumes: positions before it are remembered
     * @param key of the checkpoint
     * @param chunk key of the chunk that ends at the position
     * @param published whether a request that computes this prompt publishes it; the others may be somebody else's
     */
    public record Place(int position, ChunkKey key, ChunkKey chunk, boolean published) {
        /** @param chunk key of the chunk that ends at {@code position} */
        public static Place of(int position, ChunkKey chunk) {
            return new Place(position, KeyChain.checkpoint(chunk), chunk, true);
        }
    }

    public CheckpointPlan {
        places = List.copyOf(places);
    }

    public static CheckpointPlan of(ChunkPlan plan, ChunkKeys keys) {
        TokenStream prompt = plan.prompt();
        int last = prompt.resumableAt(prompt.length() - 1);
        TreeMap<Integer, ChunkKey> chunks = new TreeMap<>();
        plan.partial().forEach(span -> chunks.put(span.end(), span.key()));
        for (int boundary : prompt.boundaries()) {
            if (boundary % ChunkPlanner.CHUNK == 0) {
                chunks.put(
                        boundary,
                        plan.full().get(boundary / ChunkPlanner.CHUNK - 1).key());
            }
        }
        for (int i = EVERY - 1; i < plan.full().size(); i += EVERY) {
            chunks.put(plan.full().get(i).end(), plan.full().get(i).key());
        }
        if (last > 0) {
            chunks.put(last, keyAt(plan, keys, last));
        }
        List<Place> places = new ArrayList<>();
        int published = -GAP;
        for (var chunk : chunks.entrySet()) {
            int position = chunk.getKey();
            boolean end = position == prompt.length();
            if (end ? isBoundary(prompt, position) : prompt.resumableAt(position) == position) {
                boolean publish = end || position == last || position - published >= GAP;
                published = publish ? position : published;
                ChunkKey key = KeyChain.checkpoint(chunk.getValue());
                places.add(new Place(position, key, chunk.getValue(), publish));
            }
        }
        return new CheckpointPlan(places);
    }

    private static boolean isBoundary(TokenStream prompt, int position) {
        return Arrays.binarySearch(prompt.boundaries(), position) >= 0;
    }

    private static ChunkKey keyAt(ChunkPlan plan, ChunkKeys keys, int position) {
        int full = position / ChunkPlanner.CHUNK;
        ChunkKey parent = full == 0 ? ChunkKey.ROOT : plan.full().get(full - 1).key();
        int start = full * ChunkPlanner.CHUNK;
        return start == position ? parent : keys.chunk(parent, start, position, plan.prompt()::id, plan.prompt());
    }
}
