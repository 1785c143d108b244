package longreach.lm.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import longreach.store.api.ChunkKey;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import org.junit.jupiter.api.Test;

class KvCacheTest {
    private static final AttentionShape CAUSAL = AttentionShape.causal(2, 1, 8);
    private static final KeyRotation UNMOVED = (layer, k, offset, tokens, start) -> {};

    private final Kernels kernels = KernelSelector.select(1);

    private KvPool pool(KvShape shape, KvPage.Type type) {
        return new KvPool(kernels, shape, type, 64 * shape.blockBytes(kernels, type));
    }

    /** Rows that depend on position, layer and {@code seed} alone. */
    private static float[] rows(int layer, int start, int tokens, long seed) {
        float[] rows = new float[tokens * CAUSAL.kvWidth()];
        for (int t = 0; t < tokens; t++) {
            var random = new Random(seed + 31L * (start + t) + layer);
            for (int i = 0; i < CAUSAL.kvWidth(); i++) {
                rows[t * CAUSAL.kvWidth() + i] = (float) random.nextGaussian();
            }
        }
        return rows;
    }

    private static void step(KvCache cache, KvShape shape, int tokens, long seed) {
        int start = cache.length();
        cache.prepare(start + tokens);
        for (int layer = 0; layer < shape.layers().size(); layer++) {
            cache.append(
                    layer, start, tokens, rows(layer, start, tokens, seed), 0, rows(layer, start, tokens, ~seed), 0);
        }
        cache.advance(start + tokens);
    }

    private float[] attended(KvCache cache, AttentionShape shape, int layer) {
        float[] q = new float[shape.queryWidth()];
        java.util.Arrays.fill(q, 0.5f);
        float[] out = new float[shape.queryWidth()];
        int last = cache.length() - 1;
        kernels.attention(shape, q, 0, 1, cache.pages(layer), last, last + 1, out, 0);
        return out;
    }

    private static byte[] payload(KvCache cache, KvShape shape, KvPage.Type type, int start, int end) {
        ChunkStage stage = cache.retainStage(new ChunkSpan(ChunkKey.ROOT, ChunkKey.ROOT, start, end));
        try {
            byte[] bytes = new byte[shape.payloadBytes(end - start, type)];
            stage.copyPayload(end - start, MemorySegment.ofArray(bytes));
            return bytes;
        } finally {
            stage.release();
        }
    }

    @Test
    void whatIsTakenBackLeavesNoTrace() {
        var shape = new KvShape(List.of(CAUSAL, CAUSAL));
        for (KvPage.Type type : List.of(KvPage.Type.F32, KvPage.Type.F16)) {
            try (KvPool pool = pool(shape, type)) {
                pool.reserve(6);
                try (var straight = new KvCache(pool, UNMOVED, 700, true);
                        var corrected = new KvCache(pool, UNMOVED, 700, true)) {
                    step(straight, shape, 500, 1);
                    step(straight, shape, 30, 1);
                    step(corrected, shape, 500, 1);
                    // Over the border of a page, and back again.
                    step(corrected, shape, 14, 2);
                    corrected.truncate(505);
                    assertThat(corrected.length()).isEqualTo(505);
                    corrected.truncate(500);
                    step(corrected, shape, 12, 1);
                    step(corrected, shape, 22, 3);
                    corrected.truncate(512);
                    step(corrected, shape, 18, 1);
                    for (int layer = 0; layer < 2; layer++) {
                        assertThat(attended(corrected, CAUSAL, layer))
                                .containsExactly(attended(straight, CAUSAL, layer));
                    }
                    assertThat(payload(corrected, shape, type, 256, 512))
                            .containsExactly(payload(straight, shape, type, 256, 512));
                    assertThat(payload(corrected, shape, type, 512, 530))
                            .containsExactly(payload(straight, shape, type, 512, 530));
                }
                assertThat(pool.blocksInUse()).isZero();
                assertThat(pool.stagesInUse()).isZero();
            }
        }
    }

    @Test
    void whatWasOfferedForPublicationIsNotTakenBack() {
        var shape = new KvShape(List.of(CAUSAL));
        try (KvPool pool = pool(shape, KvPage.Type.F16)) {
            pool.reserve(3);
            try (var cache = new KvCache(pool, UNMOVED, 700, true)) {
                step(cache, shape, 300, 1);
                cache.truncate(290);
                payload(cache, shape, KvPage.Type.F16, 256, 280);
                cache.truncate(280);
                assertThatThrownBy(() -> cache.truncate(279))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("279")
                        .hasMessageContaining("280");
                assertThatThrownBy(() -> cache.truncate(281)).isInstanceOf(IllegalArgumentException.class);
            }
        }
    }
}
