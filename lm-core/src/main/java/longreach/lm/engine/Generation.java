package longreach.lm.engine;

/** A request in the engine's hands. Safe for use by several threads. */
public interface Generation {
    /**
     * Gives rows of a soft run that was asked for.
     *
     * @param rows [n, width], kept
     * @throws EngineException.InvalidRequest when the run was not asked for, or the rows do not fit it
     */
    void soft(int run, int offset, float[] rows);

    /** No more soft tokens will come; a sequence that still needs some fails. */
    void softEnded();

    /** The sink is ready again. */
    void resume();

    /** Frees the decoder and the pages at the next step. Harmless when it has ended. */
    void cancel();
}
