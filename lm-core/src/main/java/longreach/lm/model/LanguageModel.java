package longreach.lm.model;

import longreach.lm.kv.KeyRotation;
import longreach.lm.kv.KvShape;

/**
 * A decoder that computes one step over several sequences at once. What a family needs of the engine, and the engine of a
 * family, is this and no more.
 *
 * <p>Used by one thread at a time; {@link #close} frees the prepared weights.
 */
public interface LanguageModel extends AutoCloseable {
    ModelCard card();

    /** Geometry of the layers whose keys and values are cached. */
    KvShape kvShape();

    /** How this model places its keys. */
    KeyRotation rotation();

    /**
     * Computes the rows of every entry of the batch, adds their keys and values to the entries' caches, and writes the
     * logits that the entries ask for.
     */
    void forward(Batch batch);

    /**
     * A second place to compute steps with these weights, which stay this model's. It may be used between any two calls of
     * this model and between any two layers of its own, by the same thread. The default computes everything as one layer.
     */
    default LayeredPass pass() {
        LanguageModel model = this;
        return new LayeredPass() {
            private Batch batch;

            @Override
            public void begin(Batch step) {
                batch = step;
            }

            @Override
            public boolean next() {
                model.forward(batch);
                return true;
            }
        };
    }

    @Override
    void close();
}
