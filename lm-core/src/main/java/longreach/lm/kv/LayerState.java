package longreach.lm.kv;

import longreach.tensor.kernel.AttentionShape;

/** What one layer remembers of the positions behind it. */
public sealed interface LayerState {
    /** Global attention: keys and values of every position. Kept in chunks. */
    record Growing(AttentionShape attention) implements LayerState {
        public Growing {
            if (attention.window() != 0) {
                throw new IllegalArgumentException(
                        "growing layer: window " + attention.window() + " (expected: 0, none)");
            }
        }
    }

    /** Sliding-window attention: keys and values of the last window. Kept in checkpoints. */
    record Sliding(AttentionShape attention) implements LayerState {
        public Sliding {
            if (attention.window() < 1) {
                throw new IllegalArgumentException(
                        "sliding layer: window " + attention.window() + " (expected: at least 1)");
            }
        }

        /** Positions before the next one that it still sees. */
        int reach() {
            return attention.window() - 1;
        }
    }

    /**
     * A gated linear recurrence behind a short causal convolution: one f32 vector, whatever lies behind it, and the
     * convolution's last inputs. Kept in checkpoints.
     *
     * @param channels elements of the recurrent vector, and of each convolution input
     * @param convInputs how many earlier inputs the convolution reads: its width less one
     */
    record Recurrent(int channels, int convInputs) implements LayerState {
        public Recurrent {
            if (channels < 1 || convInputs < 0) {
                throw new IllegalArgumentException("recurrent layer: channels " + channels + ", conv inputs "
                        + convInputs + " (expected: at least 1 and 0)");
            }
        }

        int elements() {
            return channels * (1 + convInputs);
        }

        int bytes() {
            return Math.multiplyExact(elements(), Float.BYTES);
        }
    }

    static LayerState of(AttentionShape attention) {
        return attention.window() == 0 ? new Growing(attention) : new Sliding(attention);
    }
}
