package longreach.lm.model;

import java.util.LinkedHashMap;
import java.util.Map;
import longreach.tensor.kernel.Kernels;

/**
 * Rotary positions: cos and sin of position * frequency for each pair of a head, or of its first elements, in f32 steps as the reference computes
 * them: frequency, angle and function value are each rounded to f32.
 *
 * <p>Rows are made when they are first needed, a page of positions at a time, and a bounded number of pages is kept: memory
 * does not grow with the context. Safe for use by several threads.
 */
final class RopeTable {
    private static final int PAGE = 256;
    // 65,536 positions of heads of 256; more of smaller ones.
    private static final int MOST_BYTES = 64 << 20;

    /** [PAGE, pairs] each. */
    private record Page(float[] cos, float[] sin) {}

    private final int headDim;
    private final float[] frequency;
    private final boolean adjacent;
    private final Map<Integer, Page> pages = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, Page> eldest) {
            return (long) size() * 2 * PAGE * frequency.length * Float.BYTES > MOST_BYTES;
        }
    };

    /**
     * @param theta of {@link #frequencies}; {@code scale} too
     * @param adjacent pairs are (2i, 2i + 1); else (i, i + headDim / 2)
     */
    RopeTable(int headDim, double theta, float scale, boolean adjacent) {
        this(headDim, frequencies(headDim, theta, scale), adjacent);
    }

    /** @param frequency of each pair, in radians a position; as many pairs as elements of a head are rotated */
    RopeTable(int headDim, float[] frequency, boolean adjacent) {
        this.headDim = headDim;
        this.adjacent = adjacent;
        this.frequency = frequency;
    }

    /**
     * The usual frequencies: number i is theta^(-2i / rotated) / scale.
     *
     * @param rotated elements that are rotated
     * @param scale linear scaling of positions; 1: none
     */
    static float[] frequencies(int rotated, double theta, float scale) {
        float[] frequency = new float[rotated / 2];
        for (int i = 0; i < frequency.length; i++) {
            frequency[i] = 1f / (float) Math.pow(theta, (float) (2 * i) / rotated) / scale;
        }
        return frequency;
    }

    /** Of the first {@code rotated} elements of each head, in pairs (i, i + rotated / 2). */
    static RopeTable partial(int headDim, int rotated, double theta) {
        return new RopeTable(headDim, frequencies(rotated, theta, 1), false);
    }

    /** Rotates the heads of rows at positions [start, start + tokens) in place; x is [tokens, heads, headDim]. */
    void rotate(Kernels kernels, float[] x, int offset, int tokens, int heads, int start) {
        int rotated = 2 * frequency.length;
        for (int done = 0; done < tokens; ) {
            int position = start + done;
            Page page = pageOf(position);
            int rows = Math.min(tokens - done, PAGE - position % PAGE);
            int at = offset + done * heads * headDim;
            int row = position % PAGE * frequency.length;
            if (rotated == headDim) {
                kernels.rope(x, at, rows, heads, headDim, adjacent, page.cos, page.sin, row);
            } else {
                kernels.ropePartial(x, at, rows, heads, headDim, rotated, page.cos, page.sin, row);
            }
            done += rows;
        }
    }

    private Page pageOf(int position) {
        synchronized (pages) {
            return pages.computeIfAbsent(position / PAGE, this::page);
        }
    }

    private Page page(int index) {
        int pairs = frequency.length;
        var page = new Page(new float[PAGE * pairs], new float[PAGE * pairs]);
        for (int p = 0; p < PAGE; p++) {
            for (int i = 0; i < pairs; i++) {
                float angle = (index * PAGE + p) * frequency[i];
                page.cos[p * pairs + i] = (float) Math.cos(angle);
                page.sin[p * pairs + i] = (float) Math.sin(angle);
            }
        }
        return page;
    }
}
