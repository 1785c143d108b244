package longreach.lm.sample;

import java.util.Arrays;

/**
 * Draws from softmax(logits / temperature), cut to the {@code topK} best, then to the smallest set of best tokens whose
 * probability reaches {@code topP}, then to those with at least {@code minP} of the best one's probability; what remains
 * is renormalised.
 */
public record RandomSampler(float temperature, int topK, float topP, float minP) implements Sampler {
    @Override
    public void distribution(float[] logits, int offset, int n, Distribution into) {
        float max = max(logits, offset, n);
        if (topK == 0 && topP == 1 && minP == 0) {
            into.clear(n);
            for (int i = 0; i < n; i++) {
                into.add(i, weight(logits[offset + i], max));
            }
            return;
        }
        long[] best = topK > 0 && topK < n ? largest(logits, offset, n, topK) : sorted(logits, offset, n, max);
        double[] weights = new double[best.length];
        double total = 0;
        for (int i = 0; i < best.length; i++) {
            weights[i] = weight(logits[offset + index(best[i])], max);
            total += weights[i];
        }
        into.clear(best.length);
        for (int i = 0; i < best.length && into.total() < topP * total && weights[i] >= minP; i++) {
            into.add(index(best[i]), weights[i]);
        }
    }

    /** Proportional to the probability; 1 for the best token. */
    private double weight(float logit, float max) {
        return Math.exp((logit - max) / (double) temperature);
    }

    private static float max(float[] logits, int offset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, logits[offset + i]);
        }
        return max;
    }

    /** The k largest, best first, lower ids first among equals. */
    private static long[] largest(float[] logits, int offset, int n, int k) {
        long[] heap = new long[k];
        for (int i = 0; i < k; i++) {
            heap[i] = order(logits[offset + i], i);
        }
        Arrays.sort(heap);
        for (int i = k; i < n; i++) {
            long item = order(logits[offset + i], i);
            if (item > heap[0]) {
                sink(heap, item);
            }
        }
        return descending(heap);
    }

    private static void sink(long[] heap, long item) {
        int at = 0;
        for (int child = 1; child < heap.length; child = 2 * at + 1) {
            if (child + 1 < heap.length && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= item) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = item;
    }

    /** All but those whose probabilities together cannot reach 1e-8 of the best one's, best first. */
    private long[] sorted(float[] logits, int offset, int n, float max) {
        double floor = max - temperature * (Math.log(n) + Math.log(1e8));
        long[] items = new long[n];
        int count = 0;
        for (int i = 0; i < n; i++) {
            if (logits[offset + i] >= floor) {
                items[count++] = order(logits[offset + i], i);
            }
        }
        return descending(Arrays.copyOf(items, count));
    }

    private static long[] descending(long[] items) {
        Arrays.sort(items);
        for (int i = 0, j = items.length - 1; i < j; i++, j--) {
            long swapped = items[i];
            items[i] = items[j];
            items[j] = swapped;
        }
        return items;
    }

    /** Orders as the logits do, and lower ids above higher ones among equals. */
    private static long order(float logit, int id) {
        int bits = Float.floatToIntBits(logit + 0f);
        int ordered = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
        return ((long) ordered << 32) | (Integer.MAX_VALUE - id);
    }

    private static int index(long item) {
        return Integer.MAX_VALUE - (int) item;
    }
}
