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
    /**
     * Of the payload, in numbers of 16 bits, little endian: how many pieces; where each begins and ends, from the chunk's first
     * token on; their vectors one after the other, each of the embedder's dimensions in binary16. Version 1 had pieces of 32
     * tokens, under other keys.
     */
    public static final int LAYOUT_VERSION = 2;

    private static final int MOST_PIECES = ChunkPlanner.CHUNK / Sentences.LEAST + 1;
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final TextEmbedder embedder;
    private final IntFunction<byte[]> bytes;
    private final IntUnaryOperator id;
    private final Sentences sentences;
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
        sentences = new Sentences(bytes, id);
        vectors = new PieceVectors(chunks, embedder.dimensions());
    }

    public PieceVectors vectors() {
        return vectors;
    }

    /** Key of the vectors of a full chunk's pieces. */
    public static ChunkKey key(ChunkKey chunk, TextEmbedder embedder) {
        return KeyChain.beside(chunk, "sentences/" + Sentences.MOST + "/" + embedder.name());
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

    /** Computes the vectors of the pieces that end in [chunk start, end), unless they are there. */
    public void compute(int chunk, int end) {
        if (vectors.hasChunk(chunk)) {
            return;
        }
        int start = chunk * ChunkPlanner.CHUNK;
        List<Sentences.Span> pieces = sentences.of(start, Math.min(end, start + ChunkPlanner.CHUNK));
        int[] bounds = new int[2 * pieces.size()];
        short[] halves = new short[pieces.size() * embedder.dimensions()];
        for (int piece = 0; piece < pieces.size(); piece++) {
            Sentences.Span span = pieces.get(piece);
            bounds[2 * piece] = span.start();
            bounds[2 * piece + 1] = span.end();
            float[] vector = embedder.embed(text(bytes, id, span.start(), span.end()));
            for (int i = 0; i < vector.length; i++) {
                halves[piece * vector.length + i] = Float.floatToFloat16(vector[i]);
            }
        }
        vectors.set(chunk, new PieceVectors.Chunk(bounds, halves));
    }

    /** As {@link #compute} for a full chunk, and publishes them. */
    public void computeAndPublish(ChunkSpan span, ChunkStore store, Tenant tenant) {
        int chunk = span.start() / ChunkPlanner.CHUNK;
        compute(chunk, span.end());
        publish(span, store, tenant);
    }

    private void publish(ChunkSpan span, ChunkStore store, Tenant tenant) {
        PieceVectors.Chunk chunk = vectors.chunk(span.start() / ChunkPlanner.CHUNK);
        short[] payload = new short[1 + chunk.bounds().length + chunk.halves().length];
        payload[0] = (short) chunk.pieces();
        for (int i = 0; i < chunk.bounds().length; i++) {
            payload[1 + i] = (short) (chunk.bounds()[i] - span.start());
        }
        System.arraycopy(chunk.halves(), 0, payload, 1 + chunk.bounds().length, chunk.halves().length);
        var header = new ChunkHeader(
                LAYOUT_VERSION,
                key(span.key(), embedder),
                span.key(),
                span.start(),
                span.tokens(),
                Codec.F16,
                2L * payload.length);
        store.put(tenant, header, out -> MemorySegment.copy(payload, 0, out, HALF, 0, payload.length));
    }

    /** Null where the payload is not one of this chunk's. */
    private PieceVectors.Chunk read(MemorySegment payload, ChunkSpan span) {
        long length = payload.byteSize() / 2;
        int pieces = length == 0 ? 0 : payload.getAtIndex(HALF, 0);
        if (pieces < 1
                || pieces > MOST_PIECES
                || payload.byteSize() != 2 * (1 + pieces * (2L + embedder.dimensions()))) {
            return null;
        }
        int[] bounds = new int[2 * pieces];
        for (int i = 0; i < bounds.length; i++) {
            bounds[i] = span.start() + payload.getAtIndex(HALF, 1 + i);
        }
        for (int i = 0; i < bounds.length; i += 2) {
            if (bounds[i] < Math.max(0, span.start() - Sentences.MOST)
                    || bounds[i] >= bounds[i + 1]
                    || bounds[i + 1] > span.end()) {
                return null;
            }
        }
        short[] halves = new short[pieces * embedder.dimensions()];
        MemorySegment.copy(payload, HALF, 2L * (1 + bounds.length), halves, 0, halves.length);
        return new PieceVectors.Chunk(bounds, halves);
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
        try (LookupResult result = store.get(tenant, LAYOUT_VERSION, keys)) {
            for (int i = 0; i < wanted.size(); i++) {
                ChunkSpan span = wanted.get(i);
                if (result.entry(i) instanceof Lookup.Hit hit
                        && hit.chunk().header().parent().equals(span.key())) {
                    PieceVectors.Chunk read = read(hit.chunk().payload(), span);
                    if (read != null) {
                        vectors.set(span.start() / ChunkPlanner.CHUNK, read);
                    }
                }
            }
        }
    }
}
