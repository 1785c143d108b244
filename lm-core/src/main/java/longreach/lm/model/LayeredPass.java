package longreach.lm.model;

/** A step that can be left between its layers and taken up again, with activations of its own. */
public interface LayeredPass {
    /** Begins a step. The batch stays as it is, and its caches are used by nobody else, until the last layer is computed. */
    void begin(Batch batch);

    /**
     * Computes the next layer.
     *
     * @return whether it was the last one: the step's keys, values and logits are then as {@link LanguageModel#forward}
     *     leaves them
     */
    boolean next();
}
