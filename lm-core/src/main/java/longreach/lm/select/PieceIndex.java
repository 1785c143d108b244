package longreach.lm.select;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import longreach.lm.kv.ChunkPlanner;
import longreach.lm.kv.ChunkSpan;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.ChunkStore;
import longreach.store.api.Codec;
import longreach.store.api.KeyChain;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.Tenant;

/**
 * Vectors of a context's pieces: computed chunk by chunk, published under keys that follow from the chunks' own, and
 * restored in one pipelined round trip. Safe for use by several threads.
 */
public final class PieceIndex {
    /** Of the payload: vectors one after the other, each of the embedder's dimensions in binary16, little endian. */
    public static final int LAYOUT_VERSION = 1;

    private static final int PER_CHUNK = ChunkPlanner.CHUNK / Candidates.PIECE;
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final TextEmbedder embedder;
    private final IntFunction<byte[]> bytes;
    private final IntUnaryOperator id;
    private final PieceVectors vectors;

    /**
     * @param chunks of the context, a last one that is not full included
     * @param bytes of a token id
     * @param id at a position; negative: no text
     */
    public PieceIndex(TextEmbedder embedder, int chunks, IntFunction<byte[]> bytes, IntUnaryOperator id) {
        this.embedder = embedder;
        this.bytes = bytes;
        this.id = id;
        vectors = new PieceVectors(chunks, PER_CHUNK, embedder.dimensions());
    }

    public PieceVectors vectors() {
        return vectors;
    }

    /** Key of the vectors of a full chunk's pieces. */
    public static ChunkKey key(ChunkKey chunk, TextEmbedder embedder) {
        return KeyChain.beside(chunk, "pieces/" + Candidates.PIECE + "/" + embedder.name());
    }

    /** The text of positions [from, to); tokens without bytes say nothing. */
    public static String text(IntFunction<byte[]> bytes, IntUnaryOperator id, int from, int to) {
        var text = new ByteArrayOutputStream();
        for (int p = from; p < to; p++) {
            int token = id.applyAsInt(p);
            if (token >= 0) {
                text.writeBytes(bytes.apply(token));
            }
        }
        // A character cut at an end becomes a replacement character, which means nothing either.
        return text.toString(StandardCharsets.UTF_8).strip();
    }

    /** Computes the vectors of the pieces that lie in [chunk start, end) whole, unless they are there. */
    public void compute(int chunk, int end) {
        if (vectors.hasChunk(chunk)) {
            return;
        }
        int start = chunk * ChunkPlanner.CHUNK;
        int pieces = Math.min(PER_CHUNK, (end - start) / Candidates.PIECE);
        short[] halves = new short[pieces * embedder.dimensions()];
        for (int piece = 0; piece < pieces; piece++) {
            int from = start + piece * Candidates.PIECE;
            float[] vector = embedder.embed(text(bytes, id, from, from + Candidates.PIECE));
            for (int i = 0; i < vector.length; i++) {
                halves[piece * vector.length + i] = Float.floatToFloat16(vector[i]);
            }
        }
        vectors.set(chunk, halves);
    }

    /** As {@link #compute} for a full chunk, and publishes them. */
    public void computeAndPublish(ChunkSpan span, ChunkStore store, Tenant tenant) {
        int chunk = span.start() / ChunkPlanner.CHUNK;
        compute(chunk, span.end());
        publish(span, store, tenant);
    }

    private void publish(ChunkSpan span, ChunkStore store, Tenant tenant) {
        short[] halves = vectors.chunk(span.start() / ChunkPlanner.CHUNK);
        var header = new ChunkHeader(
                LAYOUT_VERSION,
                key(span.key(), embedder),
                span.key(),
                span.start(),
                span.tokens(),
                Codec.F16,
                2L * halves.length);
        store.put(tenant, header, out -> MemorySegment.copy(halves, 0, out, HALF, 0, halves.length));
    }

    /** Fetches the vectors of full chunks that are not here; what is missing or does not fit is not here after it either. */
    public void restore(List<ChunkSpan> full, ChunkStore store, Tenant tenant) {
        List<ChunkSpan> wanted = new ArrayList<>();
        for (ChunkSpan span : full) {
            if (!vectors.hasChunk(span.start() / ChunkPlanner.CHUNK)) {
                wanted.add(span);
            }
        }
        if (wanted.isEmpty()) {
            return;
        }
        List<ChunkKey> keys =
                wanted.stream().map(span -> key(span.key(), embedder)).toList();
        int length = PER_CHUNK * embedder.dimensions();
        try (LookupResult result = store.get(tenant, LAYOUT_VERSION, keys)) {
            for (int i = 0; i < wanted.size(); i++) {
                ChunkSpan span = wanted.get(i);
                if (result.entry(i) instanceof Lookup.Hit hit
                        && hit.chunk().header().parent().equals(span.key())
                        && hit.chunk().payload().byteSize() == 2L * length) {
                    short[] halves = new short[length];
                    MemorySegment.copy(hit.chunk().payload(), HALF, 0, halves, 0, length);
                    vectors.set(span.start() / ChunkPlanner.CHUNK, halves);
                }
            }
        }
    }
}
