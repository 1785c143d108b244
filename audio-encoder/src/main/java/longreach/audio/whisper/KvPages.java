package longreach.audio.whisper;

import java.lang.foreign.Arena;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/** Runs of {@link KvPage}s that hold the keys and values of one layer and one sequence. */
final class KvPages {
    private KvPages() {}

    static KvPage[] allocate(Kernels kernels, AttentionShape shape, KvPage.Type type, int positions, Arena arena) {
        KvPage[] pages = new KvPage[(positions + KvPage.POSITIONS - 1) / KvPage.POSITIONS];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = new KvPage(arena.allocate(kernels.kvPageBytes(shape, type), 64), type);
        }
        return pages;
    }

    /** Writes positions [0, n) from k and v, f32[n, width]. */
    static void write(Kernels kernels, AttentionShape shape, KvPage[] pages, float[] k, float[] v, int n) {
        int width = shape.kvWidth();
        for (int from = 0; from < n; from += KvPage.POSITIONS) {
            int count = Math.min(KvPage.POSITIONS, n - from);
            kernels.writeKv(shape, pages[from / KvPage.POSITIONS], 0, k, from * width, v, from * width, count);
        }
    }
}
