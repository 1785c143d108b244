package longreach.tensor.kernel;

import java.lang.foreign.Arena;

/** Runs of {@link KvPage}s that hold the keys and values of one layer and one sequence of an encoder. */
public final class KvPages {
    private KvPages() {}

    /** Pages for so many positions; the arena owns their memory. */
    public static KvPage[] allocate(
            Kernels kernels, AttentionShape shape, KvPage.Type type, int positions, Arena arena) {
        KvPage[] pages = new KvPage[(positions + KvPage.POSITIONS - 1) / KvPage.POSITIONS];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = new KvPage(arena.allocate(kernels.kvPageBytes(shape, type), 64), type);
        }
        return pages;
    }

    /** Writes positions [0, n) from k and v, f32[n, width]. */
    public static void write(Kernels kernels, AttentionShape shape, KvPage[] pages, float[] k, float[] v, int n) {
        write(kernels, shape, pages, k, v, 0, n);
    }

    /** As {@link #write(Kernels, AttentionShape, KvPage[], float[], float[], int)}, from row {@code first} of k and v. */
    public static void write(
            Kernels kernels, AttentionShape shape, KvPage[] pages, float[] k, float[] v, int first, int n) {
        int width = shape.kvWidth();
        for (int from = 0; from < n; from += KvPage.POSITIONS) {
            int count = Math.min(KvPage.POSITIONS, n - from);
            kernels.writeKv(
                    shape,
                    pages[from / KvPage.POSITIONS],
                    0,
                    k,
                    (first + from) * width,
                    v,
                    (first + from) * width,
                    count);
        }
    }
}
