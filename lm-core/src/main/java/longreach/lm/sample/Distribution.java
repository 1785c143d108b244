package longreach.lm.sample;

import java.util.Arrays;

/**
 * What a sampler draws from: tokens with their weights, in the order in which a draw passes them. Tokens that cannot be
 * drawn need not be in it. Made once and refilled, so that sampling allocates nothing; used by one thread.
 */
public final class Distribution {
    private int[] ids = new int[0];
    private double[] weights = new double[0];
    private int size;
    private double total;

    /** Empties it, with room for {@code capacity} tokens. */
    public void clear(int capacity) {
        if (ids.length < capacity) {
            ids = new int[capacity];
            weights = new double[capacity];
        }
        size = 0;
        total = 0;
    }

    /** Each token at most once; weights are not negative and need not sum to one. */
    public void add(int id, double weight) {
        ids[size] = id;
        weights[size++] = weight;
        total += weight;
    }

    /** Makes {@code id} certain. */
    public void certain(int id) {
        clear(1);
        add(id, 1);
    }

    public void copyFrom(Distribution other) {
        clear(other.size);
        System.arraycopy(other.ids, 0, ids, 0, other.size);
        System.arraycopy(other.weights, 0, weights, 0, other.size);
        size = other.size;
        total = other.total;
    }

    public int size() {
        return size;
    }

    public int id(int index) {
        return ids[index];
    }

    /** Probability of the token at {@code index}. */
    public double share(int index) {
        return weights[index] / total;
    }

    /** Sum of the weights; 0: nothing can be drawn. */
    public double total() {
        return total;
    }

    public double probability(int id) {
        if (id < size && ids[id] == id) {
            return share(id);
        }
        for (int i = 0; i < size; i++) {
            if (ids[i] == id) {
                return share(i);
            }
        }
        return 0;
    }

    /** @param uniform a draw from [0, 1) */
    public int pick(double uniform) {
        double target = uniform * total;
        int last = 0;
        for (int i = 0; i < size; i++) {
            target -= weights[i];
            if (target < 0) {
                return ids[i];
            }
            if (weights[i] > 0) {
                last = i;
            }
        }
        return ids[last];
    }

    @Override
    public String toString() {
        return Arrays.toString(Arrays.copyOf(ids, size)) + " " + Arrays.toString(Arrays.copyOf(weights, size));
    }
}
