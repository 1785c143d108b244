package longreach.lm.sample;

import java.util.BitSet;

/** Lowers the logits of tokens that were used before, as {@link Sampling} says. One for each answer. */
public final class Penalties {
    private final Sampling sampling;
    private final BitSet seen = new BitSet();
    private final int[] used;

    public Penalties(Sampling sampling, int vocabulary) {
        this.sampling = sampling;
        this.used = new int[vocabulary];
    }

    public void addPrompt(int id) {
        if (id >= 0) {
            seen.set(id);
        }
    }

    public void addAnswer(int id) {
        seen.set(id);
        used[id]++;
    }

    public void apply(float[] logits, int offset) {
        for (int id = seen.nextSetBit(0); id >= 0; id = seen.nextSetBit(id + 1)) {
            float logit = logits[offset + id];
            logit = logit > 0 ? logit / sampling.repetitionPenalty() : logit * sampling.repetitionPenalty();
            if (used[id] > 0) {
                logit -= sampling.presencePenalty() + used[id] * sampling.frequencyPenalty();
            }
            logits[offset + id] = logit;
        }
    }
}
