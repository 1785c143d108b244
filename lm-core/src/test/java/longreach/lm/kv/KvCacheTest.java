package longreach.lm.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
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
            byte[] bytes = new byte[shape.payloadBytes(end - start, type == KvPage.Type.F32 ? Codec.F32 : Codec.F16)];
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
                try (var straight = new KvCache(pool, UNMOVED, pool.reserve(700, 700, 0), true);
                        var corrected = new KvCache(pool, UNMOVED, pool.reserve(700, 700, 0), true)) {
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
            try (var cache = new KvCache(pool, UNMOVED, pool.reserve(700, 700, 0), true)) {
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

    private static final int WINDOW = 300;
    private static final AttentionShape SLIDING = new AttentionShape(2, 1, 8, CAUSAL.scale(), 0, WINDOW, true);

    @Test
    void slidingLayersHoldTheWindowAndTheSlotsOfAStep() {
        var shape = new KvShape(List.of(CAUSAL, SLIDING, SLIDING));
        int rollback = 16;
        for (int step : new int[] {1, 7, 200, 512}) {
            try (KvPool pool = pool(shape, KvPage.Type.F16)) {
                KvReservation reservation = pool.reserve(4000, step, rollback);
                long page = kernels.kvPageBytes(SLIDING, KvPage.Type.F16);
                // So many consecutive positions touch at most this many pages.
                int most = (WINDOW - 1 + rollback + step - 1 + 255) / 256 + 1;
                assertThat(pool.bytesReserved()).isEqualTo(page * (16 + 2L * most));
                try (var cache = new KvCache(pool, UNMOVED, reservation, true)) {
                    while (cache.length() + step <= 4000) {
                        step(cache, shape, step, 1);
                        int growing = (cache.length() + 255) / 256;
                        assertThat(pool.bytesInUse() - growing * page).isLessThanOrEqualTo(2 * most * page);
                        assertThat(pool.bytesReserved()).isEqualTo(page * (16 + 2L * most));
                    }
                    assertThat(cache.pages(1)[0]).isNull();
                    assertThat(cache.pages(0)[0]).isNotNull();
                }
                assertThat(pool.bytesReserved()).isZero();
                assertThat(pool.stagesInUse()).isZero();
            }
        }
    }

    @Test
    void slidingLayersGoBack() {
        var shape = new KvShape(List.of(SLIDING, CAUSAL));
        try (KvPool pool = pool(shape, KvPage.Type.F16);
                var straight = new KvCache(pool, UNMOVED, pool.reserve(2000, 300, 0), false);
                var corrected = new KvCache(pool, UNMOVED, pool.reserve(2000, 300, 16), false)) {
            for (int i = 0; i < 5; i++) {
                step(straight, shape, 300, 1);
                step(corrected, shape, 300, 1);
            }
            for (int i = 0; i < 40; i++) {
                step(straight, shape, 1, 1);
                step(corrected, shape, 1, 1);
                step(corrected, shape, 16, 5);
                corrected.truncate(straight.length());
                assertThat(attended(corrected, SLIDING, 0)).containsExactly(attended(straight, SLIDING, 0));
                assertThat(attended(corrected, CAUSAL, 1)).containsExactly(attended(straight, CAUSAL, 1));
            }
            assertThatThrownBy(() -> corrected.truncate(1000))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("16");
            assertThatThrownBy(() -> corrected.prepare(corrected.length() + 301))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("300");
        }
    }

    /** A recurrence that any position's omission or repetition would change. */
    private static void recur(KvCache cache, int tokens, long seed) {
        int start = cache.length();
        int end = start + tokens;
        cache.prepare(end);
        RecurrentState state = cache.recurrent(0);
        for (int from = start; from < end; ) {
            int to = cache.nextMark(from, end);
            for (int p = from; p < to; p++) {
                float input = new Random(seed + p).nextFloat();
                state.hidden()[0] = 0.9f * state.hidden()[0] + input;
                System.arraycopy(state.conv(), 1, state.conv(), 0, 2);
                state.conv()[2] = input;
            }
            if (to < end) {
                state.convReached(to);
                state.hiddenReached(to);
            }
            from = to;
        }
        cache.advance(end);
    }

    @Test
    void recurrentLayersGoBackToMarksOfTheLastStep() {
        var shape = new KvShape(List.<LayerState>of(new LayerState.Recurrent(1, 3)));
        try (KvPool pool = new KvPool(kernels, shape, KvPage.Type.F16, 10_000);
                var straight = new KvCache(pool, UNMOVED, pool.reserve(2000, 100, 0), false);
                var corrected = new KvCache(pool, UNMOVED, pool.reserve(2000, 100, 16), false)) {
            recur(straight, 100, 1);
            recur(corrected, 100, 1);
            for (int kept : new int[] {1, 0, 4, 5}) {
                for (int i = 0; i < 5; i++) {
                    corrected.mark(corrected.length() + i);
                }
                int start = corrected.length();
                recur(corrected, 5, kept == 0 ? 7 : 1);
                if (kept == 0) {
                    // A step always keeps its first position.
                    assertThatThrownBy(() -> corrected.truncate(start)).isInstanceOf(IllegalArgumentException.class);
                    corrected.truncate(start + 5);
                    recur(straight, 5, 7);
                } else {
                    corrected.truncate(start + kept);
                    recur(straight, kept, 1);
                }
                assertThat(corrected.recurrent(0).now())
                        .containsExactly(straight.recurrent(0).now());
            }
            recur(corrected, 5, 1);
            assertThatThrownBy(() -> corrected.truncate(corrected.length() - 1))
                    .hasMessageContaining("a mark of the last step");
        }
    }
}
