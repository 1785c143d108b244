package longreach.lm.kv;

import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import longreach.lm.kv.LayerState.Growing;
import longreach.lm.kv.LayerState.Recurrent;
import longreach.lm.kv.LayerState.Sliding;
import longreach.store.api.Codec;
import longreach.tensor.kernel.AttentionShape;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;

/** What each layer of a model remembers, in the model's order. */
public record KvShape(List<LayerState> layers) {
    /** Of the chunk and checkpoint payloads that this package writes; another one is a miss. */
    public static final int LAYOUT_VERSION = 1;

    public KvShape {
        layers = List.copyOf(layers);
    }

    /** Layers of attention alone: sliding where the shape has a window, else growing. */
    public KvShape(Collection<AttentionShape> attention) {
        this(attention.stream().map(LayerState::of).toList());
    }

    /** Geometry of a layer of attention. */
    public AttentionShape attention(int layer) {
        return switch (layers.get(layer)) {
            case Growing growing -> growing.attention();
            case Sliding sliding -> sliding.attention();
            case Recurrent recurrent ->
                throw new IllegalArgumentException("layer " + layer + ": recurrent (expected: attention)");
        };
    }

    private Stream<AttentionShape> attention() {
        return Stream.concat(
                growing(),
                layers.stream().flatMap(l -> l instanceof Sliding s ? Stream.of(s.attention()) : Stream.empty()));
    }

    private Stream<AttentionShape> growing() {
        return layers.stream().flatMap(l -> l instanceof Growing g ? Stream.of(g.attention()) : Stream.empty());
    }

    /** Whether chunks hold anything. */
    public boolean hasGrowing() {
        return layers.stream().anyMatch(l -> l instanceof Growing);
    }

    /** Whether resuming takes a checkpoint beside the chunks. */
    public boolean needsCheckpoint() {
        return layers.stream().anyMatch(l -> !(l instanceof Growing));
    }

    public boolean hasRecurrent() {
        return layers.stream().anyMatch(l -> l instanceof Recurrent);
    }

    /** Off-heap bytes of one page of each layer of attention. */
    public long blockBytes(Kernels kernels, KvPage.Type type) {
        return attention().mapToLong(layer -> kernels.kvPageBytes(layer, type)).sum();
    }

    /** Bytes of one state of every recurrent layer. */
    public long recurrentBytes() {
        return layers.stream()
                .mapToLong(l -> l instanceof Recurrent r ? r.bytes() : 0)
                .sum();
    }

    /** Bytes of the growing layers' keys and values of {@code tokens} positions as a chunk stores them. */
    public int payloadBytes(int tokens, Codec codec) {
        long bytes = growing()
                .mapToLong(layer -> 2L * KvCodec.rowBytes(codec, layer.kvWidth()))
                .sum();
        return Math.toIntExact(bytes * tokens);
    }

    /** Bytes of what a checkpoint stores to resume at {@code position}. */
    public long checkpointBytes(int position, Codec codec) {
        long bytes = 0;
        for (LayerState layer : layers) {
            bytes += switch (layer) {
                case Growing growing -> 0;
                case Sliding sliding ->
                    2L
                            * Math.min(position, sliding.reach())
                            * KvCodec.rowBytes(codec, sliding.attention().kvWidth());
                case Recurrent recurrent -> recurrent.bytes();
            };
        }
        return bytes;
    }

    /** Positions before {@code position} of which a checkpoint there holds something; 0 for recurrent layers alone. */
    int checkpointReach(int position) {
        return layers.stream()
                .mapToInt(l -> l instanceof Sliding s ? Math.min(position, s.reach()) : 0)
                .max()
                .orElse(0);
    }

    /** Widths of the growing layers' keys, and of their values, in order. */
    int[] growingWidths() {
        return growing().mapToInt(AttentionShape::kvWidth).toArray();
    }

    public int maxKvWidth() {
        return attention().mapToInt(AttentionShape::kvWidth).max().orElse(0);
    }
}
