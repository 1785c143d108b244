package longreach.tensor.tokenizer;

import java.util.Arrays;

/**
 * Merges the symbols of one word, lowest rank first and leftmost among equals, until no pair has a merge. Symbols are a
 * linked list and candidates a heap, so a word of n symbols costs n log n, however long it is. Scratch space, reused
 * from word to word; for one thread.
 */
final class PairMerger {
    private final MergeTable merges;
    private int[] symbols = new int[64];
    private int[] previous = new int[64];
    private int[] next = new int[64];
    // handle of the merge of the symbol with its next one, or NONE
    private int[] pairs = new int[64];
    private int count;
    // rank << 32 | position; stale entries are recognised when they come up
    private long[] heap = new long[64];
    private int heapSize;

    PairMerger(MergeTable merges) {
        this.merges = merges;
    }

    void clear() {
        count = 0;
    }

    void add(int symbol) {
        if (count == symbols.length) {
            int size = Math.multiplyExact(count, 2);
            symbols = Arrays.copyOf(symbols, size);
            previous = Arrays.copyOf(previous, size);
            next = Arrays.copyOf(next, size);
            pairs = Arrays.copyOf(pairs, size);
        }
        symbols[count++] = symbol;
    }

    /** Merges what was added and hands the result to {@code out}. */
    void mergeInto(IntList out) {
        if (count == 0) {
            return;
        }
        heapSize = 0;
        for (int i = 0; i < count; i++) {
            previous[i] = i - 1;
            next[i] = i + 1;
        }
        for (int i = 0; i < count; i++) {
            offer(i);
        }
        while (heapSize > 0) {
            long entry = poll();
            int left = (int) entry;
            int pair = pairs[left];
            if (pair == MergeTable.NONE || merges.rank(pair) != (int) (entry >>> 32)) {
                continue;
            }
            int right = next[left];
            symbols[left] = merges.result(pair);
            next[left] = next[right];
            if (next[right] < count) {
                previous[next[right]] = left;
            }
            pairs[right] = MergeTable.NONE;
            offer(left);
            if (previous[left] >= 0) {
                offer(previous[left]);
            }
        }
        for (int i = 0; i < count; i = next[i]) {
            out.add(symbols[i]);
        }
    }

    private void offer(int left) {
        int right = next[left];
        int pair = right < count ? merges.find(symbols[left], symbols[right]) : MergeTable.NONE;
        pairs[left] = pair;
        if (pair != MergeTable.NONE) {
            push((long) merges.rank(pair) << 32 | left);
        }
    }

    private void push(long entry) {
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, Math.multiplyExact(heapSize, 2));
        }
        int at = heapSize++;
        while (at > 0) {
            int parent = at - 1 >>> 1;
            if (heap[parent] <= entry) {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = entry;
    }

    private long poll() {
        long least = heap[0];
        long last = heap[--heapSize];
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= heapSize) {
                break;
            }
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= last) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = last;
        return least;
    }
}
