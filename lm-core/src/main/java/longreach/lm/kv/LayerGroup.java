package longreach.lm.kv;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import longreach.store.api.Codec;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/**
 * Layers of attention whose pages come and go together: all growing ones, or all that slide under the same window.
 *
 * @param window 0: growing
 * @param layers indices into the shape
 * @param pageBytes of each of these layers
 * @param stageOffsets where a stage holds each of these layers' keys; its values follow {@link KvPage#POSITIONS} rows later
 * @param rowBytes of one position's keys, and of its values, for each of these layers
 */
record LayerGroup(
        int window,
        int[] layers,
        long[] pageBytes,
        long blockBytes,
        long[] stageOffsets,
        int[] rowBytes,
        long stageBytes) {
    static List<LayerGroup> of(KvShape shape, Kernels kernels, Codec codec, KvPage.Type type) {
        Map<Integer, List<Integer>> byWindow = new LinkedHashMap<>();
        for (int layer = 0; layer < shape.layers().size(); layer++) {
            if (!(shape.layers().get(layer) instanceof LayerState.Recurrent)) {
                byWindow.computeIfAbsent(shape.attention(layer).window(), w -> new ArrayList<>())
                        .add(layer);
            }
        }
        return byWindow.entrySet().stream()
                .map(e -> of(shape, e.getKey(), e.getValue(), kernels, codec, type))
                .toList();
    }

    private static LayerGroup of(
            KvShape shape, int window, List<Integer> members, Kernels kernels, Codec codec, KvPage.Type type) {
        int n = members.size();
        long[] pageBytes = new long[n];
        long[] stageOffsets = new long[n];
        int[] rowBytes = new int[n];
        long blockBytes = 0;
        long stageBytes = 0;
        for (int i = 0; i < n; i++) {
            var attention = shape.attention(members.get(i));
            pageBytes[i] = kernels.kvPageBytes(attention, type);
            blockBytes += pageBytes[i];
            stageOffsets[i] = stageBytes;
            rowBytes[i] = KvCodec.rowBytes(codec, attention.kvWidth());
            stageBytes += 2L * KvPage.POSITIONS * rowBytes[i];
        }
        int[] layers = members.stream().mapToInt(Integer::intValue).toArray();
        return new LayerGroup(window, layers, pageBytes, blockBytes, stageOffsets, rowBytes, stageBytes);
    }

    /** Where the payload of a chunk of so many tokens holds a layer's keys, where growing ones are the group. */
    long payloadAt(int indexInGroup, int tokens) {
        return stageOffsets[indexInGroup] / KvPage.POSITIONS * tokens;
    }

    boolean slides() {
        return window > 0;
    }

    /** The earliest position that a query at {@code position}, or {@code rollback} before it, sees. */
    int firstSeen(int position, int rollback) {
        return slides() ? Math.max(0, position - rollback - window + 1) : 0;
    }

    /** Most blocks that a sequence holds at once. */
    int maxBlocks(int positions, int step, int rollback) {
        int all = KvPool.blocksFor(positions);
        if (!slides()) {
            return all;
        }
        // So many consecutive positions, wherever the borders of pages lie among them.
        long consecutive = (long) window - 1 + rollback + step;
        return (int) Math.min(all, Math.ceilDiv(consecutive - 1, KvPage.POSITIONS) + 1);
    }
}
