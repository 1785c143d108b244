package longreach.lm.kv;

import java.util.List;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/** Attention geometry of every layer whose keys and values grow with the context. */
public record KvShape(List<AttentionShape> layers) {
    /** Of the chunk payload that this package writes; another one is a miss. */
    public static final int LAYOUT_VERSION = 1;

    public KvShape {
        layers = List.copyOf(layers);
    }

    /** Off-heap bytes of one page of each layer. */
    public long blockBytes(Kernels kernels, KvPage.Type type) {
        return layers.stream()
                .mapToLong(layer -> kernels.kvPageBytes(layer, type))
                .sum();
    }

    /** Bytes of the keys and values of {@code tokens} positions as a chunk stores them. */
    public int payloadBytes(int tokens, KvPage.Type type) {
        long elements = layers.stream().mapToLong(layer -> 2L * layer.kvWidth()).sum();
        return Math.toIntExact(elements * tokens * type.bytes);
    }

    public int maxKvWidth() {
        return layers.stream().mapToInt(AttentionShape::kvWidth).max().orElseThrow();
    }
}
