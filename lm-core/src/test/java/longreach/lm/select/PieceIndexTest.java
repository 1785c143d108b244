package longreach.lm.select;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import longreach.lm.kv.ChunkSpan;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.memory.MemoryContextStore;
import org.junit.jupiter.api.Test;

/** Tokens are letters here. */
class PieceIndexTest {
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final String TEXT =
            "the king went up. they saw a field; the oxen were many and it was evening.\n".repeat(8);

    private static final TextEmbedder LENGTH = new TextEmbedder() {
        @Override
        public String name() {
            return "length";
        }

        @Override
        public int dimensions() {
            return 2;
        }

        @Override
        public float[] embed(String text) {
            double angle = text.length() / 50.0;
            return new float[] {(float) Math.cos(angle), (float) Math.sin(angle)};
        }
    };

    private final ChunkSpan first = span(0);
    private final ChunkSpan second = span(256);
    private final MemoryContextStore store = new MemoryContextStore(1 << 20);

    private static ChunkSpan span(int start) {
        byte[] key = new byte[32];
        key[0] = (byte) (1 + start / 256);
        return new ChunkSpan(ChunkKey.of(key), ChunkKey.ROOT, start, start + 256);
    }

    private static PieceIndex index() {
        return new PieceIndex(LENGTH, 2, id -> new byte[] {(byte) id}, TEXT::charAt);
    }

    @Test
    void whatIsRestoredIsWhatWasPublished() {
        PieceIndex computed = index();
        computed.computeAndPublish(first, store, store.tenant("a"));
        computed.computeAndPublish(second, store, store.tenant("a"));
        PieceIndex restored = index();
        restored.restore(List.of(first, second), store, store.tenant("a"));
        for (int chunk = 0; chunk < 2; chunk++) {
            assertThat(restored.vectors().chunk(chunk))
                    .usingRecursiveComparison()
                    .isEqualTo(computed.vectors().chunk(chunk));
        }
        // The sentence that the second chunk's beginning cuts.
        assertThat(restored.vectors().chunk(1).bounds()[0]).isLessThan(256);
    }

    @Test
    void payloadsThatAreNoneAreNotHere() {
        short[] whole = {1, 0, 20, 0, 0};
        assertThat(isHere(whole)).isTrue();
        assertThat(isHere()).isFalse();
        assertThat(isHere(0)).as("no piece").isFalse();
        assertThat(isHere(2, 0, 20, 0, 0)).as("fewer than it says").isFalse();
        assertThat(isHere(-1, 0, 20, 0, 0)).isFalse();
        assertThat(isHere(1, 0, 20, 0)).as("half a vector").isFalse();
        assertThat(isHere(1, 20, 20, 0, 0)).as("empty").isFalse();
        assertThat(isHere(1, -1, 20, 0, 0)).as("before the text").isFalse();
        assertThat(isHere(1, 0, 257, 0, 0)).as("beyond the chunk").isFalse();
        assertThat(isHere(Arrays.copyOf(whole, 6))).as("more than it says").isFalse();
    }

    private boolean isHere(int... payload) {
        short[] halves = new short[payload.length];
        for (int i = 0; i < halves.length; i++) {
            halves[i] = (short) payload[i];
        }
        return isHere(halves);
    }

    private boolean isHere(short[] payload) {
        var fresh = new MemoryContextStore(1 << 20);
        ChunkKey key = PieceIndex.key(first.key(), LENGTH);
        var header =
                new ChunkHeader(PieceIndex.LAYOUT_VERSION, key, first.key(), 0, 256, Codec.F16, 2L * payload.length);
        fresh.put(fresh.tenant("a"), header, out -> MemorySegment.copy(payload, 0, out, HALF, 0, payload.length));
        PieceIndex index = index();
        index.restore(List.of(first), fresh, fresh.tenant("a"));
        return index.vectors().hasChunk(0);
    }
}
