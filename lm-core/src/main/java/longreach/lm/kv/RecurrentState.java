package longreach.lm.kv;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.TreeMap;

/**
 * The state of one recurrent layer of one sequence, and copies of it at marked positions. A model computes up to each
 * mark ({@link KvCache#nextMark}), first its convolution and then its recurrence, and says so with {@link #convReached} and
 * {@link #hiddenReached}. Used by the engine's thread alone.
 */
public final class RecurrentState {
    private final LayerState.Recurrent shape;
    private final float[] hidden;
    private final float[] conv;
    private final TreeMap<Integer, float[]> snapshots = new TreeMap<>();
    private final ArrayDeque<float[]> free = new ArrayDeque<>();

    RecurrentState(LayerState.Recurrent shape) {
        this.shape = shape;
        hidden = new float[shape.channels()];
        conv = new float[shape.channels() * shape.convInputs()];
    }

    /** The recurrent vector, [channels]; zero before position 0. To be updated in place. */
    public float[] hidden() {
        return hidden;
    }

    /** The convolution's last inputs, [convInputs, channels], the oldest first; zero before position 0. */
    public float[] conv() {
        return conv;
    }

    /** {@link #conv} is that after the positions before {@code position}, which is a mark. */
    public void convReached(int position) {
        System.arraycopy(conv, 0, snapshot(position), shape.channels(), conv.length);
    }

    /** {@link #hidden} is that after the positions before {@code position}, which is a mark. */
    public void hiddenReached(int position) {
        System.arraycopy(hidden, 0, snapshot(position), 0, hidden.length);
    }

    private float[] snapshot(int position) {
        return snapshots.computeIfAbsent(position, p -> free.isEmpty() ? new float[shape.elements()] : free.pop());
    }

    boolean hasSnapshot(int position) {
        return snapshots.containsKey(position);
    }

    /** Hidden and then conv, [elements], as they were at a mark: a copy. */
    float[] at(int position) {
        return snapshots.get(position).clone();
    }

    /** Hidden and then conv, [elements]: a copy. */
    float[] now() {
        float[] copy = Arrays.copyOf(hidden, shape.elements());
        System.arraycopy(conv, 0, copy, hidden.length, conv.length);
        return copy;
    }

    void set(float[] elements) {
        System.arraycopy(elements, 0, hidden, 0, hidden.length);
        System.arraycopy(elements, hidden.length, conv, 0, conv.length);
    }

    void goBackTo(int position) {
        set(snapshots.get(position));
    }

    void dropSnapshots() {
        free.addAll(snapshots.values());
        snapshots.clear();
    }
}
