package longreach.lm.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import longreach.lm.model.Batch;
import longreach.lm.model.LayeredPass;

/**
 * Prompts' next tokens beside answers, some layers after every token of theirs. A step of a few prompt tokens costs nearly
 * as much as one of many, because the weights are unpacked for all of them: so a pass computes many, and others go on
 * between its layers. Used by the engine's thread.
 */
final class PrefillPass {
    /** Most sequences of one pass. */
    static final int SEQUENCES = 4;
    // A pass is so large that about so many of its layers fit between two tokens: time that a layer would overrun is
    // lost.
    private static final int LAYERS_BETWEEN = 2;

    private final LayeredPass pass;
    private final Batch batch;
    private final LongSupplier clock;
    private final List<Sequence> sequences = new ArrayList<>();
    private long layerNanos;
    private long nanos;
    private boolean underWay;

    /**
     * @param batch refilled for every pass; {@link #SEQUENCES} rows of logits
     * @param clock in nanoseconds
     */
    PrefillPass(LayeredPass pass, Batch batch, LongSupplier clock) {
        this.pass = pass;
        this.batch = batch;
        this.clock = clock;
    }

    Batch batch() {
        return batch;
    }

    boolean isUnderWay() {
        return underWay;
    }

    /** Whether a pass under way writes to this sequence's cache. */
    boolean holds(Sequence sequence) {
        return underWay && sequences.contains(sequence);
    }

    /** Those of the pass that has ended, or is under way. */
    List<Sequence> sequences() {
        return List.copyOf(sequences);
    }

    /** What the pass that has ended took. */
    long nanos() {
        return nanos;
    }

    /**
     * Begins a pass, if any of the prompts can go on.
     *
     * @param prompts in the order of their turns
     * @param budget most tokens
     * @param between time between two tokens of others that layers may take
     * @param width of an embedding
     */
    void begin(List<Sequence> prompts, int budget, double between, int width) {
        batch.clear();
        sequences.clear();
        layerNanos = 0;
        nanos = 0;
        int left = budget;
        double layer = between / LAYERS_BETWEEN;
        for (Sequence sequence : prompts) {
            if (left <= 0 || layer <= 0 || sequences.size() == SEQUENCES) {
                break;
            }
            int most = Math.min(left, sequence.affordable(layer));
            int count = sequence.prefillable(most, batch.maxTokens() - batch.tokens());
            if (count > 0) {
                sequence.addPrefill(batch, count, width);
                sequences.add(sequence);
                // A bidirectional run may have overdrawn it.
                left -= count;
                layer -= count * sequence.nanosPerLayer();
            }
        }
        underWay = !sequences.isEmpty();
        if (underWay) {
            pass.begin(batch);
        }
    }

    /**
     * Computes layers, at least one; {@link #isUnderWay} tells whether some are left.
     *
     * @param most time in nanoseconds, in which another layer must be likely to end
     */
    void run(double most) {
        long began = clock.getAsLong();
        long now = began;
        do {
            long before = now;
            underWay = !pass.next();
            now = clock.getAsLong();
            layerNanos = Math.max(layerNanos, now - before);
        } while (underWay && now - began + layerNanos <= most);
        nanos += now - began;
        if (!underWay) {
            for (Sequence sequence : sequences) {
                sequence.layersTook(sequence.entry.tokens(), (double) layerNanos / batch.tokens());
            }
        }
    }

    /** Drops the pass: what it computed counts for nothing. */
    void drop() {
        underWay = false;
        sequences.clear();
    }
}
